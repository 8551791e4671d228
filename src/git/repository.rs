//! A clone without a work tree: its commit, the files of it, and their bytes.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::failure::{Failure, Kind};
use super::process::{Limits, Watched, run, run_to_end};
use super::{Address, Git, Protocol, Token, git_dir, is_sha};

/// A clone in a folder that belongs to nobody else.
pub struct Repository {
    pub(super) git: Git,
    pub(super) folder: PathBuf,
    pub(super) address: Address,
    pub(super) token: Option<Token>,
    /// Whether files are missing that the remote repository has.
    partial: bool,
}

/// A branch and its commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The name without `refs/heads/`.
    pub branch: String,
    /// The full name of the commit.
    pub sha: String,
}

/// One entry of the tree of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is, in octal: `100644` and `100755` are files, `120000` a symbolic link, `160000` a submodule.
    pub mode: u32,
    /// The name of its content.
    pub sha: String,
    /// The path, with slashes, in whatever encoding it has.
    pub path: Vec<u8>,
}

impl Entry {
    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        matches!(self.mode, 0o100_644 | 0o100_755)
    }
}

/// The content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blob {
    /// All of it.
    Bytes(Vec<u8>),
    /// It has so many bytes, more than were asked for.
    TooLarge(u64),
    /// The clone does not have it.
    Missing,
}

/// The list of all files: 1 GiB is enough for ten million.
const MOST_ENTRIES: u64 = 1 << 30;
/// The bytes of the files of one question: 1 GiB.
const MOST_BYTES: u64 = 1 << 30;
/// A protocol's greeting that says that no part of a repository can be had.
const NO_FILTER: &str = "filtering not recognized by server";

impl Git {
    /// Clones the newest commit of a branch into `folder`, which must not exist; the default branch where none is named.
    /// Over the network only the names of files come along; [`Repository::fetch`] brings those that are wanted.
    ///
    /// # Errors
    /// [`Kind::Empty`] when there is no commit, and whatever keeps git from cloning.
    pub fn clone_into(
        &self,
        address: &Address,
        branch: Option<&str>,
        folder: &Path,
        token: Option<&Token>,
    ) -> Result<Repository, Failure> {
        self.clone_with(address, branch, folder, token, address.protocol() == Protocol::File)
    }

    /// The same with all files.
    ///
    /// # Errors
    /// Those of [`clone_into`](Self::clone_into).
    pub fn clone_whole(
        &self,
        address: &Address,
        branch: Option<&str>,
        folder: &Path,
        token: Option<&Token>,
    ) -> Result<Repository, Failure> {
        self.clone_with(address, branch, folder, token, true)
    }

    fn clone_with(
        &self,
        address: &Address,
        branch: Option<&str>,
        folder: &Path,
        token: Option<&Token>,
        whole: bool,
    ) -> Result<Repository, Failure> {
        self.allowed(address)?;
        let mut command = self.command(token);
        command.args(["clone", "--bare", "--quiet", "--depth=1", "--no-tags", "--single-branch", "--template="]);
        if !whole {
            command.arg("--filter=blob:none");
        }
        if let Some(branch) = branch {
            command.arg("--branch").arg(branch);
        }
        command.arg("--").arg(address.url()).arg(folder);
        let ended = run_to_end(&mut command, None, &self.growing(folder))?;
        if !ended.well {
            return Err(Failure::of(&ended.said));
        }
        let whole = whole || String::from_utf8_lossy(&ended.said).contains(NO_FILTER);
        Ok(Repository {
            git: self.clone(),
            folder: folder.to_owned(),
            address: address.clone(),
            token: token.cloned(),
            partial: !whole,
        })
    }

    pub(super) fn growing(&self, folder: &Path) -> Limits {
        Limits { folder: Some(Watched { path: folder.to_owned(), most: self.max_size }), ..self.limits() }
    }
}

impl Repository {
    /// A clone that misses nothing.
    pub(super) fn whole(git: &Git, address: &Address, folder: &Path, token: Option<&Token>) -> Self {
        Self { git: git.clone(), folder: folder.to_owned(), address: address.clone(), token: token.cloned(), partial: false }
    }

