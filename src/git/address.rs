//! Where a repository is: as a person writes it, as git wants it, and under one name whatever the way of writing.

use std::fmt;
use std::path::Path;

/// The address of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    canonical: String,
    url: String,
    protocol: Protocol,
    /// Bytes of `canonical` that are the host and its port.
    host: usize,
}

/// How git talks to a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// TLS: the usual one.
    Https,
    /// With the keys of the user.
    Ssh,
    /// Without encryption; for tests, and behind a door that does the encryption.
    Http,
    /// A folder of this machine.
    File,
}

impl Protocol {
    /// Git's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Ssh => "ssh",
            Self::Http => "http",
            Self::File => "file",
        }
    }
}

/// The forge of addresses such as `owner/name`.
const USUAL_HOST: &str = "github.com";

impl Address {
    /// Understands `https://host/owner/name`, `ssh://git@host/owner/name`, `git@host:owner/name`, `host/owner/name`,
    /// `owner/name` on github.com, and folders, which start with `/`, `./` or `../` and are relative to `working`.
    ///
    /// # Errors
    /// What cannot be an address, or is one with a name and password in it: they would end up in files and messages.
    pub fn parse(text: &str, working: &Path) -> Result<Self, String> {
        if text.starts_with('-') {
            return Err("an address does not start with `-`".into());
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err("an address has no spaces and no control characters".into());
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return match scheme {
                "https" => Self::remote(Protocol::Https, rest),
                "http" => Self::remote(Protocol::Http, rest),
                "ssh" => Self::remote(Protocol::Ssh, rest),
                "file" => Self::folder(Path::new(rest)),
                _ => Err(format!("`{scheme}` is no protocol that mlfix speaks: https, ssh, http, file")),
            };
        }
        if text.contains("::") {
            return Err("helpers of git such as `ext::` are never run".into());
        }
        if ["/", "./", "../"].iter().any(|start| text.starts_with(start)) || text == "." || text == ".." {
            return Self::folder(&working.join(text));
        }
        // The user's name before a colon: the short form of ssh.
        if let Some((host, path)) = text.split_once(':')
            && host.contains('@')
        {
            return Self::remote(Protocol::Ssh, &format!("{host}/{}", path.trim_start_matches('/')));
        }
        match text.matches('/').count() {
            1 => Self::remote(Protocol::Https, &format!("{USUAL_HOST}/{text}")),
            2.. if text.split('/').next().is_some_and(|host| host.contains(['.', ':'])) => Self::remote(Protocol::Https, text),
            _ => Err("write it as owner/name, as host/owner/name, as a URL, or as a folder that starts with `./`".into()),
        }
    }

    fn remote(protocol: Protocol, rest: &str) -> Result<Self, String> {
        let (authority, path) = rest.split_once('/').ok_or("there is no path behind the host")?;
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) if protocol == Protocol::Ssh && !user.contains(':') => (Some(user), host),
            Some(_) => return Err("an address holds no name and no password; put a token into the environment".into()),
            None => (None, authority),
        };
        let host = host.to_ascii_lowercase();
        let (name, port) = host.split_once(':').map_or((host.as_str(), None), |(name, port)| (name, Some(port)));
        let is_host = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-')
            && !name.starts_with(['-', '.'])
            && port.is_none_or(|port| port.parse::<u16>().is_ok());
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~+".contains(&byte));
        if !is_host || user.is_some_and(|user| user.is_empty() || user.starts_with('-') || !plain(user)) {
            return Err(format!("`{authority}` is no host"));
        }
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let is_name = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.starts_with('-') && plain(part);
        if !path.split('/').all(is_name) {
            return Err(format!("`{path}` is no name of a repository"));
        }
        let usual_port = match protocol {
            Protocol::Https => "443",
            Protocol::Http => "80",
            _ => "22",
        };
        let known_by = if port == Some(usual_port) { name } else { &host };
        let user = user.map_or(String::new(), |user| format!("{user}@"));
        let url = format!("{}://{user}{host}/{path}.git", protocol.name());
        Ok(Self { canonical: format!("{known_by}/{path}"), url, protocol, host: known_by.len() })
    }

    fn folder(path: &Path) -> Result<Self, String> {
        let real = path.canonicalize().map_err(|error| format!("{}: {}", path.display(), crate::write::Cause(&error)))?;
        let text = real.to_str().ok_or_else(|| format!("{} is not UTF-8", real.display()))?;
        let url = format!("file://{text}");
        Ok(Self { canonical: url.clone(), url, protocol: Protocol::File, host: 0 })
    }

    /// Another repository on the same host, reached in the same way. `path` is `owner/name`.
    ///
    /// # Errors
    /// When that is no name of a repository.
    pub fn sibling(&self, path: &str) -> Result<Self, String> {
        let base = self.url.strip_suffix(&format!("{}.git", self.path())).unwrap_or_default();
        Self::parse(&format!("{base}{path}"), Path::new("/"))
    }

    /// The one name of the repository: `github.com/owner/name`, or `file:///folder`.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// What git is given.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How git talks to it.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The host, with its port if that is unusual; empty for a folder.
    pub fn host(&self) -> &str {
        &self.canonical[..self.host]
    }

    /// `owner/name`; with groups in groups, as GitLab has them, more parts. Empty for a folder.
    pub fn path(&self) -> &str {
        if self.host == 0 { "" } else { &self.canonical[self.host + 1..] }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.canonical)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_repository_has_one_name() {
        for (text, canonical, url) in [
            ("pytorch/examples", "github.com/pytorch/examples", "https://github.com/pytorch/examples.git"),
            (
                "https://GitHub.com/pytorch/examples.git/",
                "github.com/pytorch/examples",
                "https://github.com/pytorch/examples.git",
            ),
            ("https://github.com:443/a/b", "github.com/a/b", "https://github.com:443/a/b.git"),
            ("git@github.com:a/b.git", "github.com/a/b", "ssh://git@github.com/a/b.git"),
            ("ssh://git@github.com/a/b", "github.com/a/b", "ssh://git@github.com/a/b.git"),
            ("gitlab.com/a/b/c", "gitlab.com/a/b/c", "https://gitlab.com/a/b/c.git"),
            ("http://127.0.0.1:4840/a/b", "127.0.0.1:4840/a/b", "http://127.0.0.1:4840/a/b.git"),
        ] {
            let address = Address::parse(text, Path::new("/")).expect(text);
            assert_eq!((address.canonical(), address.url()), (canonical, url), "{text}");
        }
        let address = Address::parse("gitlab.com/a/b/c", Path::new("/")).expect("right");
        assert_eq!((address.host(), address.path()), ("gitlab.com", "a/b/c"));
        let folder = tempfile::tempdir().expect("a folder");
        let real = folder.path().canonicalize().expect("it exists");
        let address = Address::parse("./", folder.path()).expect("a folder");
        assert_eq!(address.canonical(), format!("file://{}", real.display()));
        assert_eq!((address.host(), address.path()), ("", ""));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "--upload-pack=touch",
            "ext::sh -c touch",
            "ext::sh",
            "https://user:secret@github.com/a/b",
            "https://token@github.com/a/b",
            "ssh://-oProxyCommand=x/a/b",
            "git://github.com/a/b",
            "https://github.com",
            "https://github.com/a/../b",
            "https://github.com/a/b?x=y",
            "https://github.com/-a/b",
            "https:///a/b",
            "https://github.com:99999/a/b",
            "a b/c",
            "a/b\u{7}",
            "name",
            "./not-there",
            "",
        ] {
            assert!(Address::parse(text, Path::new("/")).is_err(), "{text}");
        }
    }
}
