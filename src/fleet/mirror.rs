//! Copies of repositories in a folder: filled where there is a network, scanned where there is none.

use std::path::Path;
use std::time::Duration;

use super::list::Target;
use super::pass::Pass;
use super::scan::mirror_of;
use crate::git::{Address, Failure, Git, Kind, Protocol};
use crate::report::terminal;
use crate::write::{Cause, Interrupt, random};

/// Copies the newest commit of each repository, with all its files; one that has not moved is left as it is. Says what was
/// done with each, and returns how many failed.
///
/// # Errors
/// When there is no git, or the folder cannot be made.
pub fn fill(
    folder: &Path,
    targets: &[Target],
    pass: Option<&Pass>,
    (timeout, max_size): (Duration, u64),
    interrupt: &Interrupt,
    mut each: impl FnMut(&Target, Result<&'static str, Failure>),
) -> anyhow::Result<usize> {
    let mut protocols: Vec<Protocol> = targets.iter().map(|target| target.address.protocol()).chain([Protocol::File]).collect();
    protocols.sort_unstable();
    protocols.dedup();
    let mut git = Git::new(&protocols)?;
    git.timeout = timeout;
    git.max_size = max_size;
    let made = std::fs::create_dir_all(folder);
    made.map_err(|error| anyhow::anyhow!("cannot make {}: {}", terminal::path(folder), Cause(&error)))?;
    let folder = folder.canonicalize()?;
    let mut failed = 0;
    for target in targets {
        if interrupt.is_set() {
            break;
        }
        let result = one(&git, &folder, target, pass);
        failed += usize::from(result.is_err());
        each(target, result);
    }
    Ok(failed)
}

fn one(git: &Git, folder: &Path, target: &Target, pass: Option<&Pass>) -> Result<&'static str, Failure> {
    let place = mirror_of(folder, &target.address);
    let branch = target.branch.as_deref();
    let token = pass.map_or(Ok(None), |pass| pass.to(&target.address))?;
    let now = git.remote_head(&target.address, branch, token.as_ref())?;
    if let Ok(copy) = Address::parse(&place.to_string_lossy(), folder)
        && git.remote_head(&copy, branch, None).is_ok_and(|head| head == now)
    {
        return Ok("is there already");
    }
    let failed = |error: std::io::Error| Failure::new(Kind::Other, format!("{}: {}", place.display(), Cause(&error)));
    let new = folder.join(format!(".new-{}-{:016x}", std::process::id(), random()));
    let put = || {
        git.clone_whole(&target.address, branch, &new, token.as_ref())?.head()?;
        let parent = place.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(failed)?;
        let is_new = !place.exists();
        if !is_new {
            std::fs::remove_dir_all(&place).map_err(failed)?;
        }
        std::fs::rename(&new, &place).map_err(failed)?;
        Ok(if is_new { "copied" } else { "copied again" })
    };
    let result = put();
    if result.is_err() {
        let _ = std::fs::remove_dir_all(&new);
    }
    result
}
