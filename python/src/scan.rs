//! Repositories: one, or a folder of records into which somebody else's scans are put.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::mlfix::fleet::campaign::{Campaign, Wanted};
use ::mlfix::fleet::crew::Workplace;
use ::mlfix::fleet::journal::{self, Journal};
use ::mlfix::fleet::list::{Shard, Target, targets};
use ::mlfix::fleet::record::{Class, Record};
use ::mlfix::fleet::{self, Cost};
use ::mlfix::git::{Address, Git, Protocol};
use ::mlfix::write::Interrupt;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::aside::aside;
use crate::fix::{globs, ids, version};

/// What is asked for in all repositories, as JSON: the configuration file is in it, so that it can be sent elsewhere.
#[pyfunction]
#[pyo3(signature = (select, ignore, exclude, unsafe_fixes, target_version, config))]
pub(crate) fn campaign(
    select: Vec<String>,
    ignore: Vec<String>,
    exclude: Vec<String>,
    unsafe_fixes: bool,
    target_version: Option<String>,
    config: Option<PathBuf>,
) -> PyResult<String> {
    let wanted = Wanted {
        select: ids("select", &select)?,
        ignore: ids("ignore", &ignore)?,
        unsafe_fixes,
        target: version(target_version)?,
        exclude: globs(&exclude),
        config: config.as_deref(),
    };
    let campaign = wanted.campaign().map_err(|error| wrong(&error))?;
    serde_json::to_string(&campaign).map_err(|error| wrong(&error.into()))
}

/// Looks at repositories. It remembers compiled queries, and threads may share it.
#[pyclass(frozen, module = "mlfix._mlfix")]
pub(crate) struct Scanner {
    campaign: Campaign,
    timeout: Duration,
    max_size: u64,
    mirror: Option<PathBuf>,
    allow_http: bool,
    /// Git may speak what an address needs, and nothing else.
    known: Mutex<HashMap<&'static str, Arc<fleet::Scanner>>>,
}

#[pymethods]
impl Scanner {
    /// `timeout` in seconds, `max_size` in MiB.
    #[new]
    fn new(campaign: &str, timeout: u64, max_size: u64, mirror: Option<PathBuf>, allow_http: bool) -> PyResult<Self> {
        let campaign = understood(campaign)?;
        let (timeout, max_size) = (Duration::from_secs(timeout.max(1)), max_size.max(1) << 20);
        Ok(Self { campaign, timeout, max_size, mirror, allow_http, known: Mutex::default() })
    }

    /// Looks at one repository: its record, one line of JSON, and how many seconds it took until its bytes were here, and
    /// altogether.
    fn scan<'py>(&self, py: Python<'py>, url: &str, branch: Option<&str>) -> PyResult<(Bound<'py, PyBytes>, f64, f64)> {
        let target = target(url, branch, self.allow_http)?;
        let interrupt = Interrupt::default();
        let scanner = self.scanner(&target, &interrupt).map_err(|error| PyRuntimeError::new_err(format!("{error:#}")))?;
        let work = || {
            let workplace = Workplace::new()?;
            anyhow::Ok(scanner.scan(&target, &workplace.path.join("scan")))
        };
        let (record, cost) = aside(py, || {}, work)??;
        Ok((PyBytes::new(py, &record.line()), cost.cloning.as_secs_f64(), cost.all.as_secs_f64()))
    }
}

impl Scanner {
    fn scanner(&self, target: &Target, interrupt: &Interrupt) -> anyhow::Result<Arc<fleet::Scanner>> {
        let protocol = if self.mirror.is_some() { Protocol::File } else { target.address.protocol() };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(scanner) = known.get(protocol.name()) {
            return Ok(Arc::clone(scanner));
        }
        let mut git = Git::new(&[protocol])?;
        git.timeout = self.timeout;
        git.max_size = self.max_size;
        let scanner = fleet::Scanner::new(self.campaign.clone(), git, self.mirror.as_deref(), interrupt.clone())?;
        let scanner = Arc::new(scanner);
        known.insert(protocol.name(), Arc::clone(&scanner));
        Ok(scanner)
    }
}

/// The folder of a run, as `mlfix fleet scan` writes it, of which this process is the only shard.
#[pyclass(frozen, module = "mlfix._mlfix")]
pub(crate) struct Run {
    /// Nothing when it is finished.
    journal: Mutex<Option<Journal>>,
    hash: String,
    campaign: Campaign,
    waiting: Vec<Target>,
    done: usize,
}

