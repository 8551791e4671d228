//! Each system call of reading and writing fails, in each way, one at a time.

use rustix::io::Errno;

use super::*;
use crate::fs::faulty::Fault;

const KINDS: [Fault; 9] = [
    Fault::Error(Errno::NOSPC),
    Fault::Error(Errno::IO),
    Fault::Error(Errno::ACCESS),
    Fault::Error(Errno::DQUOT),
    Fault::Late(Errno::IO),
    Fault::Short,
    Fault::ShortThen(Errno::NOSPC),
    Fault::ShortThen(Errno::IO),
    Fault::Kill,
];

type Make = fn() -> Scene;

/// A file in a state of its own, and what it is to become.
struct Scene {
    tree: Tree,
    name: &'static str,
    old: Vec<u8>,
    new: Vec<u8>,
    snapshot: Snapshot,
}

const SCENES: [(&str, Make); 5] = [
    ("plain", || scene("sub/a.py", b"old", b"new bytes", |_| {})),
    ("filled", || scene("a.py", b"", b"new", |_| {})),
    ("emptied", || scene("a.py", b"old", b"", |_| {})),
    ("hard link", || {
        scene("a.py", b"old", &[b'n'; 10_000], |path| {
            fs::hard_link(path, path.with_extension("link")).expect("a hard link");
        })
    }),
    ("everything to keep", || {
        scene("sub/a.py", &[b'o'; 10_000], b"new", |path| {
            set_attribute(path, "user.one", b"1");
            set_attribute(path, "user.two", &[b'2'; 500]);
            let folder = path.parent().expect("it stands in one");
            set_attribute(folder, "system.posix_acl_default", &access_list(1234));
            if rustix::process::geteuid().is_root() {
                std::os::unix::fs::chown(path, Some(1234), Some(1235)).expect("root may do that");
            }
            fs::set_permissions(path, Permissions::from_mode(0o4755)).expect("the mode can be set");
        })
    }),
];

fn scene(name: &'static str, old: &[u8], new: &[u8], prepare: impl FnOnce(&Path)) -> Scene {
    // Memory, where there is such a file system: a thousand real fsyncs take half a minute and show no more.
    let memory = Path::new("/dev/shm");
    let tree = if memory.is_dir() { Tree::within(memory) } else { Tree::new() };
    let path = tree.put(name, old);
    prepare(&path);
    let snapshot = tree.snapshot(name);
    let (old, new) = (old.to_vec(), new.to_vec());
    Scene { tree, name, old, new, snapshot }
}

impl Scene {
    fn write(&self, fs: &dyn Fs) -> Result<Written, WriteError> {
        write_on(fs, &self.tree.root, Path::new(self.name), &self.snapshot, &self.new)
    }
}

#[test]
fn after_each_fault_the_file_is_old_or_new_and_nothing_else_is_there() {
    let mut points = 0;
    for (scene, make) in SCENES {
        let calls = {
            let counting = Faulty::counting();
            make().write(&counting).expect("without a fault it can be written");
            counting.calls()
        };
        for (at, call) in calls.iter().enumerate() {
            for fault in KINDS {
                let context = format!("{scene}: {fault:?} at call {at}, {call}");
                let state = make();
                let result = state.write(&Faulty::new(at, fault));
                let now = state.tree.snapshot(state.name);
                let is_new = now.bytes == state.new;

                assert!(is_new || now.bytes == state.old, "{context}: neither old nor new");
                let after_rename = *call == "rename" && matches!(fault, Fault::Late(_));
                assert_eq!(
                    is_new,
                    result.is_ok() || after_rename || (*call == "sync_folder" && fault == Fault::Kill),
                    "{context}: {result:?}"
                );
                let harmless = match fault {
                    Fault::Error(_) | Fault::Late(_) | Fault::Kill => *call == "sync_folder",
                    Fault::Short => true,
                    Fault::ShortThen(_) => *call != "write" || state.new.len() == 1,
                };
                if fault != Fault::Kill && !matches!(fault, Fault::ShortThen(_)) {
                    assert_eq!(result.is_ok(), harmless, "{context}: {result:?}");
                }
                let kept = |stat: &Stat| (stat.mode, stat.user, stat.group);
                assert_eq!(kept(&now.stat), kept(&state.snapshot.stat), "{context}");

                // A file that was made although the call failed cannot be known to be ours.
                if fault != Fault::Kill && !(matches!(fault, Fault::Late(_)) && *call == "create") {
                    assert_eq!(state.tree.strays(), Vec::<PathBuf>::new(), "{context}");
                }
                if !is_new {
                    // What the fault left behind does not stand in the way of the next run.
                    state.write(&Os).expect(&context);
                }
                points += 1;
            }
        }
    }
    eprintln!("{points} fault points");
    assert!(points >= 200, "only {points} fault points");
}

#[test]
fn after_each_fault_of_reading_there_is_an_error_or_the_true_bytes() {
    let scene = scene("sub/a.py", &[b'o'; 10_000], b"", |_| {});
    let read = |fs: &dyn Fs| read_on(fs, &scene.tree.root, Path::new(scene.name), 1 << 20);
    let counting = Faulty::counting();
    assert!(read(&counting).is_ok());
    for at in 0..counting.calls().len() {
        for fault in KINDS {
            match (fault, read(&Faulty::new(at, fault))) {
                (Fault::Short | Fault::ShortThen(_), result) => {
                    assert_eq!(result.expect("short reads are usual").bytes, scene.old);
                }
                (_, result) => assert!(matches!(result, Err(ReadError::Io(_))), "{fault:?} at {at}: {result:?}"),
            }
        }
    }
}

#[test]
fn the_bytes_are_on_the_medium_before_the_name_leads_to_them() {
    let counting = Faulty::counting();
    scene("sub/a.py", b"old", b"new", |_| {}).write(&counting).expect("it can be written");
    let compare = ["open", "stat", "read", "read", "stat"];
    let mut expected = vec!["folder"];
    expected.extend(compare);
    expected.extend(["check_writable", "create", "write", "stat", "xattrs", "xattrs", "stat"]);
    expected.extend(["chmod", "stat", "sync"]);
    expected.extend(compare);
    expected.extend(["rename", "sync_folder"]);
    assert_eq!(counting.calls(), expected);
}

#[test]
fn a_failure_says_what_was_being_done() {
    let calls = Faulty::counting();
    scene("a.py", b"old", b"new", |_| {}).write(&calls).expect("it can be written");
    for (call, errno, text) in [
        ("write", Errno::NOSPC, "no space left on device (while writing a temporary file beside it)"),
        ("create", Errno::ACCESS, "permission denied (while creating a temporary file beside it)"),
        ("create", Errno::ROFS, "read-only file system (while creating a temporary file beside it)"),
        ("check_writable", Errno::ACCESS, "permission denied"),
        ("chmod", Errno::PERM, "its mode cannot be kept: operation not permitted"),
        ("rename", Errno::BUSY, "device or resource busy (while replacing it)"),
    ] {
        let at = calls.calls().iter().position(|name| *name == call).expect(call);
        let error = scene("a.py", b"old", b"new", |_| {}).write(&Faulty::new(at, Fault::Error(errno))).expect_err(call);
        assert_eq!(error.to_string(), text);
    }
    let at = calls.calls().len() - 1;
    let written =
        scene("a.py", b"old", b"new", |_| {}).write(&Faulty::new(at, Fault::Error(Errno::IO))).expect("it is written");
    assert_eq!(written.notices[0].to_string(), "written, but it may not survive a power cut: input/output error");
}
