//! Why git did not do what it was asked for, as far as that tells what to do about it.

use std::fmt;

/// A failure of git: what kind it is, and what git said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What to do about it.
    pub kind: Kind,
    /// One line for a person. It may quote a remote server, and never a token.
    pub said: String,
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Try again later: the network, a server in trouble, a limit of requests.
    Transient,
    /// It took too long.
    Timeout,
    /// More bytes than are allowed.
    TooBig,
    /// Somebody must say who they are, or may not.
    Auth,
    /// There is no such repository or branch.
    Gone,
    /// There is a repository and no commit.
    Empty,
    /// It is not allowed here: a protocol, or objects that are no sound git objects.
    Refused,
    /// A branch is not what it was expected to be any more.
    Stale,
    /// Anything else.
    Other,
}

impl Failure {
    /// A failure of a known kind.
    pub fn new(kind: Kind, said: impl Into<String>) -> Self {
        Self { kind, said: said.into() }
    }

    /// What git printed on standard error before it ended with a failure.
    pub(super) fn of(printed: &[u8]) -> Self {
        let text = String::from_utf8_lossy(printed).to_lowercase();
        let decides = |(_, words): &&(Kind, &[&str])| words.iter().any(|word| text.contains(word));
        match KINDS.iter().find(decides) {
            Some((kind, words)) => Self { kind: *kind, said: line(printed, words) },
            None => Self { kind: Kind::Other, said: line(printed, &[]) },
        }
    }
}

/// Words of git, curl and ssh (`LC_ALL=C`), in small letters; the first that occurs decides. What is certain comes first:
/// git adds "could not read from remote repository" to all that goes wrong with ssh.
const KINDS: &[(Kind, &[&str])] = &[
    (Kind::Stale, &["stale info", "[rejected]", "fetch first", "non-fast-forward", "cannot lock ref"]),
    (
        Kind::Refused,
        &["transport '", "fsck", "is not our ref", "repository corruption", "unsafe repository", "dubious ownership"],
    ),
    (
        Kind::Transient,
        &[
            "could not resolve host",
            "could not resolve hostname",
            "temporary failure",
            "connection",
            "timed out",
            "timeout was reached",
            "operation too slow",
            "early eof",
            "hung up unexpectedly",
            "rpc failed",
            "error: 429",
            "error: 5",
            "unexpected disconnect",
            "ssl_",
        ],
    ),
    (
        Kind::Auth,
        &[
            "authentication failed",
            "could not read username",
            "could not read password",
            "permission denied",
            "host key verification failed",
            "error: 401",
            "error: 403",
            "permission to ",
            "write access to repository not granted",
            "not allowed to push",
        ],
    ),
    (
        Kind::Gone,
        &[
            "not found",
            "does not exist",
            "does not appear to be a git repository",
            "not a git repository",
            "error: 404",
            "error: 410",
            "could not find remote branch",
            "remote branch",
        ],
    ),
];

/// The line that says the most, and no control characters. Several processes print at the same time, so that their order
/// means nothing: a line with one of the words that decide comes first, then what git marks as its own, then the alphabet.
fn line(printed: &[u8], words: &[&str]) -> String {
    let text = String::from_utf8_lossy(printed);
    let rank = |line: &&str| {
        let small = line.to_lowercase();
        let decides = words.iter().any(|word| small.contains(word));
        let marked = ["fatal:", "error:"].iter().any(|mark| line.starts_with(mark));
        (!decides, !marked, (*line).to_owned())
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines.min_by_key(rank).unwrap_or("git ended with a failure");
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_says_tells_what_to_do() {
        for (printed, kind) in [
            ("fatal: unable to access 'https://x/': Could not resolve host: x\n", Kind::Transient),
            ("fatal: unable to access 'https://x/': The requested URL returned error: 503\n", Kind::Transient),
            ("fatal: unable to access 'https://x/': The requested URL returned error: 403\n", Kind::Auth),
            ("fatal: could not read Username for 'https://x': terminal prompts disabled\n", Kind::Auth),
            ("remote: Repository not found.\nfatal: repository 'https://x/' not found\n", Kind::Gone),
            ("git@x: Permission denied (publickey).\nfatal: Could not read from remote repository.\n", Kind::Auth),
            ("fatal: '/x' does not appear to be a git repository\nfatal: Could not read from remote repository.\n", Kind::Gone),
            ("fatal: Remote branch dev not found in upstream origin\n", Kind::Gone),
            ("fatal: transport 'ext' not allowed\n", Kind::Refused),
            ("error: object 12: hasDotgit: contains '.git'\nfatal: fsck error in packed object\n", Kind::Refused),
            ("!\tabc:refs/heads/x\t[rejected] (stale info)\n", Kind::Stale),
            ("error: RPC failed; curl 56 OpenSSL SSL_read: unexpected eof\n", Kind::Transient),
            ("", Kind::Other),
        ] {
            assert_eq!(Failure::of(printed.as_bytes()).kind, kind, "{printed}");
        }
        let said = |printed: &str| Failure::of(printed.as_bytes()).said;
        assert_eq!(said("remote: hello\nfatal: it\x1b[31m broke\nremote: more\n"), "fatal: it [31m broke");
        // Whoever of two processes comes first, the record says the same.
        let (one, other) = ("fatal: early EOF", "fatal: git upload-pack: aborting due to possible repository corruption");
        assert_eq!(said(&format!("{one}\n{other}\n")), other);
        assert_eq!(said(&format!("{other}\n{one}\n")), other);
    }
}
