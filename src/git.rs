//! The git command line, for repositories that nobody vouches for.
//!
//! Everything that a repository, the user's configuration or the environment could make git run is switched off, and no
//! repository has a work tree here: what is read comes out of the object store, and what is written goes into it. So no
//! hook runs, no filter, no `fsmonitor`, no submodule is fetched, no link is followed and no file name matters to this
//! machine.
//!
//! What git prints is limited, how long it may take too, and a token is never an argument and never in a file.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

mod address;
mod beyond;
mod commit;
mod failure;
mod process;
mod push;
mod repository;
#[cfg(test)]
mod tests;
mod tip;

pub use address::{Address, Protocol};
pub use beyond::Histories;
pub use commit::{Commit, Put};
pub use failure::{Failure, Kind};
pub use push::{Pushed, Token};
pub use repository::{Blob, Entry, Head, Repository};
pub use tip::Makers;

use process::Limits;

/// The oldest git that is used: 2.38 (October 2022), the first with `safe.bareRepository`.
pub const OLDEST: (u32, u32) = (2, 38);

/// What little of the environment git sees: where programs are, how to reach the network, and the user's ssh agent.
const KEPT: &[&str] = &[
    "PATH",
    "SYSTEMROOT",
    "TMPDIR",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "SSH_AUTH_SOCK",
];

