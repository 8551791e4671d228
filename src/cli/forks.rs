//! `mlfix fleet forks`: what is left behind of a campaign that went through forks.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};

use super::campaign::Work;
use super::output::say;
use super::publish::Of;
use crate::fleet::forks::Pruned;
use crate::fleet::record::Record;
use crate::report::terminal::visible;

#[derive(Subcommand)]
pub(super) enum Forks {
    /// Delete the forks of a campaign that nobody needs any more; without `--yes`, only say which
    Prune(Box<Prune>),
}

#[derive(Args)]
pub(super) struct Prune {
    #[command(flatten)]
    of: Of,
    /// Delete them; there is no way back
    #[arg(long)]
    yes: bool,
}

impl Forks {
    /// Runs it.
    pub(super) fn run(self) -> anyhow::Result<u8> {
        let Self::Prune(prune) = self;
        let Prune { of, yes } = *prune;
        let wish = of.wish();
        let mut work = Work::begin(of, wish, None)?;
        let mut asked: BTreeMap<String, (Record, Vec<Option<String>>)> = BTreeMap::new();
        for (record, part) in work.asked()? {
            asked.entry(record.repo.clone()).or_insert_with(|| (record, Vec::new())).1.push(part);
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (record, parts) in asked.into_values() {
            let mut found = Vec::new();
            let result = work.on(&record, |publisher, _| publisher.prune(&record, &parts, yes, &mut |one| found.push(one)));
            for Pruned { name, kept: because } in found {
                let (deed, because) = match because {
                    Some(because) => ("kept", format!("  {}", visible(&because))),
                    None => (if yes { "deleted" } else { "would delete" }, String::new()),
                };
                *counts.entry(deed).or_default() += 1;
                work.output.put(format!("{deed:12}  {name} (of {}){because}\n", record.repo).as_bytes());
            }
            if let Err(stopped) = result {
                return stopped;
            }
        }
        let hint = if counts.contains_key("would delete") { " `--yes` deletes them." } else { "" };
        let counts: Vec<String> =
            counts.iter().map(|(deed, count)| format!("{count} {}", deed.replace("would", "to"))).collect();
        say(&if counts.is_empty() { "There are no forks.".to_owned() } else { format!("{}.{hint}", counts.join(", ")) });
        Ok(work.output.exit_code(false).unwrap_or(0))
    }
}
