//! A token, and the one host that it is shown to.

use crate::forge::{Kind, Token};
use crate::git::{self, Address, Failure, Protocol};

/// What opens the door of one host, for git. A scan has one that may read, or none.
#[derive(Clone, Debug)]
pub struct Pass {
    token: Token,
    user: &'static str,
    host: String,
}

impl Pass {
    /// A pass for a host as [`Address::host`] writes it, behind which is a forge of this kind.
    pub fn new(token: Token, kind: Kind, host: &str) -> Self {
        Self { token, user: kind.git_user(), host: host.to_ascii_lowercase() }
    }

    /// What git shows to the host of `address`: nothing to any other, and nothing over ssh, where the user's keys speak.
    ///
    /// # Errors
    /// When the token would travel unencrypted to another machine.
    pub fn to(&self, address: &Address) -> Result<Option<git::Token>, Failure> {
        let is_web = matches!(address.protocol(), Protocol::Https | Protocol::Http);
        if !is_web || address.host() != self.host {
            return Ok(None);
        }
        git::Token::new(self.token.secret(), self.user, address).map(Some)
    }

    /// The text with the token blotted out.
    pub fn scrub(&self, text: &str) -> String {
        self.token.scrub(text)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn it_is_shown_to_one_host() {
        let token = Token::new("s3cret").expect("a token");
        let pass = Pass::new(token, Kind::GitHub, "Git.example.org:8443");
        let shown = |text: &str| pass.to(&Address::parse(text, Path::new("/")).expect(text)).map(|token| token.is_some());
        assert_eq!(shown("https://git.example.org:8443/a/b"), Ok(true));
        for other in ["https://git.example.org/a/b", "https://evil.org/a/b", "ssh://git@git.example.org:8443/a/b"] {
            assert_eq!(shown(other), Ok(false), "{other}");
        }
        assert!(shown("http://git.example.org:8443/a/b").is_err());
        assert!(!format!("{pass:?}").contains("s3cret"));
    }
}
