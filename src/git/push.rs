//! The one way by which anything leaves this machine, and the token that opens the door.

use std::fmt;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::failure::{Failure, Kind};
use super::process::run_to_end;
use super::{Address, Protocol, Repository};

/// A token for one host. It is handed to git in the environment of that one command, as a header for requests to that
/// host: it is never an argument, never in a file, and never in a message.
#[derive(Clone)]
pub struct Token {
    secret: String,
    user: String,
    /// Where it may be sent: `https://host/`.
    scope: String,
}

impl Token {
    /// A token for the host of `address`; `user` is the name that the forge wants beside a token, such as
    /// `x-access-token`.
    ///
    /// # Errors
    /// When the token would travel unencrypted to another machine, or could not be part of a header.
    pub fn new(secret: &str, user: &str, address: &Address) -> Result<Self, Failure> {
        let host = address.host();
        let name = host.split(':').next().unwrap_or(host);
        let is_private = match address.protocol() {
            Protocol::Https => true,
            Protocol::Http => matches!(name, "127.0.0.1" | "localhost"),
            Protocol::Ssh | Protocol::File => false,
        };
        if !is_private {
            return Err(Failure::new(Kind::Refused, format!("a token is only sent over https, and not to {address}")));
        }
        if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::new(Kind::Refused, "the token holds spaces or control characters"));
        }
        let scope = format!("{}://{host}/", address.protocol().name());
        Ok(Self { secret: secret.to_owned(), user: user.to_owned(), scope })
    }

    /// Puts the token into the environment of a command.
    pub(super) fn give_to(&self, command: &mut Command) {
        let basic = STANDARD.encode(format!("{}:{}", self.user, self.secret));
        let settings = [
            (format!("http.{}.extraHeader", self.scope), format!("Authorization: Basic {basic}")),
            // Git would send the header along to wherever a server points.
            ("http.followRedirects".to_owned(), "false".to_owned()),
        ];
        command.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (index, (key, value)) in settings.into_iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{index}"), key).env(format!("GIT_CONFIG_VALUE_{index}"), value);
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a token for {}", self.scope)
    }
}

/// What a push did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// The branch is new, or has other commits than before.
    Changed,
    /// It was there already.
    UpToDate,
}

impl Repository {
    /// Makes `branch` of the remote repository point to `commit`, if it is still what it was: `expected`, or not there.
    ///
    /// # Errors
    /// [`Kind::Stale`] when the branch has moved, and whatever keeps git from pushing.
    pub fn push(&self, commit: &str, branch: &str, expected: Option<&str>, token: Option<&Token>) -> Result<Pushed, Failure> {
        self.push_to(&self.address.clone(), commit, branch, expected, token)
    }

    /// The same for another repository, such as a fork, which must have the commit that this clone begins with.
    ///
    /// # Errors
    /// Those of [`push`](Self::push).
    pub fn push_to(
        &self,
        address: &Address,
        commit: &str,
        branch: &str,
        expected: Option<&str>,
        token: Option<&Token>,
    ) -> Result<Pushed, Failure> {
        self.git.allowed(address)?;
        let mut command = self.git.command(token);
        command.arg(super::git_dir(&self.folder)).args(["push", "--porcelain", "--no-verify", "--no-signed"]);
        command.arg(format!("--force-with-lease=refs/heads/{branch}:{}", expected.unwrap_or_default()));
        command.args(["--", address.url(), &format!("{commit}:refs/heads/{branch}")]);
        let ended = run_to_end(&mut command, None, &self.git.limits())?;
        let printed = String::from_utf8_lossy(&ended.printed);
        // One line for each branch, `flag \t from:to \t what`, see git-push(1).
        let line = printed.lines().find(|line| line.contains(&format!(":refs/heads/{branch}\t"))).unwrap_or_default();
        match line.chars().next() {
            Some('=') if ended.well => Ok(Pushed::UpToDate),
            Some(' ' | '+' | '*' | '-') if ended.well => Ok(Pushed::Changed),
            Some('!') => {
                let why = line.rsplit('\t').next().unwrap_or_default();
                let stale = ["stale info", "fetch first", "non-fast-forward", "cannot lock ref", "already exists"];
                let kind = if stale.iter().any(|word| why.contains(word)) { Kind::Stale } else { Kind::Refused };
                Err(Failure::new(kind, why.chars().filter(|c| !c.is_control()).take(300).collect::<String>()))
            }
            _ if ended.well => Err(Failure::new(Kind::Other, "git does not say what it pushed")),
            _ => Err(Failure::of(&ended.said)),
        }
    }

    /// Deletes `branch` of the remote repository, if it still is at `expected`.
    ///
    /// # Errors
    /// Those of [`push`](Self::push).
    pub fn delete_branch(&self, branch: &str, expected: &str, token: Option<&Token>) -> Result<Pushed, Failure> {
        self.push("", branch, Some(expected), token)
    }
}
