//! The repositories of a campaign, and which of them belong to a shard.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use anyhow::bail;
use xxhash_rust::xxh3::xxh3_64;

use crate::git::{Address, Protocol};
use crate::report::terminal;

/// One repository to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where it is.
    pub address: Address,
    /// The branch to look at; the default branch where none is named.
    pub branch: Option<String>,
}

/// Reads list files and single addresses; each repository once, sorted by its one name.
///
/// A line of a list is an address as [`Address::parse`] understands it and, behind a space, a branch. `#` begins a comment.
///
/// # Errors
/// What cannot be read or understood, with the name of the file and the line; `http` where it is not allowed.
pub fn targets(files: &[impl AsRef<Path>], named: &[String], allow_http: bool) -> anyhow::Result<Vec<Target>> {
    let working = std::env::current_dir()?;
    let mut targets: BTreeMap<String, Target> = BTreeMap::new();
    let mut add = |line: &str, at: &dyn Fn() -> String| {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(address) = words.next() else { return Ok(()) };
        let branch = words.next().map(str::to_owned);
        let address = Address::parse(address, &working).map_err(|error| anyhow::anyhow!("{}: {error}", at()))?;
        if words.next().is_some() {
            bail!("{}: an address and at most one branch stand on a line", at());
        }
        if branch.as_deref().is_some_and(|branch| branch.starts_with('-')) {
            bail!("{}: the name of a branch does not start with `-`", at());
        }
        if address.protocol() == Protocol::Http && !allow_http {
            bail!("{}: http is not encrypted; use https, or allow it with --allow-http", at());
        }
        let target = Target { address, branch };
        match targets.get(target.address.canonical()) {
            Some(known) if known.branch != target.branch => bail!("{}: {} stands here with two branches", at(), known.address),
            _ => targets.insert(target.address.canonical().to_owned(), target),
        };
        Ok(())
    };
    for file in files {
        let file = file.as_ref();
        let name = terminal::path(file);
        let text = std::fs::read(file);
        let text = text.map_err(|error| anyhow::anyhow!("cannot read {name}: {}", crate::write::Cause(&error)))?;
        let text = String::from_utf8(text).map_err(|_| anyhow::anyhow!("cannot read {name}: it is not UTF-8"))?;
        for (index, line) in text.lines().enumerate() {
            add(line, &|| format!("{name}:{}", index + 1))?;
        }
    }
    for address in named {
        add(address, &|| address.clone())?;
    }
    Ok(targets.into_values().collect())
}

/// One of `count` parts of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub index: u32,
    /// How many parts there are.
    pub count: u32,
}

impl Shard {
    /// The whole list.
    pub const ALL: Self = Self { index: 0, count: 1 };

    /// Whether a repository belongs to this part. That depends on its name alone, so that a list may grow and shrink.
    pub fn has(self, address: &Address) -> bool {
        xxh3_64(address.canonical().as_bytes()) % u64::from(self.count) == u64::from(self.index)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match parts {
            Some((index, count)) if index < count => Ok(Self { index, count }),
            Some((index, count)) => Err(format!("there is no part {index} of {count}: parts are counted from 0")),
            None => Err("write it as I/N, such as 0/4".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_and_its_mistakes_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("repos.txt");
        let read = |text: &str| {
            std::fs::write(&file, text).expect("written");
            targets(&[&file], &[], false).map_err(|error| error.to_string())
        };
        let found = read("b/b # comment\n\n# all\nhttps://github.com/a/a.git dev\ngithub.com/b/b\n").expect("right");
        let found: Vec<_> = found.iter().map(|target| (target.address.canonical(), target.branch.as_deref())).collect();
        assert_eq!(found, [("github.com/a/a", Some("dev")), ("github.com/b/b", None)]);
        for (text, expected) in [
            ("a/b\na/b c d\n", "repos.txt:2: an address and at most one branch stand on a line"),
            ("nonsense\n", "repos.txt:1: write it as owner/name"),
            ("a/b\na/b dev\n", "repos.txt:2: github.com/a/b stands here with two branches"),
            ("http://x.org/a/b\n", "repos.txt:1: http is not encrypted"),
            ("a/b --x\n", "repos.txt:1: the name of a branch"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(expected), "{error}");
        }
        assert!(targets(&[folder.path().join("none")], &[], false).is_err());
    }

    #[test]
    fn each_repository_is_in_one_shard() {
        for (text, right) in [("0/1", true), ("3/4", true), ("4/4", false), ("0/0", false), ("-1/4", false), ("1", false)] {
            assert_eq!(text.parse::<Shard>().is_ok(), right, "{text}");
        }
        let shards: Vec<Shard> = (0..4).map(|index| Shard { index, count: 4 }).collect();
        let mut sizes = [0; 4];
        for number in 0..400 {
            let address = Address::parse(&format!("owner/name{number}"), Path::new("/")).expect("right");
            let homes: Vec<usize> = (0..4).filter(|&index| shards[index].has(&address)).collect();
            assert_eq!(homes.len(), 1);
            sizes[homes[0]] += 1;
        }
        assert!(sizes.iter().all(|size| (60..140).contains(size)), "{sizes:?}");
    }
}
