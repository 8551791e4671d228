//! The parts of the engine one by one: `cargo bench`, or `cargo bench -- parse` for one of them.
//!
//! The text is the example project over and over, so no corpus is needed, and there is much to find: in real code the
//! later parts have less to do. Whole commands on real code are measured by `commands.py` and `growth.py`.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mlfix::cache::Cache;
use mlfix::config::{Configs, Overrides};
use mlfix::engine::driver::{Mode, Settings, run};
use mlfix::engine::edit::{Edit, apply};
use mlfix::engine::skim::Code;
use mlfix::engine::source::SourceFile;
use mlfix::engine::syntax::Tree;
use mlfix::engine::transform::FileKind;
use mlfix::write::Root;

const PARTS: &[&str] = &[
    include_str!("../examples/callbacks.py"),
    include_str!("../examples/features.py"),
    include_str!("../examples/train.py"),
    include_str!("../docs/syncs/train.py"),
];

/// About so many bytes of Python.
fn text(size: usize) -> Vec<u8> {
    PARTS.iter().cycle().flat_map(|part| part.bytes().chain(*b"\n\n")).take(size).collect()
}

/// The same without a word that any transform looks for.
fn nothing(size: usize) -> Vec<u8> {
    let text = b"class Point:\n    def __init__(self, x, y):\n        self.x, self.y = x, y\n\n\n";
    text.iter().copied().cycle().take(size / text.len() * text.len()).collect()
}

fn settings(select: Option<Vec<&'static str>>) -> Arc<Settings> {
    let overrides = Overrides { isolated: true, unsafe_fixes: true, select, ..Overrides::default() };
    let configs = Configs::new(overrides, Path::new("/")).expect("nothing is read");
    configs.settings(Path::new("/a.py")).expect("nothing is read")
}

fn parts(criterion: &mut Criterion) {
    let all = settings(None);
    for size in [4 << 10, 64 << 10] {
        let bytes = text(size);
        let source = SourceFile::new(bytes.clone()).expect("Python");
        let mut group = criterion.benchmark_group("engine");
        group.sample_size(20).throughput(Throughput::Bytes(size as u64));
        let id = |part: &str| BenchmarkId::new(part, size);
        let plain = nothing(size);
        group.bench_function(id("anchors: nothing to find"), |bench| {
            bench.iter(|| run(black_box(plain.clone()), FileKind::Module, &all, Mode::Check));
        });
        group.bench_function(id("skim"), |bench| bench.iter(|| Code::of(black_box(&bytes))));
        group.bench_function(id("read as Python"), |bench| bench.iter(|| SourceFile::new(black_box(bytes.clone()))));
        group.bench_function(id("parse"), |bench| bench.iter(|| Tree::parse(black_box(source.code()))));
        for transform in ["mutable-default", "mutate-while-iterating", "open-without-with", "sync-in-loop"] {
            let one = settings(Some(vec![transform]));
            group.bench_function(id(&format!("parse and match: {transform}")), |bench| {
                bench.iter(|| run(black_box(bytes.clone()), FileKind::Module, &one, Mode::Check));
            });
        }
        group.bench_function(id("parse and match: all"), |bench| {
            bench.iter(|| run(black_box(bytes.clone()), FileKind::Module, &all, Mode::Check));
        });
        let edits: Vec<Edit> = (0..size / 200).map(|number| Edit::replace(number * 200..number * 200 + 3, "None")).collect();
        group.bench_function(id("apply"), |bench| bench.iter(|| apply(black_box(&bytes), &edits)));
        group.finish();
    }
    // The whole loop, with verification, takes longer than all of the above.
    let bytes = text(16 << 10);
    let mut group = criterion.benchmark_group("whole");
    group.sample_size(10).throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("fix: all", |bench| {
        bench.iter(|| run(black_box(bytes.clone()), FileKind::Module, &all, Mode::Fix));
    });
    let folder = tempfile::tempdir().expect("a folder");
    let root = Root::open(folder.path()).expect("there");
    let first = Cache::new(folder.path().join("cache"), false).expect("a program");
    first.report(&root, &bytes, FileKind::Module, &all, Mode::Check);
    first.save().expect("written");
    let warm = Cache::new(folder.path().join("cache"), false).expect("a program");
    group.bench_function("remembered", |bench| {
        bench.iter(|| warm.report(&root, black_box(&bytes), FileKind::Module, &all, Mode::Check));
    });
    group.finish();
}

criterion_group!(benches, parts);
criterion_main!(benches);
