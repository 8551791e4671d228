//! Forks that a campaign has made, and those of them that nobody needs any more.
//!
//! A fork is deleted when all of this is certain, and stays when anything is not: it is a fork of that very repository, in
//! the account of the token; no pull request from it waits; all that its branches have and the original has not was
//! made by this campaign; and nobody has starred it, forked it, or opened an issue there.

use std::collections::BTreeSet;
use std::path::Path;

use super::draft::branch;
use super::publish::{Interrupted, Publisher, Stop};
use super::record::Record;
use crate::forge::{self, RepoName, State};
use crate::git::{Address, Head};

/// A fork, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// The fork; the repository itself where nobody knows.
    pub name: RepoName,
    /// Why it stays.
    pub kept: Option<String>,
}

impl Publisher<'_> {
    /// Looks at the forks through which the pull requests of a repository came, and with `really` deletes those that
    /// nobody needs.
    ///
    /// # Errors
    /// When the user stops the run.
    pub fn prune(
        &self,
        record: &Record,
        parts: &[Option<String>],
        really: bool,
        tell: &mut dyn FnMut(Pruned),
    ) -> Result<(), Interrupted> {
        let original = Original { publisher: self, record, parts };
        let forks = match original.forks() {
            Ok(forks) => forks,
            Err(Stop::Interrupted) => return Err(Interrupted),
            Err(stop) => {
                if let Ok(name) = record.repo.split_once('/').map_or(record.repo.as_str(), |(_, name)| name).parse() {
                    tell(Pruned { name, kept: Some(self.pass.scrub(stop.because())) });
                }
                return Ok(());
            }
        };
        for name in forks {
            let kept = match original.prune(&name, really) {
                Ok(()) => None,
                Err(Stop::Interrupted) => return Err(Interrupted),
                Err(stop) => Some(self.pass.scrub(stop.because())),
            };
            tell(Pruned { name, kept });
        }
        Ok(())
    }
}

/// The repository that was forked, and the parts of the campaign in it.
struct Original<'a> {
    publisher: &'a Publisher<'a>,
    record: &'a Record,
    parts: &'a [Option<String>],
}

impl Original<'_> {
    fn address(&self) -> Result<Address, Stop> {
        Address::parse(&self.record.url, Path::new("/")).map_err(Stop::Fail)
    }

    fn branches(&self) -> impl Iterator<Item = String> {
        self.parts.iter().map(|part| branch(&self.publisher.wish.campaign, part.as_deref()))
    }

    fn name(&self) -> Result<RepoName, Stop> {
        let name: RepoName = self.address()?.path().parse().map_err(Stop::Fail)?;
        Ok(self.publisher.forge.repo(&name)?.name)
    }

    /// Where the pull requests of the campaign came from, as far as that is in the account of the token and still there.
    fn forks(&self) -> Result<BTreeSet<RepoName>, Stop> {
        let forge = self.publisher.forge;
        let account = forge.login()?.ok_or_else(|| Stop::Skip("the token belongs to no account that has forks".into()))?;
        let original = self.name()?;
        let mut forks = BTreeSet::new();
        for branch in self.branches() {
            let pulls = forge.pulls(&original, &account, &branch)?;
            forks.extend(pulls.into_iter().filter_map(|pull| pull.head_repo).filter(|head| *head != original));
        }
        Ok(forks)
    }

    /// Deletes a fork, if `really` is set; the error is why it stays.
    fn prune(&self, name: &RepoName, really: bool) -> Result<(), Stop> {
        let publisher = self.publisher;
        let original = self.name()?;
        let fork = publisher.forge.repo(name)?;
        let keep = |because: &str| Err(Stop::Skip(because.to_owned()));
        if !fork.fork || fork.parent.as_ref() != Some(&original) {
            return keep(&format!("it is no fork of {original}"));
        }
        if fork.archived {
            return keep("it is archived");
        }
        if fork.used {
            return keep("people use it: there are stars, issues, releases or forks of it");
        }
        let address = self.address()?;
        let place = address.sibling(&fork.name.to_string()).map_err(Stop::Fail)?;
        let (token, other_token) = (publisher.pass.to(&place)?, publisher.pass.to(&address)?);
        let refs = publisher.git.remote_refs(&place, token.as_ref())?;
        let theirs = publisher.git.remote_refs(&address, other_token.as_ref())?;
        // Have: what the fork is known by. What the original has under the same name needs no further look.
        let own: Vec<&Head> = refs.iter().filter(|head| !theirs.contains(head)).collect();
        if let Some(tag) = own.iter().find_map(|head| head.branch.strip_prefix("refs/tags/")) {
            return keep(&format!("it has a tag of its own: {tag}"));
        }
        let ours: Vec<String> = self.branches().map(|branch| format!("refs/heads/{branch}")).collect();
        let (ours, others): (Vec<&Head>, Vec<&Head>) = own.into_iter().partition(|head| ours.contains(&head.branch));
        for head in &ours {
            let branch = head.branch.trim_start_matches("refs/heads/");
            let pulls = publisher.forge.pulls(&original, &fork.name.owner, branch)?;
            if let Some(pull) = pulls.iter().find(|pull| pull.state == State::Open) {
                return keep(&format!("pull request {} is open", pull.number));
            }
        }
        if !ours.is_empty() || !others.is_empty() {
            let histories =
                publisher.git.histories((&place, &address), (token.as_ref(), other_token.as_ref()), &publisher.folder())?;
            for head in others {
                if !histories.makers(&[&head.sha])?.is_empty() {
                    return keep(&format!("it has a branch of its own: {}", head.branch.trim_start_matches("refs/heads/")));
                }
            }
            let author = &publisher.wish.author;
            let tips: Vec<&str> = ours.iter().map(|head| head.sha.as_str()).collect();
            if histories.makers(&tips)?.iter().any(|makers| makers.author != *author || makers.committer != *author) {
                return keep("somebody else has committed to a branch of the campaign");
            }
        }
        if !really {
            return Ok(());
        }
        if publisher.git.remote_refs(&place, token.as_ref())? != refs {
            return keep("it was changed a moment ago");
        }
        match publisher.forge.delete_fork(&fork.name) {
            // The answer to the first attempt may have been lost.
            Err(error) if error.class == forge::Class::Gone => Ok(()),
            result => Ok(result?),
        }
    }
}