/// What is set instead of it.
const SET: &[(&str, &str)] = &[
    ("LC_ALL", "C"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ASKPASS", "/bin/false"),
    ("SSH_ASKPASS", "/bin/false"),
    ("GIT_SSH_COMMAND", "ssh -o BatchMode=yes"),
    ("GIT_LFS_SKIP_SMUDGE", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_ADVICE", "0"),
    // Nowhere: git would look there for `.netrc`, and for attributes.
    ("HOME", "/dev/null"),
];

const CONFIG: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.fsmonitor=false",
    "core.symlinks=false",
    "core.protectNTFS=true",
    "core.protectHFS=true",
    "credential.helper=",
    "fetch.recurseSubmodules=false",
    "gc.auto=0",
    "http.followRedirects=initial",
    "http.lowSpeedLimit=100",
    "http.lowSpeedTime=60",
    "init.templateDir=",
    "log.showSignature=false",
    "maintenance.auto=false",
    "protocol.ext.allow=never",
    "protocol.version=2",
    "push.followTags=false",
    "push.gpgSign=false",
    "push.recurseSubmodules=no",
    "safe.bareRepository=explicit",
    "submodule.recurse=false",
    "transfer.fsckObjects=true",
];

/// What git prints besides what was asked for, and short answers: 1 MiB.
const SHORT: u64 = 1 << 20;
/// For questions that need no network.
const LOCAL: Duration = Duration::from_mins(1);

/// The git of this machine, and what it may do.
#[derive(Clone, Debug)]
pub struct Git {
    program: PathBuf,
    version: (u32, u32),
    protocols: Vec<Protocol>,
    /// How long one command may take that reaches for the network.
    pub timeout: Duration,
    /// How many bytes a clone may have.
    pub max_size: u64,
}

impl Git {
    /// Finds git. `protocols` are those that it may speak; https and ssh are enough outside of tests, and `File` where
    /// the user names folders.
    ///
    /// # Errors
    /// When there is no git, or one older than [`OLDEST`].
    pub fn new(protocols: &[Protocol]) -> anyhow::Result<Self> {
        Self::at(Path::new("git"), protocols)
    }

    fn at(program: &Path, protocols: &[Protocol]) -> anyhow::Result<Self> {
        let mut git = Self {
            program: program.to_owned(),
            version: (0, 0),
            protocols: protocols.to_vec(),
            timeout: Duration::from_mins(5),
            max_size: 2 << 30,
        };
        let said = git.short(git.command(None).arg("--version"));
        let said = said.map_err(|failure| anyhow::anyhow!("cannot run git: {failure}"))?;
        let said = said.trim_ascii();
        let (major, minor) = OLDEST;
        match version(said) {
            Some(version) if version >= OLDEST => git.version = version,
            Some(_) => anyhow::bail!("git {major}.{minor} or newer is needed; this is {}", String::from_utf8_lossy(said)),
            None => anyhow::bail!("`git --version` prints no version: {}", String::from_utf8_lossy(said)),
        }
        Ok(git)
    }

    /// Major and minor version.
    pub fn version(&self) -> (u32, u32) {
        self.version
    }

    /// The commit that a branch of a remote repository points to, and the name of the branch; the default branch where
    /// none is named.
    ///
    /// # Errors
    /// [`Kind::Empty`] when there is no such branch, and whatever keeps git from asking.
    pub fn remote_head(&self, address: &Address, branch: Option<&str>, token: Option<&Token>) -> Result<Head, Failure> {
        let wanted = branch.map_or_else(|| "HEAD".to_owned(), |branch| format!("refs/heads/{branch}"));
        let mut command = self.command(token);
        command.args(["ls-remote", "--symref", "--", address.url(), &wanted]);
        let said = self.remote(&mut command, address)?;
        let said = String::from_utf8_lossy(&said);
        let mut name = branch.map(str::to_owned);
        let mut sha = None;
        for line in said.lines() {
            match line.split_once('\t') {
                Some((target, "HEAD")) if branch.is_none() && target.starts_with("ref: ") => {
                    name = target.strip_prefix("ref: refs/heads/").map(str::to_owned);
                }
                Some((target, found)) if found == wanted => sha = Some(target.to_owned()),
                _ => {}
            }
        }
        match (sha.filter(|sha| is_sha(sha)), name) {
            (Some(sha), Some(branch)) => Ok(Head { branch, sha }),
            _ => Err(Failure::new(Kind::Empty, "it has no commits on that branch")),
        }
    }

    /// All branches of a remote repository whose names begin with `prefix`, with the commits that they point to, sorted.
    ///
    /// # Errors
    /// Whatever keeps git from asking.
    pub fn remote_branches(&self, address: &Address, prefix: &str, token: Option<&Token>) -> Result<Vec<Head>, Failure> {
        let mut command = self.command(token);
        command.args(["ls-remote", "--heads", "--", address.url(), &format!("refs/heads/{prefix}*")]);
        let said = self.remote(&mut command, address)?;
        let mut heads: Vec<Head> = String::from_utf8_lossy(&said)
            .lines()
            .filter_map(|line| line.split_once("\trefs/heads/"))
            // The pattern also matches behind any slash.
            .filter(|(sha, branch)| is_sha(sha) && branch.starts_with(prefix))
            .map(|(sha, branch)| Head { sha: sha.to_owned(), branch: branch.to_owned() })
            .collect();
        heads.sort_by(|a, b| a.branch.cmp(&b.branch));
        Ok(heads)
    }

    /// Whether git takes this as the name of a branch.
    pub fn is_branch_name(&self, name: &str) -> bool {
        let mut command = self.command(None);
        command.args(["check-ref-format", "--branch", name]);
        !name.starts_with('-') && self.short(&mut command).is_ok()
    }

    /// A hardened command without its arguments.
    fn command(&self, token: Option<&Token>) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().current_dir("/");
        command.envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.envs(SET.iter().copied());
        let allowed: Vec<&str> = self.protocols.iter().map(|protocol| protocol.name()).collect();
        command.env("GIT_ALLOW_PROTOCOL", allowed.join(":"));
        command.args(["--no-pager", "--no-replace-objects", "--literal-pathspecs"]);
        for setting in CONFIG {
            command.args(["-c", setting]);
        }
        if let Some(token) = token {
            token.give_to(&mut command);
        }
        command
    }

    fn limits(&self) -> Limits {
        Limits { time: self.timeout, output: SHORT, folder: None }
    }

    /// Runs a command that only looks at what is here, and returns what it prints.
    fn short(&self, command: &mut Command) -> Result<Vec<u8>, Failure> {
        process::run(command, None, &Limits { time: LOCAL, ..self.limits() })
    }

    /// Runs a command that reaches for `address`, and returns what it prints.
    fn remote(&self, command: &mut Command, address: &Address) -> Result<Vec<u8>, Failure> {
        self.allowed(address)?;
        process::run(command, None, &self.limits())
    }

    fn allowed(&self, address: &Address) -> Result<(), Failure> {
        let protocol = address.protocol();
        if self.protocols.contains(&protocol) {
            return Ok(());
        }
        Err(Failure::new(Kind::Refused, format!("{} is not among the protocols that are allowed", protocol.name())))
    }
}

/// The version in `git version 2.39.5 (Apple Git-154)`.
fn version(said: &[u8]) -> Option<(u32, u32)> {
    let said = std::str::from_utf8(said).ok()?;
    let mut parts = said.strip_prefix("git version ")?.split(['.', ' ', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Whether this is the full name of an object, as SHA-1 or SHA-256.
pub fn is_sha(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The argument `--git-dir` for a folder.
fn git_dir(folder: &Path) -> std::ffi::OsString {
    let mut argument = std::ffi::OsString::from("--git-dir=");
    argument.push::<&OsStr>(folder.as_os_str());
    argument
}
