//! What is asked for, in all repositories alike.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::record::Findings;
use super::wishes::ROOT;
use crate::config::{Config, Patterns, rank, transform};
use crate::engine::driver::{self, Mode, Report, Selected, Settings, Trouble};
use crate::engine::finding::{Outcome, Repair, Status, Tier};
use crate::engine::transform::FileKind;
use crate::engine::version::PythonVersion;
use crate::report::terminal;
use crate::transforms::SUITE;

/// The part of the command line on which a result depends. It stands in the folder of a run, so that no other migration
/// is mixed with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// The version of mlfix.
    pub version: String,
    /// The transforms, in the order of the suite.
    pub transforms: Vec<String>,
    /// Whether fixes are made that are right in the common case only.
    pub unsafe_fixes: bool,
    /// The oldest Python that results must run on; else each repository says it.
    pub target: Option<String>,
    /// Globs of files to leave out, relative to the top of each repository.
    pub exclude: Vec<String>,
    /// The text of the team's configuration file.
    pub config: Option<String>,
}

/// What a campaign is made from.
#[derive(Default)]
pub struct Wanted<'a> {
    /// Only these transforms; all where none is named.
    pub select: Vec<&'static str>,
    /// Not these.
    pub ignore: Vec<&'static str>,
    /// Whether fixes are made that are right in the common case only.
    pub unsafe_fixes: bool,
    /// The oldest Python that results must run on.
    pub target: Option<PythonVersion>,
    /// Globs of files to leave out, relative to the top of each repository.
    pub exclude: Vec<String>,
    /// The team's configuration file.
    pub config: Option<&'a Path>,
}

impl Wanted<'_> {
    /// Reads the configuration file and puts everything together.
    ///
    /// # Errors
    /// When that file or a glob is wrong, and when no transform is left to run.
    pub fn campaign(self) -> anyhow::Result<Campaign> {
        Patterns::new(Path::new(ROOT), &self.exclude).map_err(|error| anyhow::anyhow!("--exclude: {error}"))?;
        let (text, config) = self.config.map(read_config).transpose()?.unzip();
        let chosen = |id: &&str| {
            let by_config = config.as_ref().filter(|_| self.select.is_empty());
            let selected = by_config.and_then(|config| config.select.as_ref());
            let ignored = by_config.is_some_and(|config| config.ignore.contains(id)) || self.ignore.contains(id);
            let is_named = self.select.is_empty() || self.select.contains(id);
            !ignored && is_named && selected.is_none_or(|select| select.contains(id))
        };
        let transforms: Vec<&str> = SUITE.iter().map(|transform| transform.meta().id).filter(chosen).collect();
        if transforms.is_empty() {
            bail!("no transform is left to run");
        }
        let target = self.target.or(config.and_then(|config| config.target));
        Ok(Campaign {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            transforms: transforms.into_iter().map(str::to_owned).collect(),
            unsafe_fixes: self.unsafe_fixes,
            target: target.map(|target| target.to_string()),
            exclude: self.exclude,
            config: text,
        })
    }
}

/// The team's configuration, as text and understood.
fn read_config(file: &Path) -> anyhow::Result<(String, Config)> {
    let name = terminal::path(file);
    let text = crate::config::read(file)?.with_context(|| format!("cannot read {name}"))?;
    let config = Config::parse(file, &text, Path::new(ROOT))?;
    let config = config.with_context(|| format!("{name} has no [tool.mlfix]"))?;
    // It is kept under the one name by which it is understood again.
    if file.file_name().is_some_and(|name| name == "pyproject.toml") {
        bail!("{name}: the configuration of a fleet is a `mlfix.toml`");
    }
    Ok((text, config))
}

impl Campaign {
    /// The hash under which results are known: of everything but the version.
    pub fn hash(&self) -> String {
        let parts = (&self.transforms, self.unsafe_fixes, &self.target, &self.exclude, &self.config);
        let text = serde_json::to_vec(&parts).expect("texts and lists of texts");
        format!("{:032x}", xxh3_128(&text))
    }
}

