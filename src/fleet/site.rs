//! A repository that may be changed: where its branches go, and a clone of it when one is needed.

use std::collections::BTreeMap;
use std::path::Path;

use super::STOP_TOPIC;
use super::publish::{Publisher, Stop};
use super::record::{Record, RepoPath, Step};
use super::split::Owners;
use crate::forge::{Repo, RepoName};
use crate::git::{self, Address, Blob, Repository};

/// Larger CODEOWNERS files are not read: GitHub's own limit.
const MAX_OWNERS: u64 = 3 << 20;
/// How often a fork is looked for before its absence counts.
const FORK_ATTEMPTS: u32 = 20;

/// A repository that may be changed, and its record.
pub(super) struct Site<'r> {
    pub(super) record: &'r Record,
    /// Where branches are pushed: the repository itself, or a fork of it.
    pub(super) push: Address,
    pub(super) repo: RepoName,
    pub(super) head_repo: RepoName,
    address: Address,
    default_branch: Option<String>,
    ground: Option<Ground>,
}

/// A clone, and what was found in it.
pub(super) struct Ground {
    pub(super) clone: Repository,
    /// The newest commit of the branch to merge into.
    pub(super) base: String,
    entries: BTreeMap<RepoPath, (u32, String)>,
}

impl<'r> Site<'r> {
    /// The repository of a record, with a fork of it where branches must go there; an error where it may not be changed.
    pub(super) fn new(publisher: &Publisher<'_>, record: &'r Record) -> Result<Self, Stop> {
        let wish = publisher.wish;
        let address = Address::parse(&record.url, Path::new("/")).map_err(Stop::Fail)?;
        if address.protocol() == git::Protocol::File {
            return Err(Stop::Skip("it is a folder of this machine, and no forge knows it".into()));
        }
        let name: RepoName = address.path().parse().map_err(Stop::Fail)?;
        let repo = publisher.forge.repo(&name)?;
        let skip = |because: &str| Err(Stop::Skip(because.to_owned()));
        if repo.archived {
            return skip("it is archived");
        }
        if repo.topics.iter().any(|topic| topic == STOP_TOPIC) {
            return skip("it has the topic `no-mlfix`");
        }
        if repo.fork && !wish.include_forks {
            return skip("it is a fork itself (--include-forks)");
        }
        let (push, head_repo) = if repo.can_push {
            (address.clone(), repo.name.clone())
        } else if !wish.fork {
            return skip("the token has no right to push there (--fork goes through a fork)");
        } else if !repo.private && !wish.allow_foreign {
            return skip("it is public and belongs to somebody else (--allow-foreign)");
        } else if wish.dry_run {
            return skip("a fork would be made, which a dry run does not do");
        } else {
            let fork = publisher.forge.fork(&repo.name)?;
            let push = address.sibling(&fork.name.to_string()).map_err(Stop::Fail)?;
            sync(publisher, &repo, &fork, &push)?;
            (push, fork.name)
        };
        let Repo { name: repo, default_branch, .. } = repo;
        Ok(Self { record, push, repo, head_repo, address, default_branch, ground: None })
    }

    /// The branch to merge into.
    pub(super) fn base(&self) -> Result<String, Stop> {
        let base = self.record.base_ref.clone().or_else(|| self.default_branch.clone());
        base.filter(|base| !base.starts_with("mlfix/")).ok_or_else(|| Stop::Skip("it has no branch to merge into".into()))
    }

    /// The clone, made when it is first needed.
    pub(super) fn ground(&mut self, publisher: &Publisher<'_>) -> Result<&Ground, Stop> {
        if self.ground.is_none() {
            let base = self.base()?;
            let token = publisher.pass.to(&self.address)?;
            let clone = publisher.git.clone_into(&self.address, Some(&base), &publisher.folder(), token.as_ref())?;
            let base = clone.head()?.sha;
            let entries = clone.entries(&base)?.into_iter().filter(git::Entry::is_file);
            let entries = entries.map(|entry| (RepoPath(entry.path), (entry.mode, entry.sha))).collect();
            self.ground = Some(Ground { clone, base, entries });
        }
        Ok(self.ground.as_ref().expect("made above"))
    }
}

