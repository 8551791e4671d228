//! What earlier runs found out, so that a file that did not change is not parsed again.
//!
//! A report is a function of the text, of the [`Settings`], and of the program. So it is remembered under a hash of the
//! text and the settings, in a file that belongs to one build of mlfix. The path of the text is no part of it: a file that
//! is moved or copied is still known. What is remembered is the report and not what was printed, so that every output
//! format and `-v` print the same with and without a cache. What went wrong is never remembered, and whatever is to be
//! fixed is computed anew.
//!
//! There is one file for each project, which is the nearest folder with `.git` above a path, else the folder that the
//! user named. It lies in the user's cache folder and not in the project: what a repository brings along cannot change
//! what is found in it, and looking at code writes nothing beside it.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_128_with_seed};

use crate::engine::driver::{self, Mode, Report, Settings};
use crate::engine::finding::Status;
use crate::engine::transform::FileKind;
use crate::write::{Root, own_folder, prune_own, sweep};

mod build;
mod codec;
mod pack;

use build::Build;
use pack::Pack;

/// Projects that no run looked at for so long are forgotten.
const AGE: Duration = Duration::from_hours(24 * 40);
/// All projects together: 512 MiB.
const MOST: u64 = 512 << 20;
const ENDING: &str = ".cache";
const DAY: u64 = 24 * 60 * 60;

/// The memory of a run, shared by its threads.
pub struct Cache {
    folder: PathBuf,
    /// None when the folder is not there yet, or cannot be used.
    root: Option<Root>,
    build: Build,
    /// Whether what was left alone is wanted.
    with_left: bool,
    /// By the root that files were found beneath.
    roots: Mutex<HashMap<PathBuf, Arc<Pack>>>,
    /// By the project.
    projects: Mutex<HashMap<PathBuf, Arc<Pack>>>,
    settings: Mutex<HashMap<usize, (Arc<Settings>, u128)>>,
}

impl Cache {
    /// The memory in `folder`, which need not exist. `None` when the system does not say which program this is.
    pub fn new(folder: PathBuf, with_left: bool) -> Option<Self> {
        // A folder that was not marked by mlfix is not even read.
        let root = folder.join("CACHEDIR.TAG").exists().then(|| own_folder(&folder).ok()).flatten();
        Some(Self {
            root,
            folder,
            build: Build::of_this_program()?,
            with_left,
            roots: Mutex::default(),
            projects: Mutex::default(),
            settings: Mutex::default(),
        })
    }

    /// The same as [`driver::run`] for a file beneath `root`, with the exception that what was left alone may be missing
    /// where it is not wanted.
    pub fn report(&self, root: &Root, bytes: &[u8], kind: FileKind, settings: &Arc<Settings>, mode: Mode) -> Report {
        let pack = self.pack(root);
        let key = xxh3_128_with_seed(bytes, pack.seed) ^ self.settings(settings) ^ (bytes.len() as u128);
        let key = key.wrapping_add(u128::from(kind == FileKind::Stub));
        let known = pack.get(key).and_then(|entry| codec::decode(entry, bytes, self.with_left));
        if let Some(known) = known.filter(|known| answers(known, mode)) {
            return known;
        }
        let report = driver::run(bytes.to_vec(), kind, settings, mode);
        if answers(&report, mode)
            && let Some(entry) = codec::encode(&report)
        {
            pack.put(key, entry);
        }
        report
    }

    fn pack(&self, root: &Root) -> Arc<Pack> {
        let mut roots = lock(&self.roots);
        if let Some(pack) = roots.get(root.real()) {
            return Arc::clone(pack);
        }
        let project = root.real().ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(root.real());
        let mut projects = lock(&self.projects);
        let load = || Arc::new(Pack::load(self.root.as_ref(), name(project), &self.build));
        let pack = Arc::clone(projects.entry(project.to_owned()).or_insert_with(load));
        roots.insert(root.real().to_owned(), Arc::clone(&pack));
        pack
    }

    /// A hash of all that a report depends on besides the text. Files of one configuration share their settings.
    fn settings(&self, settings: &Arc<Settings>) -> u128 {
        let address = Arc::as_ptr(settings) as usize;
        // The settings are kept, so that no others can come to the same address.
        lock(&self.settings).entry(address).or_insert_with(|| (Arc::clone(settings), fingerprint(settings))).1
    }

    /// Writes what is new, and takes away what is old.
    ///
    /// # Errors
    /// Why nothing could be kept; nobody needs to care.
    pub fn save(self) -> io::Result<()> {
        let Self { folder, root, build, roots, projects, .. } = self;
        drop(roots);
        let today = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() / DAY) as u32;
        let packs = projects.into_inner().unwrap_or_else(PoisonError::into_inner).into_values();
        let packs: Vec<Pack> = packs.filter_map(Arc::into_inner).filter(|pack| pack.has_news(&build, today)).collect();
        if packs.is_empty() {
            return Ok(());
        }
        let root = root.map_or_else(|| own_folder(&folder), Ok)?;
        let mut grown = false;
        for pack in packs {
            grown |= pack.save(&root, &build, today)?;
        }
        if grown {
            sweep(&root, Path::new(""))?;
            prune_own(&root, is_ours, AGE, MOST)?;
        }
        Ok(())
    }
}