/// A campaign at work. Shared by threads.
pub(super) struct Fixer {
    pub(super) campaign: Campaign,
    pub(super) hash: String,
    pub(super) transforms: Vec<&'static str>,
    pub(super) target: Option<PythonVersion>,
    exclude: Patterns,
    /// The team's configuration file, as if it stood at the top of each repository.
    config: Option<Config>,
    /// With the same choice of transforms go the same compiled queries.
    settings: Mutex<HashMap<Choice, Arc<Settings>>>,
}

type Choice = (Vec<&'static str>, PythonVersion);

/// What becomes of one file.
pub(super) struct Fixed {
    /// The text after each transform that changes it, in the order of the suite.
    pub(super) steps: Vec<FileStep>,
    pub(super) findings: BTreeMap<&'static str, Findings>,
    /// Why nothing is changed although there is something to change.
    pub(super) trouble: Option<Trouble>,
}

pub(super) struct FileStep {
    pub(super) transform: &'static str,
    pub(super) safe: usize,
    pub(super) risky: usize,
    pub(super) text: Vec<u8>,
}

impl Fixer {
    /// # Errors
    /// When the campaign names what there is not.
    pub(super) fn new(campaign: Campaign) -> anyhow::Result<Self> {
        let id = |name: &String| transform(name).map(|transform| transform.meta().id).map_err(anyhow::Error::msg);
        let transforms = campaign.transforms.iter().map(id).collect::<Result<_, _>>()?;
        let root = Path::new(ROOT);
        let exclude = Patterns::new(root, &campaign.exclude).map_err(|error| anyhow::anyhow!("--exclude: {error}"))?;
        let target = campaign.target.as_ref().map(|target| target.parse()).transpose();
        let config = campaign.config.as_ref().map(|text| Config::parse(Path::new("mlfix.toml"), text, root)).transpose()?;
        Ok(Self {
            hash: campaign.hash(),
            transforms,
            target: target.map_err(|error: String| anyhow::anyhow!(error))?,
            exclude,
            config: config.flatten(),
            settings: Mutex::default(),
            campaign,
        })
    }

    /// Whether the team leaves this file out. The path begins with [`ROOT`].
    pub(super) fn excludes(&self, path: &Path) -> bool {
        self.exclude.matches(path) || self.config.as_ref().is_some_and(|config| config.exclude.matches(path))
    }

    /// The transforms that the team wants in this file.
    pub(super) fn transforms_for(&self, path: &Path) -> impl Iterator<Item = &'static str> {
        let rules = self.config.iter().flat_map(|config| &config.per_file_ignores);
        let ignored: Vec<&str> =
            rules.filter(|(patterns, _)| patterns.matches(path)).flat_map(|(_, ids)| ids).copied().collect();
        self.transforms.iter().copied().filter(move |id| !ignored.contains(id))
    }

    /// Fixes a file with these transforms.
    ///
    /// The text after the last step is what all transforms together make of it, as `mlfix --fix` does.
    pub(super) fn fix(&self, bytes: &[u8], kind: FileKind, transforms: Vec<&'static str>, target: PythonVersion) -> Fixed {
        let run = |bytes: &[u8], ids| driver::run(bytes.to_vec(), kind, &self.settings(ids, target), Mode::Fix);
        let report = run(bytes, transforms);
        let mut fixed = Fixed { steps: steps_of(&report), findings: findings_of(&report), trouble: report.trouble };
        let Some(all) = report.fixed else { return fixed };
        // Have: some transforms together turn `bytes` into `all`. One after the other they usually do the same.
        let count = fixed.steps.len();
        let mut text = bytes.to_vec();
        for (index, step) in fixed.steps.iter_mut().enumerate() {
            step.text = if index + 1 == count {
                // Where they do not, the last step makes the difference: the result was verified, a sum of parts was not.
                all.clone()
            } else {
                run(&text, vec![step.transform]).fixed.unwrap_or_else(|| text.clone())
            };
            text.clone_from(&step.text);
        }
        let mut before = bytes;
        let kept: Vec<bool> = fixed.steps.iter().map(|step| std::mem::replace(&mut before, &step.text) != step.text).collect();
        let mut kept = kept.into_iter();
        fixed.steps.retain(|_| kept.next().unwrap_or(true));
        fixed
    }

    fn settings(&self, transforms: Vec<&'static str>, target: PythonVersion) -> Arc<Settings> {
        let mut known = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (transforms, target);
        if let Some(settings) = known.get(&key) {
            return Arc::clone(settings);
        }
        let settings = Arc::new(Settings {
            selected: key.0.iter().map(|id| Selected::new(SUITE[rank(id)])).collect(),
            target,
            options: self.config.as_ref().map(|config| config.options.clone()).unwrap_or_default(),
            unsafe_fixes: self.campaign.unsafe_fixes,
            known: SUITE.iter().map(|transform| transform.meta().id).collect(),
        });
        known.insert(key, Arc::clone(&settings));
        settings
    }
}

