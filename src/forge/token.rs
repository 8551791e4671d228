//! The token: where it comes from, and that nobody ever sees it.

use std::fmt;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// A secret. It has no `Display`, and its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// # Errors
    /// When the text is empty or could break out of a header line.
    pub fn new(text: &str) -> anyhow::Result<Self> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            bail!("the token is empty or has characters that no token has");
        }
        Ok(Self(text.to_owned()))
    }

    /// The token that a command prints, which the user gave with `option`, or that of the first variable that holds one.
    /// `None` when neither is there.
    ///
    /// # Errors
    /// When the command fails. What it printed is not repeated.
    pub fn find(option: &str, command: Option<&str>, variables: &[&str]) -> anyhow::Result<Option<Self>> {
        if let Some(command) = command {
            let output = Command::new("sh").args(["-c", command]).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
            let output = output.with_context(|| format!("cannot run the command of {option}"))?;
            if !output.status.success() {
                bail!("the command of {option} failed ({})", output.status);
            }
            let text = String::from_utf8(output.stdout).ok().context("the token is not text")?;
            return Self::new(&text).map(Some);
        }
        for variable in variables {
            if let Ok(text) = std::env::var(variable)
                && !text.trim().is_empty()
            {
                return Self::new(&text).map(Some).with_context(|| format!("in {variable}"));
            }
        }
        Ok(None)
    }

    /// The secret itself, for the header of a request and for git.
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// The text with the token blotted out, should a server repeat it.
    pub fn scrub(&self, text: &str) -> String {
        text.replace(&self.0, "[token]")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_shown() {
        let token = Token::new(" s3cret\n").expect("a token");
        assert_eq!(format!("{token:?}"), "Token(..)");
        assert_eq!(token.scrub("bad token s3cret"), "bad token [token]");
        assert!(Token::new("").is_err() && Token::new("a\r\nHost: b").is_err());
        let error = Token::find("--token-cmd", Some("echo s3cret; exit 3"), &[]).expect_err("it failed");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        let found = Token::find("--token-cmd", Some("echo s3cret"), &[]).expect("it ran");
        assert_eq!(found, Some(token));
    }
}
