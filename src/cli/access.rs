//! How a command reaches a forge: options that say where it is, and the token for it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;

use crate::fleet::pass::Pass;
use crate::forge::{self, Budget, Forge, Kind, Pace, SystemClock, Token};
use crate::write::Interrupt;

/// Which forge it is.
#[derive(Args)]
pub(super) struct Place {
    /// What kind of forge it is, where the address does not say: github, gitea (Forgejo, too) or gitlab
    #[arg(long, value_enum, hide_possible_values = true, value_name = "KIND", help_heading = "Forge")]
    forge: Option<Kind>,
    /// The address of its interface, such as `https://git.example.com/api/v3`
    #[arg(long, value_name = "URL", help_heading = "Forge")]
    api_url: Option<String>,
}

/// How to reach the forge with the right to change something.
#[derive(Args)]
pub(super) struct Access {
    #[command(flatten)]
    place: Place,
    /// A command that prints the token, such as `gh auth token` [default: `$MLFIX_TOKEN`, or the forge's own variable]
    #[arg(long, value_name = "COMMAND", help_heading = "Forge")]
    token_cmd: Option<String>,
    /// Requests that create something, at most so many in a minute
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Forge")]
    per_minute: u32,
    /// Requests that create something, at most so many in an hour
    #[arg(long, value_name = "N", default_value_t = 450, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Forge")]
    per_hour: u32,
    /// Milliseconds between two such requests
    #[arg(long, value_name = "MS", default_value_t = 1000, help_heading = "Forge")]
    gap: u64,
}

/// How to look at what is on one forge, and what only its members see.
#[derive(Args)]
pub(super) struct Reading {
    /// The host whose lists are read, and the only one that is shown the token
    #[arg(long, value_name = "HOST", default_value = "github.com", help_heading = "Forge")]
    pub(super) host: String,
    #[command(flatten)]
    place: Place,
    /// A command that prints a token that may read and nothing else [default: `$MLFIX_READ_TOKEN`, or none]
    #[arg(long, value_name = "COMMAND", help_heading = "Forge")]
    read_token_cmd: Option<String>,
}

/// A forge that can be asked.
pub(super) struct Opened {
    pub(super) forge: Box<dyn Forge>,
    pub(super) pass: Pass,
    pub(super) clock: SystemClock,
}

impl Access {
    /// Connects to the forge of a host. What was spent of the limits is kept in `folder`, if there is one.
    pub(super) fn open(&self, host: &str, folder: Option<&Path>, interrupt: &Interrupt) -> anyhow::Result<Opened> {
        let (kind, api) = self.place.of(host)?;
        let [ours, theirs] = kind.variables();
        let token = Token::find("--token-cmd", self.token_cmd.as_deref(), &[ours, theirs])?;
        let token = token.with_context(|| format!("no token for {host}: set {ours} or {theirs}, or use --token-cmd"))?;
        let clock = SystemClock::new(interrupt.clone());
        let gap = Duration::from_millis(self.gap);
        let pace = Pace { per_minute: self.per_minute, per_hour: self.per_hour, gap };
        let budget = match folder {
            None => Budget::new(pace),
            Some(folder) => {
                let name = host.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-");
                Budget::kept_in(pace, &folder.join(format!("spent-{name}.json")), &clock)
            }
        };
        let forge = forge::connect(kind, &api, Some(token.clone()), budget, Arc::new(clock.clone()))?;
        Ok(Opened { forge, pass: Pass::new(token, kind, host), clock })
    }
}

impl Reading {
    /// What git shows to the host; nothing where there is no token.
    pub(super) fn pass(&self) -> anyhow::Result<Option<Pass>> {
        let Some(token) = self.token()? else { return Ok(None) };
        Ok(Some(Pass::new(token, self.place.of(&self.host)?.0, &self.host)))
    }

    /// Connects to the forge; without a token it shows what everybody may see.
    pub(super) fn forge(&self, interrupt: &Interrupt) -> anyhow::Result<Box<dyn Forge>> {
        let (kind, api) = self.place.of(&self.host)?;
        let (budget, clock) = (Budget::new(Pace::default()), SystemClock::new(interrupt.clone()));
        Ok(forge::connect(kind, &api, self.token()?, budget, Arc::new(clock))?)
    }

    fn token(&self) -> anyhow::Result<Option<Token>> {
        Token::find("--read-token-cmd", self.read_token_cmd.as_deref(), &["MLFIX_READ_TOKEN"])
    }
}

impl Place {
    /// The kind of the forge of a host, and the address of its interface.
    fn of(&self, host: &str) -> anyhow::Result<(Kind, String)> {
        // In a job of its own, a forge says where its interface is.
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let is_here = |server: &str| server.split_once("://").is_some_and(|(_, rest)| rest.trim_end_matches('/') == host);
        let job = [("GITHUB_SERVER_URL", "GITHUB_API_URL"), ("CI_SERVER_URL", "CI_API_V4_URL")].into_iter();
        let mut job = job.filter(|(server, _)| variable(server).is_some_and(|server| is_here(&server)));
        let said = self.api_url.clone().or_else(|| job.find_map(|(_, api)| variable(api)));
        let kind = self.forge.or_else(|| said.as_deref().and_then(Kind::of)).or_else(|| Kind::of_host(host));
        let Some(kind) = kind else {
            bail!("what kind of forge is {}? say it with --forge", if host.is_empty() { "this" } else { host });
        };
        Ok((kind, said.unwrap_or_else(|| kind.api(host))))
    }
}