    /// The branch that was cloned, and its commit.
    ///
    /// # Errors
    /// [`Kind::Empty`] when there is no commit, or no branch where the remote repository says that its default branch is.
    pub fn head(&self) -> Result<Head, Failure> {
        let empty = |_| Failure::new(Kind::Empty, "it has no commits on its default branch");
        let sha = self.ask(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).map_err(empty)?;
        let branch = self.ask(&["symbolic-ref", "--quiet", "HEAD"])?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.trim_ascii()).into_owned();
        let (sha, branch) = (text(&sha), text(&branch));
        match branch.strip_prefix("refs/heads/").filter(|_| is_sha(&sha)) {
            Some(branch) => Ok(Head { branch: branch.to_owned(), sha }),
            None => Err(Failure::new(Kind::Other, "git names no branch and no commit")),
        }
    }

    /// When a commit was made, in seconds since 1970.
    pub fn date(&self, commit: &str) -> Result<i64, Failure> {
        let said = self.ask(&["log", "-1", "--format=%ct", commit, "--"])?;
        let date = String::from_utf8_lossy(said.trim_ascii()).parse();
        date.map_err(|_| Failure::new(Kind::Other, "git names no date"))
    }

    /// All files, links and submodules of a commit, in git's order, which is that of the bytes of the paths.
    pub fn entries(&self, commit: &str) -> Result<Vec<Entry>, Failure> {
        let limits = Limits { output: MOST_ENTRIES, ..self.git.limits() };
        let listed = run(self.command().args(["ls-tree", "-r", "-z", "--full-tree", commit]), None, &limits)?;
        listed.split(|&byte| byte == 0).filter(|line| !line.is_empty()).map(entry).collect()
    }

    /// Brings files here that a clone over the network left behind, all at once.
    ///
    /// # Errors
    /// When the remote repository does not give them.
    pub fn fetch(&self, shas: &[&str]) -> Result<(), Failure> {
        if !self.partial || shas.is_empty() {
            return Ok(());
        }
        // What git does by itself for each missing file.
        let mut command = self.git.command(self.token.as_ref());
        command.arg(git_dir(&self.folder)).args(["-c", "fetch.negotiationAlgorithm=noop"]);
        command.args(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--filter=blob:none", "--stdin", "origin"]);
        run(&mut command, Some(&lines(shas)), &self.git.growing(&self.folder)).map(drop)
    }

    /// The bytes of files, in the order of their names. Files of more than `most` bytes are not returned.
    ///
    /// # Errors
    /// When they are more than a gigabyte together.
    pub fn blobs(&self, shas: &[&str], most: u64) -> Result<Vec<Blob>, Failure> {
        if shas.is_empty() {
            return Ok(Vec::new());
        }
        let limits = Limits { output: MOST_BYTES, ..self.git.limits() };
        let mut command = self.command();
        // What was not fetched is missing; nobody goes for it one by one.
        command.env("GIT_NO_LAZY_FETCH", "1").args(["cat-file", "--batch", "--buffer"]);
        let printed = run(&mut command, Some(&lines(shas)), &limits)?;
        let blobs = blobs(&printed, most);
        match blobs.filter(|blobs| blobs.len() == shas.len()) {
            Some(blobs) => Ok(blobs),
            None => Err(Failure::new(Kind::Other, "git does not print what it was asked for")),
        }
    }

    /// A hardened command that works on this clone.
    pub(super) fn command(&self) -> Command {
        let mut command = self.git.command(None);
        command.arg(git_dir(&self.folder));
        command
    }

    pub(super) fn ask(&self, arguments: &[&str]) -> Result<Vec<u8>, Failure> {
        self.git.short(self.command().args(arguments))
    }
}

fn lines(shas: &[&str]) -> Vec<u8> {
    shas.iter().flat_map(|sha| [sha.as_bytes(), b"\n"]).flatten().copied().collect()
}

/// `100644 blob 4b825d…\tpath`
fn entry(line: &[u8]) -> Result<Entry, Failure> {
    let parse = || {
        let tab = line.iter().position(|&byte| byte == b'\t')?;
        let mut words = std::str::from_utf8(&line[..tab]).ok()?.split(' ');
        let mode = u32::from_str_radix(words.next()?, 8).ok()?;
        let sha = words.nth(1).filter(|sha| is_sha(sha))?.to_owned();
        Some(Entry { mode, sha, path: line[tab + 1..].to_vec() })
    };
    parse().ok_or_else(|| Failure::new(Kind::Other, "git lists its files in an unknown way"))
}

/// For each file `<name> blob <size>\n<bytes>\n`, or `<name> missing\n`.
fn blobs(mut printed: &[u8], most: u64) -> Option<Vec<Blob>> {
    let mut blobs = Vec::new();
    while !printed.is_empty() {
        let end = memchr::memchr(b'\n', printed)?;
        let line = std::str::from_utf8(&printed[..end]).ok()?;
        printed = &printed[end + 1..];
        let mut words = line.split(' ').skip(1);
        match (words.next()?, words.next()) {
            ("blob", Some(size)) => {
                let size: usize = size.parse().ok()?;
                let bytes = printed.get(..size)?;
                blobs.push(if size as u64 > most { Blob::TooLarge(size as u64) } else { Blob::Bytes(bytes.to_vec()) });
                printed = printed.get(size + 1..)?;
            }
            ("missing", None) => blobs.push(Blob::Missing),
            _ => return None,
        }
    }
    Some(blobs)
}
