//! Tests of `handles`.

use super::*;
use crate::engine::syntax::Tree;

/// What becomes of the last mention of `f` in `code`, or of the first opener when there is no `f`.
#[track_caller]
fn fate(code: &str) -> String {
    let tree = Tree::parse(code);
    assert_eq!(tree.errors().count(), 0, "{code}");
    let facts = Facts::new(&tree);
    let mentions = tree.root().descendants().filter(|node| node.is("identifier") && node.text() == "f");
    let opener = || tree.root().descendants().find_map(|node| facts.opener(node)).map(|opener| opener.call);
    let mention = mentions.max_by_key(|mention| mention.id()).or_else(opener).expect("a handle");
    let fate = facts.fate(mention);
    let (name, node) = match fate.end {
        End::Used(node) => ("used", Some(node)),
        End::Loop(_) => ("loop", None),
        End::Bound(node) => ("bound", Some(node)),
        End::Dropped => ("dropped", None),
        End::Passed(_) => ("passed", None),
        End::Kept(_) => ("kept", None),
        End::Wrapped(_) => ("wrapped", None),
        End::Returned => ("returned", None),
        End::Yielded => ("yielded", None),
        End::Stored(_) => ("stored", None),
        End::Captured(_) => ("captured", None),
        End::Managed => ("managed", None),
        End::Taken(_) => ("taken", None),
        End::Other(_) => ("other", None),
    };
    let derived = if fate.is_derived { "derived " } else { "" };
    format!("{derived}{name}{}", node.map_or(String::new(), |node| format!(" {}", node.text())))
}

#[test]
fn uses() {
    assert_eq!(fate("x = f.read()"), "used f.read()");
    assert_eq!(fate("print(1, file=f)"), "used print(1, file=f)");
    assert_eq!(fate("import json\nx = json.load(f)"), "used json.load(f)");
    assert_eq!(fate("try:\n    import cPickle as pickle\nexcept E:\n    import pickle\npickle.load(f)"), "used pickle.load(f)");
    assert_eq!(fate("for l in f: pass"), "loop");
    assert_eq!(fate("for i, l in enumerate(f): pass"), "derived loop");
    assert_eq!(fate("x = [l for l in f]"), "used [l for l in f]");
    assert_eq!(fate("x = sum(len(l) for l in f)"), "derived used sum(len(l) for l in f)");
    assert_eq!(fate("x = (l for l in f)"), "derived bound x");
    assert_eq!(fate("x = (f.read(i) for i in y)"), "derived bound x");
    assert_eq!(fate("x = [f.read(i) for i in y]"), "used f.read(i)");
    assert_eq!(fate("x = ''.join(f)"), "used ''.join(f)");
    assert_eq!(fate("a, b = f"), "used a, b = f");
    assert_eq!(fate("yield from f"), "used yield from f");
    assert_eq!(fate("g(*f)"), "used *f");
    assert_eq!(fate("if f is None: pass"), "used f is None");
}

#[test]
fn escapes() {
    assert_eq!(fate("return f"), "returned");
    assert_eq!(fate("import csv\nreturn csv.reader(f)"), "derived returned");
    assert_eq!(fate("yield f"), "yielded");
    assert_eq!(fate("self.f = f"), "stored");
    assert_eq!(fate("x = [f]"), "stored");
    assert_eq!(fate("g = lambda: f.read()"), "captured");
    assert_eq!(fate("w = f.write"), "taken");
    assert_eq!(fate("g(f.fileno())"), "taken");
    assert_eq!(fate("g(f)"), "passed");
    assert_eq!(fate("import io\nw = io.TextIOWrapper(f)"), "wrapped");
    assert_eq!(fate("import numpy as np\nx = np.load(f)"), "derived bound x");
    assert_eq!(fate("import pandas as pd\nx = pd.read_csv(f, chunksize=2)"), "derived bound x");
    assert_eq!(fate("import subprocess\nsubprocess.Popen(c, stdout=f)"), "kept");
    assert_eq!(fate("with f: pass"), "managed");
    assert_eq!(fate("stack.enter_context(f)"), "managed");
    assert_eq!(fate("x = f.buffer"), "derived bound x");
    assert_eq!(fate("x = y or f"), "bound x");
}

/// The openers of a text, by their names in the table.
fn openers(code: &str) -> Vec<String> {
    let tree = Tree::parse(code);
    let facts = Facts::new(&tree);
    tree.root().descendants().filter_map(|node| facts.opener(node)).map(|opener| opener.name).collect()
}

#[test]
fn names_are_followed() {
    assert_eq!(openers("open(p)"), ["builtins.open"]);
    assert_eq!(openers("import gzip as gz\ngz.open(p)"), ["gzip.open"]);
    assert_eq!(openers("from codecs import open\nopen(p)"), ["codecs.open"]);
    assert_eq!(openers("from pathlib import Path\n(Path(d) / 'x').open()"), ["pathlib.Path.open"]);
    assert_eq!(openers("from pathlib import Path\np = Path(d)\np.open()"), ["pathlib.Path.open"]);
    assert_eq!(openers("from pathlib import Path\ndef g(p: Path): return p.open()"), ["pathlib.Path.open"]);
    assert_eq!(openers("import gzip\ngzip.GzipFile(fileobj=g)"), [""; 0]);
    for other in ["import os\nos.open(p)", "def open(p): pass\nopen(p)", "from os import open\nopen(p)", "x.open(p)"] {
        assert_eq!(openers(other), [""; 0], "{other}");
    }
    assert_eq!(openers("from os import *\nopen(p)"), [""; 0]);
    assert_eq!(openers("from x import *\nopen(p)"), ["builtins.open"]);
}

#[test]
fn every_row_is_there_once() {
    let mut names: Vec<&str> = tables::CONSUMERS.iter().map(|row| row.0).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(tables::CONSUMERS.iter().all(|row| !row.2.is_empty()));
    assert!(tables::OPENERS.iter().all(|row| !row.2.is_empty()));
    assert!(tables::HELD.iter().all(|row| !row.2.is_empty()));
}
