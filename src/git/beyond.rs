//! What one repository has that another has not: the question before a fork is deleted.

use std::collections::BTreeSet;
use std::path::Path;

use super::failure::Failure;
use super::process::run;
use super::repository::Repository;
use super::tip::Makers;
use super::{Address, Git, Head, Token, git_dir, is_sha};

/// The histories of two repositories, without their files.
pub struct Histories {
    both: Repository,
}

impl Git {
    /// All branches and tags of a remote repository, under their full names and sorted, with what they point to.
    ///
    /// # Errors
    /// Whatever keeps git from asking, and more of them than a megabyte holds.
    pub fn remote_refs(&self, address: &Address, token: Option<&Token>) -> Result<Vec<Head>, Failure> {
        let mut command = self.command(token);
        command.args(["ls-remote", "--heads", "--tags", "--refs", "--", address.url()]);
        let said = self.remote(&mut command, address)?;
        let said = String::from_utf8_lossy(&said);
        let refs = said.lines().filter_map(|line| line.split_once('\t')).filter(|(sha, _)| is_sha(sha));
        let mut refs: Vec<Head> = refs.map(|(sha, name)| Head { branch: name.to_owned(), sha: sha.to_owned() }).collect();
        refs.sort_by(|a, b| a.branch.cmp(&b.branch));
        Ok(refs)
    }

    /// Fetches the histories of all branches of two repositories into `folder`, which must not exist.
    ///
    /// # Errors
    /// Whatever keeps git from fetching.
    pub fn histories(
        &self,
        (one, other): (&Address, &Address),
        (token, other_token): (Option<&Token>, Option<&Token>),
        folder: &Path,
    ) -> Result<Histories, Failure> {
        let both = self.empty_clone(one, folder, None)?;
        for (address, token, place) in [(other, other_token, "other"), (one, token, "one")] {
            self.allowed(address)?;
            let mut fetch = self.command(token);
            fetch.arg(git_dir(folder)).args(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--filter=tree:0"]);
            fetch.args(["--", address.url(), &format!("+refs/heads/*:refs/{place}/*")]);
            run(&mut fetch, None, &self.growing(folder))?;
        }
        Ok(Histories { both })
    }
}

impl Histories {
    /// Who made the commits of the first repository that lead to these and that the second does not have.
    ///
    /// # Errors
    /// When one of them is not there, and when there are more than a megabyte can name.
    pub fn makers(&self, commits: &[&str]) -> Result<BTreeSet<Makers>, Failure> {
        if commits.is_empty() {
            return Ok(BTreeSet::new());
        }
        let mut arguments = vec!["log", "--format=%an <%ae>%x00%cn <%ce>"];
        arguments.extend(commits.iter().filter(|commit| is_sha(commit)));
        arguments.extend(["--not", "--glob=refs/other/*", "--"]);
        let said = self.both.ask(&arguments)?;
        let said = String::from_utf8_lossy(&said);
        let makers = said.lines().filter_map(|line| line.split_once('\0'));
        Ok(makers.map(|(author, committer)| Makers { author: author.to_owned(), committer: committer.to_owned() }).collect())
    }
}
