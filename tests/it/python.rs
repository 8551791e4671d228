//! Executes snippets with Python: one interpreter, one forked child per snippet.

use std::io::Write;
use std::process::{Command, Stdio};

/// Reads a list of programs from standard input, gives a list of what they print. Each runs in a child of its own and in
/// a folder of its own. An uncaught exception counts as its last line.
const DRIVER: &str = r#"
import io, json, os, shutil, signal, sys, tempfile, traceback
SECONDS = 10

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
            return text
    finally:
        shutil.rmtree(folder, ignore_errors=True)

answer = [run(code) for code in json.load(sys.stdin)]
json.dump(answer, sys.stdout)
"#;

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
    let advice = "the cases are executed by CPython 3.10 or newer: install it (Debian: `apt-get install python3`), \
                  or name it, as in `MLFIX_TEST_PYTHON=/usr/bin/python3 cargo test`";
    let mut command = Command::new(&python);
    // Sets of strings come in the same order in every run.
    command.args(["-B", "-c", DRIVER]).env("PYTHONHASHSEED", "0").env("PYTHONUTF8", "1").env_remove("PYTHONPATH");
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
    let answer: Vec<String> = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("`{python}` gave no answer: {error}\n{stderr}\n{advice}"))?;
    assert_eq!(answer.len(), programs.len(), "one answer for each program");
    Ok(answer)
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