/// Whether this is what a run of that mode would say: the fixes of a text are no part of what is remembered.
fn answers(report: &Report, mode: Mode) -> bool {
    let is_left_as_it_is = |status: &Status| matches!(status, Status::NeedsUnsafe | Status::Report | Status::Suppressed { .. });
    mode == Mode::Check || report.outcomes.iter().all(|outcome| is_left_as_it_is(&outcome.status))
}

fn fingerprint(settings: &Settings) -> u128 {
    // The ids of all transforms are a property of the build.
    let Settings { selected, target, options, unsafe_fixes, known: _ } = settings;
    let mut hasher = Xxh3::new();
    for selected in selected {
        hasher.update(selected.transform.meta().id.as_bytes());
        hasher.update(b"\n");
    }
    hasher.update(&[0, target.minor, u8::from(*unsafe_fixes)]);
    for ((id, name), value) in options {
        for part in [id, name, value.as_str()] {
            hasher.update(part.as_bytes());
            hasher.update(b"\n");
        }
    }
    hasher.digest128()
}

/// The name of a project's file. Another version of mlfix has another one, so that two in turn do not forget each other's.
fn name(project: &Path) -> OsString {
    let version = concat!(env!("CARGO_PKG_VERSION"), "\n").as_bytes();
    let hash = xxh3_64(&[version, project.as_os_str().as_encoded_bytes()].concat());
    format!("{hash:016x}{ENDING}").into()
}

fn is_ours(name: &OsStr) -> bool {
    let hash = name.to_str().and_then(|name| name.strip_suffix(ENDING));
    hash.is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// `MLFIX_CACHE_DIR`, else a folder `mlfix` where the platform keeps what can be made again. `None` without a home.
pub fn usual_folder() -> Option<PathBuf> {
    let set = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    // The specification of the XDG folders says that relative paths are to be ignored.
    let base = |variable: &str| set(variable).filter(|path| path.is_absolute());
    let platform = if cfg!(windows) {
        base("LOCALAPPDATA").map(|folder| folder.join("mlfix").join("cache"))
    } else if cfg!(target_os = "macos") {
        base("HOME").map(|home| home.join("Library/Caches/mlfix"))
    } else {
        base("XDG_CACHE_HOME").or_else(|| base("HOME").map(|home| home.join(".cache"))).map(|folder| folder.join("mlfix"))
    };
    set("MLFIX_CACHE_DIR").or(platform)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Configs, Overrides};

    const TEXT: &[u8] = b"def add(x, acc=[]):\n    acc.append(x)\n    return acc\n";

    fn settings(overrides: Overrides) -> Arc<Settings> {
        let configs = Configs::new(Overrides { isolated: true, ..overrides }, Path::new("/")).expect("right");
        configs.settings(Path::new("/a.py")).expect("right")
    }

    #[test]
    fn each_setting_has_its_own_memory() {
        let different = [
            Overrides::default(),
            Overrides { select: Some(vec!["mutable-default"]), ..Overrides::default() },
            Overrides { ignore: vec!["mutable-default"], ..Overrides::default() },
            Overrides { target: Some("3.12".parse().expect("a version")), ..Overrides::default() },
            Overrides { unsafe_fixes: true, ..Overrides::default() },
        ];
        let mut prints: Vec<u128> = different.into_iter().map(|overrides| fingerprint(&settings(overrides))).collect();
        let mut with_option = Arc::into_inner(settings(Overrides::default())).expect("the only one");
        with_option.options.insert(("mutable-default", "read-only"), "ignore".into());
        prints.push(fingerprint(&with_option));
        prints.sort_unstable();
        prints.dedup();
        assert_eq!(prints.len(), 6);
        assert_eq!(fingerprint(&settings(Overrides::default())), fingerprint(&settings(Overrides::default())));
    }

    #[test]
    fn a_stub_is_not_the_module_of_the_same_text() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = Root::open(folder.path()).expect("there");
        let settings = settings(Overrides::default());
        for _ in 0..2 {
            let cache = Cache::new(folder.path().join("cache"), true).expect("a program");
            let count = |kind| cache.report(&root, TEXT, kind, &settings, Mode::Check).outcomes.len();
            assert_eq!((count(FileKind::Module), count(FileKind::Stub)), (1, 0));
            cache.save().expect("written");
        }
    }

    #[test]
    fn what_can_be_fixed_is_fixed_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = Root::open(folder.path()).expect("there");
        let settings = settings(Overrides::default());
        for _ in 0..2 {
            let cache = Cache::new(folder.path().join("cache"), false).expect("a program");
            let run = |mode| cache.report(&root, TEXT, FileKind::Module, &settings, mode);
            assert_eq!(run(Mode::Check).outcomes[0].status, Status::Fixable);
            let fixed = run(Mode::Fix);
            assert_eq!(fixed.outcomes[0].status, Status::Applied);
            assert!(fixed.fixed.is_some());
            cache.save().expect("written");
        }
    }

    #[test]
    fn the_names_of_our_files_are_known() {
        assert!(is_ours(&name(Path::new("/a"))));
        assert_ne!(name(Path::new("/a")), name(Path::new("/b")));
        for other in ["CACHEDIR.TAG", ".gitignore", "x.cache", "0123456789abcdef.cached", "0123456789abcdeg.cache"] {
            assert!(!is_ours(OsStr::new(other)), "{other}");
        }
    }
}