/// A fork is made in the background. Its base must be as new as the original's, or git cannot push a shallow clone.
fn sync(publisher: &Publisher<'_>, repo: &Repo, fork: &Repo, push: &Address) -> Result<(), Stop> {
    let Some(branch) = &repo.default_branch else { return Ok(()) };
    let token = publisher.pass.to(push)?;
    for _ in 0..FORK_ATTEMPTS {
        if publisher.git.remote_head(push, Some(branch), token.as_ref()).is_ok() {
            return Ok(publisher.forge.sync_fork(&fork.name, branch)?);
        }
        if !publisher.forge.rest() {
            return Err(Stop::Interrupted);
        }
    }
    Err(Stop::Fail(format!("the fork {} is not there yet; try again later", fork.name)))
}

impl Ground {
    /// Whom the repository names as owners of its files.
    pub(super) fn owners(&self) -> Result<Owners, Stop> {
        let at = |place: &&str| self.entries.get(&RepoPath(place.as_bytes().to_vec()));
        let Some((_, sha)) = Owners::PLACES.iter().find_map(at) else { return Ok(Owners::default()) };
        self.clone.fetch(&[sha])?;
        Ok(match self.clone.blobs(&[sha], MAX_OWNERS)?.pop() {
            Some(Blob::Bytes(bytes)) => Owners::parse(&String::from_utf8_lossy(&bytes)),
            _ => Owners::default(),
        })
    }

    /// The steps without the files that are as they should be already. Where a file has changed since the scan in any other
    /// way, nothing is done: nobody has looked at it.
    pub(super) fn fitting(&self, steps: &[Step]) -> Result<Vec<Step>, Stop> {
        let mut ends: BTreeMap<&RepoPath, (&str, &str)> = BTreeMap::new();
        for edit in steps.iter().flat_map(|step| &step.edits) {
            let (_, after) = ends.entry(&edit.path).or_insert((&edit.blob_before, &edit.blob_after));
            *after = &edit.blob_after;
        }
        let mut in_already = Vec::new();
        for (path, (before, after)) in ends {
            match self.entries.get(path) {
                Some((_, sha)) if sha == before => {}
                Some((_, sha)) if sha == after => in_already.push(path.clone()),
                _ => {
                    let path = String::from_utf8_lossy(&path.0);
                    return Err(Stop::Conflict(format!("{path} has changed since the scan")));
                }
            }
        }
        let mut steps = steps.to_vec();
        for step in &mut steps {
            step.edits.retain(|edit| !in_already.contains(&edit.path));
        }
        steps.retain(|step| !step.edits.is_empty());
        Ok(steps)
    }
}

/// Whether mlfix may ever change this file: Python, in the repository, and nothing that a forge or git acts upon.
pub(super) fn is_allowed(path: &RepoPath) -> bool {
    const FORBIDDEN: [&[u8]; 8] = [b".github", b".gitlab", b".gitea", b".forgejo", b".git", b".", b"..", b""];
    let is_python = path.0.ends_with(b".py") || path.0.ends_with(b".pyi");
    is_python && !path.0.split(|&byte| byte == b'/').any(|part| FORBIDDEN.contains(&part.to_ascii_lowercase().as_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_python_is_ever_changed() {
        let allowed = |path: &[u8]| is_allowed(&RepoPath(path.to_vec()));
        for good in [&b"a.py"[..], b"src/x/y.pyi", b"src/\xff.py", b".hidden/a.py"] {
            assert!(allowed(good), "{}", String::from_utf8_lossy(good));
        }
        for bad in [
            &b".github/scripts/a.py"[..],
            b".GitHub/a.py",
            b"x/.git/hooks/a.py",
            b"../a.py",
            b"/etc/a.py",
            b"a//b.py",
            b".github/\xff.py",
            b".gitmodules",
            b".gitattributes",
            b"a.ipynb",
            b"setup.cfg",
            b"py",
            b"",
        ] {
            assert!(!allowed(bad), "{}", String::from_utf8_lossy(bad));
        }
    }
}
