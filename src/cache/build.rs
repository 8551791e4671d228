//! Which mlfix this is: what one build found holds for no other.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::UNIX_EPOCH;

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// The program that runs.
///
/// A version number is not enough, since developers build many programs of one version. The hash of the program itself
/// is, but takes as long as a run on a small file, so it is asked for only where path, size and time differ: after the
/// same program was installed again.
pub(super) struct Build {
    path: PathBuf,
    /// Of path, size and time of the last change.
    pub(super) stat: u128,
    content: OnceLock<u128>,
}

impl Build {
    /// `None` when the system does not say.
    pub(super) fn of_this_program() -> Option<Self> {
        let path = std::env::current_exe().ok()?;
        let metadata = path.metadata().ok()?;
        let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        let mut hasher = Xxh3::new();
        hasher.update(path.as_os_str().as_encoded_bytes());
        hasher.update(&metadata.len().to_le_bytes());
        hasher.update(&modified.as_nanos().to_le_bytes());
        Some(Self { path, stat: hasher.digest128(), content: OnceLock::new() })
    }

    /// Whether it is the build with this stat and content.
    pub(super) fn is(&self, [stat, content]: [u128; 2]) -> bool {
        stat == self.stat || (content != 0 && content == self.content())
    }

    /// The hash of the program, 0 when it cannot be read.
    pub(super) fn content(&self) -> u128 {
        *self.content.get_or_init(|| std::fs::read(&self.path).map_or(0, |bytes| xxh3_128(&bytes)))
    }
}

#[cfg(test)]
impl Build {
    /// One that is known by its stat alone.
    pub(super) fn known_by(stat: u128) -> Self {
        Self { path: PathBuf::new(), stat, content: OnceLock::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_its_place_or_its_content() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mlfix");
        std::fs::write(&path, "code").expect("written");
        let build = |stat| Build { path: path.clone(), stat, content: OnceLock::new() };
        let content = build(1).content();
        assert_ne!(content, 0);
        assert!(build(1).is([1, 0]));
        assert!(build(2).is([1, content]));
        assert!(!build(2).is([1, 0]));
        assert!(!build(2).is([1, content ^ 1]));
        assert!(Build::of_this_program().is_some_and(|build| build.content() != 0));
    }
}