/// The transforms whose fixes are in the new text, in the order of the suite, without their texts.
fn steps_of(report: &Report) -> Vec<FileStep> {
    let mut steps: BTreeMap<usize, FileStep> = BTreeMap::new();
    for Outcome { transform, finding, status, .. } in &report.outcomes {
        let Repair::Fix(fix) = &finding.repair else { continue };
        if *status != Status::Applied {
            continue;
        }
        let new = || FileStep { transform, safe: 0, risky: 0, text: Vec::new() };
        let step = steps.entry(rank(transform)).or_insert_with(new);
        match fix.tier {
            Tier::Safe => step.safe += 1,
            Tier::Unsafe { .. } => step.risky += 1,
        }
    }
    steps.into_values().collect()
}

fn findings_of(report: &Report) -> BTreeMap<&'static str, Findings> {
    let mut findings: BTreeMap<&'static str, Findings> = BTreeMap::new();
    for outcome in &report.outcomes {
        match outcome.status {
            Status::Suppressed { .. } => {}
            Status::Applied | Status::Superseded { .. } => findings.entry(outcome.transform).or_default().fixed += 1,
            _ => findings.entry(outcome.transform).or_default().left += 1,
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn campaign(unsafe_fixes: bool) -> Campaign {
        Campaign {
            version: "1".into(),
            transforms: SUITE.iter().map(|transform| transform.meta().id.to_owned()).collect(),
            unsafe_fixes,
            target: None,
            exclude: vec!["old/".into()],
            config: Some("[per-file-ignores]\n\"tests/*\" = [\"mutable-default\"]\n".into()),
        }
    }

    #[test]
    fn the_hash_knows_what_was_asked_for_and_not_by_whom() {
        let other = Campaign { version: "2".into(), ..campaign(false) };
        assert_eq!(campaign(false).hash(), other.hash());
        assert_ne!(campaign(false).hash(), campaign(true).hash());
        assert_eq!(campaign(false).hash().len(), 32);
    }

    #[test]
    fn each_transform_has_its_step_and_the_last_is_what_all_do() {
        let fixer = Fixer::new(campaign(false)).expect("right");
        let text =
            b"def f(x, acc=[]):\n    acc.append(x)\n    return acc\n\n\nd = {1: 2}\nfor k in d:\n    if k:\n        del d[k]\n";
        let all: Vec<_> = fixer.transforms_for(Path::new("/a.py")).collect();
        let done = fixer.fix(text, FileKind::Module, all, PythonVersion::DEFAULT);
        let steps: Vec<_> = done.steps.iter().map(|step| (step.transform, step.safe, step.risky)).collect();
        assert_eq!(steps, [("mutable-default", 1, 0), ("mutate-while-iterating", 1, 0)]);
        let last = String::from_utf8_lossy(&done.steps[1].text);
        assert!(last.contains("acc=None") && last.contains("for k in list(d):"), "{last}");
        assert!(!String::from_utf8_lossy(&done.steps[0].text).contains("list(d)"));
        assert_eq!(done.findings["mutable-default"], Findings { fixed: 1, left: 0 });

        let in_tests: Vec<_> = fixer.transforms_for(Path::new("/tests/a.py")).collect();
        assert!(!in_tests.contains(&"mutable-default") && in_tests.contains(&"mutate-while-iterating"));
        assert!(fixer.excludes(Path::new("/old/a.py")) && !fixer.excludes(Path::new("/new/a.py")));
    }
}
