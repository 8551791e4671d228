//! Temporary files that a killed run of mlfix left behind.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Root;
use crate::fs::{Fs, Os, is_alive};

/// Removes from one folder, `relative` to `root`, the temporary files of mlfix whose process is gone and which are more
/// than an hour old; says how many. For folders that are being written to, once each.
///
/// The hour is for what a process number cannot tell: a run in another container, or on another machine.
///
/// # Errors
/// When the folder cannot be opened or listed. A file that cannot be removed is left.
pub fn sweep(root: &Root, relative: &Path) -> io::Result<usize> {
    sweep_on(&Os, root, relative)
}

const AGE: Duration = Duration::from_hours(1);

pub(super) fn sweep_on(fs: &dyn Fs, root: &Root, relative: &Path) -> io::Result<usize> {
    let folder = fs.folder(root.folder(), relative)?;
    let limit = SystemTime::now()
        .checked_sub(AGE)
        .and_then(|limit| limit.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |limit| limit.as_nanos().cast_signed());
    let mut removed = 0;
    for name in fs.list(&folder)? {
        if stray_process(&name).is_none_or(is_alive) {
            continue;
        }
        // A single name of a regular file: nobody's data is under it a second time, and no folder or device is touched.
        let abandoned = fs
            .open(&folder, Path::new(&name))
            .and_then(|file| fs.stat(&file))
            .is_ok_and(|stat| stat.regular && stat.links == 1 && stat.modified_ns < limit);
        if abandoned && fs.unlink(&folder, &name).is_ok() {
            removed += 1;
        }
    }
    Ok(removed)
}

/// The name of a temporary file: hidden, not Python, with the process that made it.
pub(super) fn stray_name(process: u32, random: u64) -> String {
    format!(".mlfix-{process}-{random:016x}.tmp")
}

/// The process in a name that [`stray_name`] made, and only in such a one.
pub(super) fn stray_process(name: &OsStr) -> Option<u32> {
    let name = name.to_str()?;
    let (process, random) = name.strip_prefix(".mlfix-")?.strip_suffix(".tmp")?.split_once('-')?;
    let process = process.parse().ok()?;
    let random = u64::from_str_radix(random, 16).ok()?;
    (stray_name(process, random) == name).then_some(process)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_mlfix_makes_are_its_own() {
        assert_eq!(stray_process(OsStr::new(&stray_name(42, 7))), Some(42));
        for other in [
            ".mlfix-42.tmp",
            ".mlfix-42-7.tmp",
            ".mlfix-042-0000000000000007.tmp",
            ".mlfix-+42-0000000000000007.tmp",
            ".mlfix-42-000000000000000A.tmp",
            "mlfix-42-0000000000000007.tmp",
            ".mlfix-42-0000000000000007.tmp.py",
            ".mlfix-99999999999-0000000000000007.tmp",
        ] {
            assert_eq!(stray_process(OsStr::new(other)), None, "{other}");
        }
    }
}
