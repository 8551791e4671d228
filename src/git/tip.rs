//! The tip of a branch, without its content: who made it.

use std::path::Path;

use super::failure::{Failure, Kind};
use super::process::run;
use super::repository::Repository;
use super::{Address, Git, Token, git_dir, is_sha};

/// Who made a commit, each as `Name <address>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Makers {
    /// Who wrote the change.
    pub author: String,
    /// Who put it there; somebody else after a rebase or an amended commit.
    pub committer: String,
}

impl Git {
    /// An empty clone in `folder`, which must not exist: for what is done to the remote repository without its files.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn empty_clone(&self, address: &Address, folder: &Path, token: Option<&Token>) -> Result<Repository, Failure> {
        let mut command = self.command(None);
        command.args(["init", "--bare", "--quiet", "--template=", "--"]).arg(folder);
        self.short(&mut command)?;
        Ok(Repository::whole(self, address, folder, token))
    }
}

impl Git {
    /// Copies one commit of a checkout into `folder`, which must not exist, as the only branch `branch`. Nothing in the
    /// checkout is touched, and nothing there can be that is not committed.
    ///
    /// # Errors
    /// When there is no such commit, and whatever keeps git from copying it.
    pub fn snapshot(&self, checkout: &Address, commit: &str, branch: &str, folder: &Path) -> Result<Address, Failure> {
        let copy = self.empty_clone(checkout, folder, None)?;
        let mut fetch = self.command(None);
        fetch.arg(git_dir(folder)).args([
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--no-write-fetch-head",
            "--update-head-ok",
        ]);
        fetch.args(["--", checkout.url(), &format!("{commit}:refs/heads/{branch}")]);
        run(&mut fetch, None, &self.limits())?;
        copy.ask(&["symbolic-ref", "HEAD", &format!("refs/heads/{branch}")])?;
        let text = folder.to_string_lossy();
        Address::parse(&text, Path::new("/")).map_err(|error| Failure::new(Kind::Other, error))
    }
}

impl Repository {
    /// Fetches a commit of the remote repository, without its files, and says who made it.
    ///
    /// # Errors
    /// When it is not there any more, and whatever keeps git from asking.
    pub fn makers(&self, commit: &str) -> Result<Makers, Failure> {
        if !is_sha(commit) {
            return Err(Failure::new(Kind::Other, "that is no name of a commit"));
        }
        let mut fetch = self.git.command(self.token.as_ref());
        fetch.arg(git_dir(&self.folder)).args(["fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head"]);
        fetch.args(["--filter=tree:0", "--", self.address.url(), commit]);
        run(&mut fetch, None, &self.git.limits())?;
        let said = self.ask(&["log", "-1", "--format=%an <%ae>%n%cn <%ce>", commit, "--"])?;
        let said = String::from_utf8_lossy(&said);
        let mut lines = said.lines().map(str::to_owned);
        match (lines.next(), lines.next()) {
            (Some(author), Some(committer)) => Ok(Makers { author, committer }),
            _ => Err(Failure::new(Kind::Other, "git does not say who made a commit")),
        }
    }
}
