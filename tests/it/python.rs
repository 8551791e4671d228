//! Executes snippets with Python: one interpreter, one forked child per snippet.

use std::io::Write;
use std::process::{Command, Stdio};

/// Reads a list of programs from standard input, gives a list of what they print. Each runs in a child of its own and in
/// a folder of its own. An uncaught exception counts as its last line.
const DRIVER: &str = r#"
import io, json, os, shutil, signal, sys, tempfile, traceback
SECONDS = 10
COUNTER = None
/*COUNTER*/
def child(code, out):
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.stdout = open(1, "w", encoding="utf-8", newline="\n", closefd=False)
    sys.stderr = open(os.devnull, "w")
    sys.stdin = io.StringIO()
    sys.argv = ["case.py"]
    sys.path[0] = os.getcwd()
    with open("case.py", "w", encoding="utf-8") as file:
        file.write(code)
    signal.alarm(SECONDS)
    counter = COUNTER
    if counter:
        counter.start()
    import __main__
    for name in [name for name in vars(__main__) if not name.startswith("__")]:
        del vars(__main__)[name]
    vars(__main__)["__file__"] = "case.py"
    import sys as system, traceback as trace
    try:
        exec(compile(code, "case.py", "exec", dont_inherit=True), vars(__main__))
    except SystemExit as stop:
        if stop.code:
            print("SystemExit:", stop.code)
    except BaseException as error:
        print("".join(trace.format_exception_only(type(error), error)).strip().splitlines()[-1])
    system.stdout.flush()
    if counter:
        counter.report("counts.json")

def run(code):
    folder = tempfile.mkdtemp(prefix="mlfix-case-")
    try:
        with tempfile.TemporaryFile() as out:
            pid = os.fork()
            if pid == 0:
                try:
                    os.chdir(folder)
                    child(code, out.fileno())
                finally:
                    os._exit(0)
            status = os.waitpid(pid, 0)[1]
            out.seek(0)
            text = out.read().decode("utf-8", "replace")
            if os.WIFSIGNALED(status):
                number = os.WTERMSIG(status)
                text += "timed out" if number == signal.SIGALRM else "killed by signal %d" % number
            counts = [0, 0]
            if COUNTER:
                with open(os.path.join(folder, "counts.json")) as file:
                    counts = json.load(file)
            return [text] + counts
    finally:
        shutil.rmtree(folder, ignore_errors=True)

answer = [run(code) for code in json.load(sys.stdin)]
json.dump(answer, sys.stdout)
"#;

/// Counts, in the child, how often the host asks the device for a value: the calls of the methods that do, made by the
/// program itself and not from within `torch`, and how many of them had to wait, because an operation had been queued since
/// the last one. On the CPU nothing is really queued; the order of the operations is the same.
const COUNTER: &str = r#"
import json, sys, torch, warnings
from torch.utils._python_dispatch import TorchDispatchMode

class Counter(TorchDispatchMode):
    METHODS = ["item", "cpu", "cuda", "to", "tolist", "numpy", "__float__", "__int__", "__bool__", "__index__", "__array__"]
    # Reading a value, and looking at the same memory in another way, is no work.
    IDLE = {"_local_scalar_dense", "detach", "alias", "view", "unbind", "select", "slice", "t", "transpose", "is_same_size"}
    syncs = waits = 0
    pending = False

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.pending |= function.__name__.split(".")[0] not in self.IDLE
        return function(*args, **(kwargs or {}))

    def watch(self, name):
        original = getattr(torch.Tensor, name)
        def method(tensor, *args, **kwargs):
            if not sys._getframe(1).f_globals.get("__name__", "").startswith("torch"):
                self.syncs += 1
                self.waits += self.pending
                self.pending = False
            return original(tensor, *args, **kwargs)
        setattr(torch.Tensor, name, method)

    def start(self):
        torch.set_num_threads(1)
        torch.manual_seed(0)
        warnings.simplefilter("ignore")
        for name in self.METHODS:
            self.watch(name)
        self.__enter__()

    def report(self, path):
        self.__exit__(None, None, None)
        with open(path, "w") as file:
            json.dump([self.syncs, self.waits], file)
"#;

/// What a program did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// What it printed to standard output.
    pub(crate) text: String,
    /// How often it asked for the value of a tensor, and how often an operation had been queued since it last asked.
    /// Zero when it was not executed beside `PyTorch`.
    pub(crate) syncs: u32,
    pub(crate) waits: u32,
}

/// Counts what is left open, as `python -X dev` would say it.
const COUNT_BEFORE: &str = "import gc as _gc, warnings as _warnings
_leaks = []
_warnings.simplefilter('always', ResourceWarning)
_warnings.showwarning = lambda message, *rest: _leaks.append(message)
";
const COUNT_AFTER: &str = "
for _name in [name for name in globals() if not name.startswith('_')]:
    del globals()[_name]
_gc.collect()
print('left open:', sum('unclosed' in str(message) for message in _leaks))
";

/// The program, which in the end says in a line of its own how many files, sockets and the like it left open.
pub(crate) fn counting_leaks(program: &str) -> String {
    format!("{COUNT_BEFORE}{program}{COUNT_AFTER}")
}

