//! Commits without a work tree and without an index.

use super::failure::{Failure, Kind};
use super::process::{Limits, run};
use super::{Repository, is_sha};

/// One commit to make.
pub struct Commit<'a> {
    /// The message: subject, empty line, body.
    pub message: &'a str,
    /// The files that it changes.
    pub puts: Vec<Put<'a>>,
}

/// A file as a commit shall have it.
pub struct Put<'a> {
    /// The path, with slashes.
    pub path: &'a [u8],
    /// `0o100_644` or `0o100_755`.
    pub mode: u32,
    /// All bytes.
    pub content: &'a [u8],
}

impl Repository {
    /// Makes commits one upon the other, the first upon `base`, and returns their names. `author` is `Name <address>`.
    ///
    /// All are dated as `base` is, so that equal input gives equal names, on every machine and at any time.
    ///
    /// # Errors
    /// When the author is none, or git refuses a path.
    pub fn commit(&self, base: &str, author: &str, commits: &[Commit<'_>]) -> Result<Vec<String>, Failure> {
        let is_author = author.strip_suffix('>').and_then(|author| author.split_once(" <"));
        if !is_author.is_some_and(|(name, mail)| !name.is_empty() && !format!("{name}{mail}").contains(['<', '>', '\n', '\0']))
        {
            return Err(Failure::new(Kind::Other, "an author is written as `Name <address>`"));
        }
        let date = self.date(base)?;
        let mut stream = Vec::new();
        for (index, commit) in commits.iter().enumerate() {
            let mark = index + 1;
            let from = if index == 0 { base.to_owned() } else { format!(":{index}") };
            let head = format!(
                "commit refs/mlfix/made\nmark :{mark}\nauthor {author} {date} +0000\ncommitter {author} {date} +0000\n"
            );
            stream.extend_from_slice(head.as_bytes());
            data(&mut stream, commit.message.as_bytes());
            stream.extend_from_slice(format!("from {from}\n").as_bytes());
            for put in &commit.puts {
                stream.extend_from_slice(format!("M {:o} inline ", put.mode).as_bytes());
                stream.extend(quoted(put.path));
                stream.push(b'\n');
                data(&mut stream, put.content);
            }
            stream.extend_from_slice(format!("\nget-mark :{mark}\n").as_bytes());
        }
        self.import(&stream, commits.len())
    }

    /// The names that git gives to contents.
    ///
    /// # Errors
    /// When the disk is full, and the like.
    pub fn names(&self, contents: &[&[u8]]) -> Result<Vec<String>, Failure> {
        let mut stream = Vec::new();
        for (index, content) in contents.iter().enumerate() {
            let mark = index + 1;
            stream.extend_from_slice(format!("blob\nmark :{mark}\n").as_bytes());
            data(&mut stream, content);
            stream.extend_from_slice(format!("get-mark :{mark}\n").as_bytes());
        }
        self.import(&stream, contents.len())
    }

    /// Runs `git fast-import`, which prints a name for each `get-mark`.
    fn import(&self, stream: &[u8], count: usize) -> Result<Vec<String>, Failure> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let mut command = self.command();
        // One commit after the other replaces what a run before made, which is nobody's branch.
        command.args(["fast-import", "--quiet", "--force", "--done", "--date-format=raw"]);
        let stream = [stream, b"done\n"].concat();
        let limits = Limits { output: 100 * count as u64, ..self.git.limits() };
        let printed = run(&mut command, Some(&stream), &limits)?;
        let names: Vec<String> = String::from_utf8_lossy(&printed).lines().map(str::to_owned).collect();
        if names.len() == count && names.iter().all(|name| is_sha(name)) {
            return Ok(names);
        }
        Err(Failure::new(Kind::Other, "git does not name what it made"))
    }
}

fn data(stream: &mut Vec<u8>, bytes: &[u8]) {
    stream.extend_from_slice(format!("data {}\n", bytes.len()).as_bytes());
    stream.extend_from_slice(bytes);
    stream.push(b'\n');
}

/// A path as git-fast-import(1) wants it: within quotes, with escapes of C.
fn quoted(path: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for &byte in path {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b' '..0x7f => out.push(byte),
            _ => out.extend(format!("\\{byte:03o}").bytes()),
        }
    }
    out.push(b'"');
    out
}
