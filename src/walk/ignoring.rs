//! Files that say what to ignore, before anybody reads them: they belong to whoever made the tree.
//!
//! A link called `.gitignore` that leads to an endless device would be read until memory is full, a FIFO would be waited
//! for. Both arrive in archives, and the link in a clone too.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Larger ones are not read. The longest of any project known has some hundred lines.
const MOST: u64 = 1 << 20;
/// What a `.git` or `commondir` file holds is one path.
const PATH_MOST: u64 = 1 << 13;

/// The first file of this folder that decides what a walk ignores and that cannot be read like a file, and why.
pub(super) fn unreadable(folder: &Path) -> Option<(PathBuf, &'static str)> {
    let check = |path: PathBuf, most: u64| why_not(&path, most).map(|because| (path, because));
    let own = [".gitignore", ".ignore"].into_iter().find_map(|name| check(folder.join(name), MOST));
    own.or_else(|| {
        let git = folder.join(".git");
        let common = match git.metadata() {
            Err(_) => return None,
            Ok(metadata) if metadata.is_dir() => git,
            // The `.git` of a worktree is a file that names the folder, which has a file that names another.
            Ok(_) => {
                if let Some(because) = why_not(&git, PATH_MOST) {
                    return Some((git, because));
                }
                let pointer = start_of(&git)?.strip_prefix("gitdir: ")?.trim_end().to_owned();
                let real = folder.join(pointer);
                let common = real.join("commondir");
                if let Some(because) = why_not(&common, PATH_MOST) {
                    return Some((common, because));
                }
                real.join(start_of(&common)?.trim_end())
            }
        };
        check(common.join("info/exclude"), MOST)
    })
}

/// Why a path must not be opened and read to its end; `None` also when there is nothing, or a folder.
fn why_not(path: &Path, most: u64) -> Option<&'static str> {
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => None,
        Ok(metadata) if !metadata.is_file() => Some("not a regular file"),
        Ok(metadata) if metadata.len() > most => Some("too large for what it should be"),
        _ => None,
    }
}

fn start_of(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(PATH_MOST).read_to_string(&mut text).ok()?;
    text.lines().next().map(str::to_owned)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_not_read() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("a folder");
        let at = |path: &str| folder.path().join(path);
        for sub in ["fine/.git/info", "zero", "zero2", "exclude/.git/info", "tree", "real", "large"] {
            std::fs::create_dir_all(at(sub)).expect("created");
        }
        std::fs::write(at("fine/.gitignore"), "build\n").expect("written");
        std::fs::write(at("fine/.git/info/exclude"), "build\n").expect("written");
        symlink("/dev/zero", at("zero/.gitignore")).expect("linked");
        symlink("/dev/zero", at("zero2/.git")).expect("linked");
        symlink("/dev/zero", at("exclude/.git/info/exclude")).expect("linked");
        std::fs::write(at("tree/.git"), "gitdir: ../real\n").expect("written");
        symlink("/dev/zero", at("real/commondir")).expect("linked");
        File::create(at("large/.ignore")).and_then(|file| file.set_len(MOST + 1)).expect("made");
        for (sub, expected) in [
            ("fine", None),
            ("none", None),
            ("zero", Some("zero/.gitignore")),
            ("zero2", Some("zero2/.git")),
            ("exclude", Some("exclude/.git/info/exclude")),
            ("tree", Some("tree/../real/commondir")),
            ("large", Some("large/.ignore")),
        ] {
            assert_eq!(unreadable(&at(sub)).map(|(path, _)| path), expected.map(at), "{sub}");
        }
    }
}