/// What a program printed, and the number of the line that [`counting_leaks`] adds; 0 without one.
pub(crate) fn without_count(printed: &str) -> (&str, usize) {
    match printed.rsplit_once("left open: ") {
        Some((before, count)) => (before, count.trim().parse().unwrap_or(0)),
        None => (printed, 0),
    }
}

/// What each program prints to standard output, in order. The error says what is wrong with the interpreter.
///
/// The interpreter is the one named by `MLFIX_TEST_PYTHON`, else `python3` on the path. A program that runs for more
/// than 10 seconds is ended.
pub(crate) fn execute(programs: &[String]) -> Result<Vec<String>, String> {
    let python = std::env::var("MLFIX_TEST_PYTHON").unwrap_or_else(|_| "python3".to_string());
    let answers = execute_with(&python, &DRIVER.replace("/*COUNTER*/", ""), programs)?;
    Ok(answers.into_iter().map(|answer| answer.text).collect())
}

/// The same for programs that use `PyTorch`, with the number of times that they ask for the value of a tensor. It is imported
/// once.
pub(crate) fn execute_with_torch(python: &str, programs: &[String]) -> Result<Vec<Answer>, String> {
    // A module of its own: the programs start with an empty `__main__`.
    let counter = format!(
        "import types\ncounter = types.ModuleType('counter')\nexec('''{COUNTER}''', vars(counter))\nCOUNTER = counter.Counter()\n"
    );
    execute_with(python, &DRIVER.replace("/*COUNTER*/", &counter), programs)
}

/// The first interpreter that imports `PyTorch`: the one named by `MLFIX_TEST_PYTHON`, `python3` on the path, or that of the
/// system.
pub(crate) fn with_torch() -> Option<String> {
    let named = std::env::var("MLFIX_TEST_PYTHON").ok();
    let candidates = named.into_iter().chain(["python3", "/usr/bin/python3"].map(str::to_string));
    let imports = |python: &String| {
        let quiet = || Stdio::null();
        let mut command = Command::new(python);
        command.args(["-c", "import torch"]).stdin(quiet()).stdout(quiet()).stderr(quiet());
        command.status().is_ok_and(|status| status.success())
    };
    candidates.into_iter().find(imports)
}

fn execute_with(python: &str, driver: &str, programs: &[String]) -> Result<Vec<Answer>, String> {
    let advice = "the cases are executed by CPython 3.10 or newer: install it (Debian: `apt-get install python3`), \
                  or name it, as in `MLFIX_TEST_PYTHON=/usr/bin/python3 cargo test`";
    let mut command = Command::new(python);
    // Sets of strings come in the same order in every run.
    command.args(["-B", "-c", driver]).env("PYTHONHASHSEED", "0").env("PYTHONUTF8", "1").env_remove("PYTHONPATH");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("cannot start `{python}`: {error}; {advice}"))?;
    let mut input = child.stdin.take().expect("standard input is piped");
    let text = serde_json::to_vec(programs).expect("texts are JSON");
    // The driver reads everything before it writes anything, so this cannot block for good.
    let sent = input.write_all(&text);
    drop(input);
    let output = child.wait_with_output().map_err(|error| format!("`{python}` was lost: {error}; {advice}"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    if let Err(error) = sent {
        return Err(format!("`{python}` does not read its input: {error}\n{stderr}\n{advice}"));
    }
    let answers: Vec<(String, u32, u32)> = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("`{python}` gave no answer: {error}\n{stderr}\n{advice}"))?;
    assert_eq!(answers.len(), programs.len(), "one answer for each program");
    Ok(answers.into_iter().map(|(text, syncs, waits)| Answer { text, syncs, waits }).collect())
}

#[test]
fn programs_are_executed_apart() {
    let programs = [
        "x = 1\nprint('é', x)\n",
        "print(x)\n",
        "import sys\nsys.exit(3)\n",
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    b: int = 1\nprint(A(), __name__)\n",
        "d = {1: 2}\nfor k in d:\n    del d[k]\n",
        "import os\nprint(sorted(os.listdir()))\n",
    ];
    let answers = execute(&programs.map(str::to_string)).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(
        answers,
        [
            "é 1\n",
            "NameError: name 'x' is not defined\n",
            "SystemExit: 3\n",
            "A(b=1) __main__\n",
            "RuntimeError: dictionary changed size during iteration\n",
            "['case.py']\n",
        ]
    );
}

#[test]
fn waiting_for_a_tensor_is_counted() {
    let Some(python) = with_torch() else { return };
    let programs = [
        "import torch\nx = torch.ones(3)\nprint([y.item() for y in x])\nx += 1\nprint(float(x.sum()), x.tolist())\n",
        "import torch\nx = torch.ones(1, requires_grad=True)\nfor _ in range(3):\n    (x * 2).backward()\n    print(x)\n",
    ];
    let answers = execute_with_torch(&python, &programs.map(str::to_string)).unwrap_or_else(|why| panic!("{why}"));
    let expected = Answer { text: "[1.0, 1.0, 1.0]\n6.0 [2.0, 2.0, 2.0]\n".to_string(), syncs: 5, waits: 2 };
    assert_eq!(answers[0], expected);
    assert_eq!(answers[1].syncs, 0);
}
