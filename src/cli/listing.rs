//! Options that ask a forge for a list of repositories, and `mlfix fleet list`.

use std::path::Path;

use anyhow::bail;
use clap::Args;

use super::access::Reading;
use super::output::{Output, say};
use crate::fleet::found::{self, Found, Sieve};
use crate::forge::Query;
use crate::report::terminal;
use crate::write::Interrupt;

/// Which repositories of a forge.
#[derive(Args)]
pub(super) struct Selection {
    /// The repositories of an organisation, a user or a group
    #[arg(long, visible_aliases = ["user", "group"], value_name = "OWNER", help_heading = "Forge")]
    org: Vec<String>,
    /// Of these only those with this topic; without an owner, those of the whole forge
    #[arg(long, value_name = "TOPIC", help_heading = "Forge")]
    topic: Option<String>,
    /// Only those whose main language this is, such as Python
    #[arg(long, value_name = "LANGUAGE", help_heading = "Forge")]
    language: Option<String>,
    /// Also those that are forks themselves
    #[arg(long, help_heading = "Forge")]
    include_forks: bool,
}

/// Prints a list.
#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    wanted: Selection,
    #[command(flatten)]
    reading: Reading,
    /// How large a repository may be, as the forge counts it
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u64).range(1..))]
    max_size: u64,
}

impl List {
    /// Runs it.
    pub(super) fn run(&self) -> anyhow::Result<u8> {
        let Some(asked) = self.wanted.asked(&self.reading.host) else {
            bail!("which repositories? Name owners with --org, or a --topic")
        };
        let interrupt = Interrupt::listen()?;
        let found = self.wanted.find(&self.reading, self.max_size << 20, &interrupt)?;
        let mut output = Output::default();
        output.put(found.text(&asked).as_bytes());
        Ok(output.exit_code(false).unwrap_or(0))
    }
}

impl Selection {
    /// The same in words, for the head of the list; nothing where no forge is to be asked.
    fn asked(&self, host: &str) -> Option<String> {
        let one = |name: &str, value: &String| format!("--{name} {}", terminal::visible(value));
        let mut words: Vec<String> = self.org.iter().map(|org| one("org", org)).collect();
        words.extend(self.topic.iter().map(|topic| one("topic", topic)));
        if words.is_empty() {
            return None;
        }
        words.extend(self.language.iter().map(|language| one("language", language)));
        words.extend(self.include_forks.then(|| "--include-forks".to_owned()));
        words.push(format!("--host {}", terminal::visible(host)));
        Some(words.join(" "))
    }

    /// Whether a forge is to be asked.
    pub(super) fn is_some(&self) -> bool {
        !self.org.is_empty() || self.topic.is_some()
    }

    /// The file of the list in the folder of a run. The forge is asked when there is none yet. Without a word about a forge,
    /// the list that is there; nothing if there is none.
    pub(super) fn kept_in(
        &self,
        folder: &Path,
        reading: &Reading,
        max_size: u64,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Option<std::path::PathBuf>> {
        let kept = found::kept(folder)?;
        let Some(asked) = self.asked(&reading.host) else { return Ok(kept.map(|kept| kept.path)) };
        if kept.is_none() {
            let found = self.find(reading, max_size, interrupt)?;
            found::keep(folder, &found.text(&asked))?;
        }
        match found::kept(folder)? {
            Some(kept) if kept.asked == asked => Ok(Some(kept.path)),
            Some(kept) => bail!(
                "{} is the answer to `{}`; remove it to ask anew, or use another folder",
                terminal::path(&kept.path),
                kept.asked
            ),
            None => bail!("{} has a `repos.txt` that no forge has made; use another folder", terminal::path(folder)),
        }
    }

    fn find(&self, reading: &Reading, max_size: u64, interrupt: &Interrupt) -> anyhow::Result<Found> {
        let forge = reading.forge(interrupt)?;
        let query =
            |owner| Query { owner, topic: self.topic.clone(), language: self.language.clone(), forks: self.include_forks };
        let queries: Vec<Query> = if self.org.is_empty() {
            vec![query(None)]
        } else {
            self.org.iter().cloned().map(|org| query(Some(org))).collect()
        };
        let mut found = Found::default();
        for query in queries {
            found.add(forge.list(&query)?, Sieve { forks: self.include_forks, max_size });
        }
        say(&format!("{}: {}", reading.host, found.line()));
        found.cut().iter().for_each(|cut| say(&format!("warning: this is not all: {cut}")));
        Ok(found)
    }
}