#[pymethods]
impl Run {
    /// Opens the folder. `files` are lists of repositories, `named` single ones.
    #[new]
    fn new(folder: PathBuf, campaign: &str, files: Vec<PathBuf>, named: Vec<String>, allow_http: bool) -> PyResult<Self> {
        let campaign = understood(campaign)?;
        let targets = targets(&files, &named, allow_http).map_err(|error| wrong(&error))?;
        let open = || {
            journal::open(&folder, &campaign)?;
            Journal::open(&folder, Shard::ALL)
        };
        let journal = open().map_err(|error| PyRuntimeError::new_err(format!("{error:#}")))?;
        let all = targets.len();
        let waiting: Vec<_> = targets.into_iter().filter(|target| journal.get(target.address.canonical()).is_none()).collect();
        let done = all - waiting.len();
        Ok(Self { journal: Mutex::new(Some(journal)), hash: campaign.hash(), campaign, waiting, done })
    }

    /// Address and branch of each repository that has no record yet, sorted by name.
    fn waiting(&self) -> Vec<(&str, Option<&str>)> {
        self.waiting.iter().map(|target| (target.address.url(), target.branch.as_deref())).collect()
    }

    /// How many had a record when the folder was opened.
    fn done(&self) -> usize {
        self.done
    }

    /// Adds a record, the line that a scan made. It is on the disk when this returns. Says what the repository came to.
    fn put(&self, py: Python<'_>, line: &[u8], cloning: f64, all: f64) -> PyResult<&'static str> {
        let record: Record =
            serde_json::from_slice(line).map_err(|error| PyValueError::new_err(format!("no record: {error}")))?;
        if record.transforms != self.hash || record.version != self.campaign.version {
            return Err(PyValueError::new_err(format!("a record of {} that comes from another campaign", record.repo)));
        }
        let seconds = |number: f64| Duration::try_from_secs_f64(number).unwrap_or_default();
        self.write(py, &record, Cost { cloning: seconds(cloning), all: seconds(all) })?;
        Ok(record.status.name())
    }

    /// Writes down that nobody could look at a repository, for a reason that lies outside of it.
    fn lost(&self, py: Python<'_>, url: &str, branch: Option<&str>, because: &str) -> PyResult<()> {
        let target = target(url, branch, true)?;
        let scanner = Git::new(&[]).and_then(|git| fleet::Scanner::new(self.campaign.clone(), git, None, Interrupt::default()));
        let scanner = scanner.map_err(|error| wrong(&error))?;
        self.write(py, &scanner.lost(&target, Class::Transient, because.to_owned()), Cost::default())
    }

    /// Sorts the records and puts them in place. Afterwards nothing can be added.
    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        let journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner).take();
        let finish = || journal.map_or(Ok(()), Journal::finish);
        py.detach(finish).map_err(|error| PyRuntimeError::new_err(format!("{error:#}")))
    }

    /// Lets go of the folder; what is there stays, and the next run goes on.
    fn close(&self) {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Run {
    fn write(&self, py: Python<'_>, record: &Record, cost: Cost) -> PyResult<()> {
        let put = || {
            let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(journal) = journal.as_mut() else { anyhow::bail!("the run is over") };
            journal.put(record, &cost)
        };
        py.detach(put).map_err(|error| PyRuntimeError::new_err(format!("{error:#}")))
    }
}

fn understood(campaign: &str) -> PyResult<Campaign> {
    let campaign: Campaign = serde_json::from_str(campaign).map_err(|error| wrong(&error.into()))?;
    let ours = env!("CARGO_PKG_VERSION");
    if campaign.version != ours {
        let theirs = &campaign.version;
        return Err(PyRuntimeError::new_err(format!("this is mlfix {ours}, and whoever asks has {theirs}: install the same")));
    }
    Ok(campaign)
}

fn target(url: &str, branch: Option<&str>, allow_http: bool) -> PyResult<Target> {
    let working = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let address = Address::parse(url, Path::new(&working)).map_err(PyValueError::new_err)?;
    if address.protocol() == Protocol::Http && !allow_http {
        return Err(PyValueError::new_err("http is not encrypted; use https, or allow it with allow_http=True"));
    }
    if branch.is_some_and(|branch| branch.starts_with('-')) {
        return Err(PyValueError::new_err("the name of a branch does not start with `-`"));
    }
    Ok(Target { address, branch: branch.map(str::to_owned) })
}

fn wrong(error: &anyhow::Error) -> PyErr {
    PyValueError::new_err(format!("{error:#}"))
}
