//! What is remembered about one project: a single file, read whole, with a sorted index.
//!
//! ```text
//! 16  magic          8  checksum of all that follows     8  seed of the keys
//! 16  build: stat   16  build: content, 0 when unknown   4  number of entries
//! then for each entry, sorted by key: 16 key, 4 offset and 4 length of its bytes, 4 day of its last use
//! then the bytes of the entries
//! ```
//!
//! All numbers are little-endian.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use xxhash_rust::xxh3::xxh3_64;

use super::build::Build;
use crate::write::{Root, put_own, random, read};

const MAGIC: &[u8; 16] = b"mlfix cache v1\r\n";
const HEAD: usize = 16 + 8 + 8 + 16 + 16 + 4;
const RECORD: usize = 16 + 4 + 4 + 4;
/// Entries that no run used for so many days are dropped.
const DAYS: u32 = 30;
/// The day of the last use is written down when it is further off than this: a run that learns nothing new writes nothing.
const STALE: u32 = 7;
/// More than this is neither written nor read: 64 MiB, or some million files.
const MOST: usize = 64 << 20;

/// What a run remembers about a project, shared by its threads.
pub(super) struct Pack {
    name: OsString,
    /// Makes keys that nobody can foresee.
    pub(super) seed: u64,
    old: Option<Old>,
    /// For each entry of `old`, whether this run used it.
    used: Vec<AtomicBool>,
    new: Mutex<BTreeMap<u128, Vec<u8>>>,
}

/// A file that was found whole and of this build.
struct Old {
    bytes: Vec<u8>,
    count: usize,
    build: [u128; 2],
}

impl Pack {
    /// What earlier runs remembered under that name; nothing when that is damaged, or of another build.
    pub(super) fn load(root: Option<&Root>, name: OsString, build: &Build) -> Self {
        let old = root.and_then(|root| Old::read(root, &name)).filter(|old| build.is(old.build));
        let used = (0..old.as_ref().map_or(0, |old| old.count)).map(|_| AtomicBool::new(false)).collect();
        let seed = old.as_ref().map_or_else(random, Old::seed);
        Self { name, seed, old, used, new: Mutex::default() }
    }

    /// What is remembered under a key.
    pub(super) fn get(&self, key: u128) -> Option<&[u8]> {
        let old = self.old.as_ref()?;
        let index = old.find(key)?;
        self.used[index].store(true, Ordering::Relaxed);
        Some(&old.bytes[old.place(index)])
    }

    /// Remembers something.
    pub(super) fn put(&self, key: u128, entry: Vec<u8>) {
        self.new.lock().unwrap_or_else(PoisonError::into_inner).insert(key, entry);
    }

    /// Whether there is anything that the file does not say yet.
    pub(super) fn has_news(&self, build: &Build, today: u32) -> bool {
        let is_news = |old: &Old| {
            let is_stale = |index| today.saturating_sub(old.day(index)) > STALE;
            old.build[0] != build.stat
                || (0..old.count).any(|index| self.used[index].load(Ordering::Relaxed) && is_stale(index))
        };
        !self.new.lock().unwrap_or_else(PoisonError::into_inner).is_empty() || self.old.as_ref().is_some_and(is_news)
    }

    /// Writes it, together with what another run has written meanwhile. Whether there was no such file before.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn save(self, root: &Root, build: &Build, today: u32) -> std::io::Result<bool> {
        let Self { name, seed, old, used, new } = self;
        let new = new.into_inner().unwrap_or_else(PoisonError::into_inner);
        let used: Vec<bool> = used.into_iter().map(AtomicBool::into_inner).collect();
        let now = Old::read(root, &name);
        let is_first = now.is_none();
        let now = now.filter(|now| now.seed() == seed && build.is(now.build));
        let mut entries: Vec<(u32, u128, &[u8])> = new.iter().map(|(key, entry)| (today, *key, entry.as_slice())).collect();
        if let Some(now) = &now {
            entries.extend((0..now.count).map(|index| (now.day(index), now.key(index), &now.bytes[now.place(index)])));
        }
        if let Some(old) = &old {
            entries.extend((0..old.count).map(|index| {
                let day = if used[index] { today } else { old.day(index) };
                (day, old.key(index), &old.bytes[old.place(index)])
            }));
        }
        let known = old.as_ref().map_or(0, |old| old.build[1]);
        // The content of the program is looked at only where that is little beside the run itself.
        let content = if known == 0 && entries.len() >= 256 { build.content() } else { known };
        put_own(root, &name, &packed(seed, [build.stat, content], entries, today))?;
        Ok(is_first)
    }
}

/// The file with these entries: the latest use of each, the latest used where there are too many.
fn packed(seed: u64, build: [u128; 2], mut entries: Vec<(u32, u128, &[u8])>, today: u32) -> Vec<u8> {
    entries.retain(|(day, ..)| today.saturating_sub(*day) <= DAYS);
    entries.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut size = HEAD;
    let fits = entries.iter().take_while(|(.., entry)| {
        size += RECORD + entry.len();
        size <= MOST
    });
    let kept = fits.count();
    entries.truncate(kept);
    entries.sort_by_key(|(_, key, _)| *key);
    entries.dedup_by_key(|(_, key, _)| *key);

    let mut out = Vec::with_capacity(size.min(MOST));
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&seed.to_le_bytes());
    out.extend_from_slice(&build[0].to_le_bytes());
    out.extend_from_slice(&build[1].to_le_bytes());
    out.extend_from_slice(&(entries.len() as u32).to_le_bytes());
    let mut offset = 0_u32;
    for (day, key, entry) in &entries {
        out.extend_from_slice(&key.to_le_bytes());
        for number in [offset, entry.len() as u32, *day] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        offset += entry.len() as u32;
    }
    for (.., entry) in &entries {
        out.extend_from_slice(entry);
    }
    let checksum = xxh3_64(&out[24..]);
    out[16..24].copy_from_slice(&checksum.to_le_bytes());
    out
}

impl Old {
    fn read(root: &Root, name: &OsString) -> Option<Self> {
        let bytes = read(root, Path::new(name), MOST as u64).ok()?.bytes;
        Self::parse(bytes)
    }

    fn parse(bytes: Vec<u8>) -> Option<Self> {
        if bytes.len() < HEAD || !bytes.starts_with(MAGIC) || xxh3_64(&bytes[24..]).to_le_bytes() != bytes[16..24] {
            return None;
        }
        let build = [number(&bytes, 32..48), number(&bytes, 48..64)];
        let count = number(&bytes, 64..68) as usize;
        let old = Self { bytes, count, build };
        let start = count.checked_mul(RECORD)?.checked_add(HEAD).filter(|start| *start <= old.bytes.len())?;
        let room = old.bytes.len() - start;
        let is_right = |index| {
            let (offset, length) = old.span(index);
            offset + length <= room && (index == 0 || old.key(index - 1) < old.key(index))
        };
        (0..count).all(is_right).then_some(old)
    }

    fn seed(&self) -> u64 {
        number(&self.bytes, 24..32) as u64
    }

    /// A number in the record of an entry.
    fn field(&self, index: usize, range: Range<usize>) -> u128 {
        let start = HEAD + index * RECORD;
        number(&self.bytes, start + range.start..start + range.end)
    }

    fn key(&self, index: usize) -> u128 {
        self.field(index, 0..16)
    }

    /// Where the bytes of an entry stand, from the end of the index, and how many they are.
    fn span(&self, index: usize) -> (usize, usize) {
        (self.field(index, 16..20) as usize, self.field(index, 20..24) as usize)
    }

    fn place(&self, index: usize) -> Range<usize> {
        let (offset, length) = self.span(index);
        let start = HEAD + self.count * RECORD + offset;
        start..start + length
    }

    fn day(&self, index: usize) -> u32 {
        self.field(index, 24..28) as u32
    }

    fn find(&self, key: u128) -> Option<usize> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.key(middle).cmp(&key) {
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }
}

/// The little-endian number in at most 16 bytes.
fn number(bytes: &[u8], range: Range<usize>) -> u128 {
    let mut number = [0; 16];
    number[..range.len()].copy_from_slice(&bytes[range]);
    u128::from_le_bytes(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::own_folder;

    const NAME: &str = "x.cache";

    fn build(stat: u128) -> Build {
        Build::known_by(stat)
    }

    fn load(root: &Root) -> Pack {
        Pack::load(Some(root), NAME.into(), &build(1))
    }

    #[test]
    fn what_is_put_in_is_there_for_the_next_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = own_folder(&folder.path().join("cache")).expect("made");
        let pack = load(&root);
        assert_eq!(pack.get(7), None);
        let keys: Vec<u128> = (0..1000).map(|index| index * 0x1234_5678_9abc_def1_0011_2233).collect();
        for key in &keys {
            pack.put(*key, vec![*key as u8; (*key % 5) as usize]);
        }
        assert!(pack.save(&root, &build(1), 100).expect("written"), "the first of its name");
        let pack = load(&root);
        for key in &keys {
            assert_eq!(pack.get(*key), Some(vec![*key as u8; (*key % 5) as usize].as_slice()));
        }
        assert_eq!(pack.get(1), None);
        // A run that learns nothing writes nothing, unless that would make the file look unused.
        assert!(!pack.has_news(&build(1), 100 + STALE));
        assert!(pack.has_news(&build(1), 101 + STALE));
        assert!(pack.has_news(&build(2), 100));
    }

    #[test]
    fn two_runs_at_once_keep_what_both_learned() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = own_folder(&folder.path().join("cache")).expect("made");
        let first = load(&root);
        first.put(1, vec![1]);
        first.save(&root, &build(1), 100).expect("written");
        let (one, two) = (load(&root), load(&root));
        one.put(2, vec![2]);
        two.put(3, vec![3]);
        one.save(&root, &build(1), 100).expect("written");
        two.save(&root, &build(1), 100).expect("written");
        let pack = load(&root);
        assert_eq!((pack.get(1), pack.get(2), pack.get(3)), (Some(&[1][..]), Some(&[2][..]), Some(&[3][..])));
    }

    #[test]
    fn what_nobody_uses_is_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = own_folder(&folder.path().join("cache")).expect("made");
        let pack = load(&root);
        pack.put(1, vec![1]);
        pack.put(2, vec![2]);
        pack.save(&root, &build(1), 100).expect("written");
        let pack = load(&root);
        pack.get(1).expect("there");
        pack.save(&root, &build(1), 100 + DAYS).expect("written, since the last use was long ago");
        let pack = load(&root);
        pack.put(3, vec![3]);
        pack.save(&root, &build(1), 101 + DAYS).expect("written");
        let pack = load(&root);
        assert_eq!((pack.get(1).is_some(), pack.get(2).is_some(), pack.get(3).is_some()), (true, false, true));
    }

    #[test]
    fn another_build_begins_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = own_folder(&folder.path().join("cache")).expect("made");
        let pack = load(&root);
        pack.put(1, vec![1]);
        pack.save(&root, &build(1), 100).expect("written");
        assert!(Pack::load(Some(&root), NAME.into(), &build(2)).get(1).is_none());
        assert!(load(&root).get(1).is_some());
    }

    #[test]
    fn a_damaged_file_is_no_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = own_folder(&folder.path().join("cache")).expect("made");
        let pack = load(&root);
        pack.put(5, b"five".to_vec());
        pack.put(6, b"six".to_vec());
        pack.save(&root, &build(1), 100).expect("written");
        let path = folder.path().join("cache").join(NAME);
        let whole = std::fs::read(&path).expect("there");
        assert!(Old::parse(whole.clone()).is_some());
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            assert!(Old::parse(damaged.clone()).is_none(), "byte {at}");
            assert!(Old::parse(whole[..at].to_vec()).is_none(), "first {at} bytes");
            // Also where the checksum is right, nothing outside of the file is reached for.
            let checksum = xxh3_64(damaged.get(24..).unwrap_or_default());
            damaged[16..24].copy_from_slice(&checksum.to_le_bytes());
            if let Some(old) = Old::parse(damaged) {
                for index in 0..old.count {
                    let _ = &old.bytes[old.place(index)];
                }
            }
        }
        std::fs::write(&path, &whole[..whole.len() / 2]).expect("written");
        let pack = load(&root);
        assert!(pack.get(5).is_none());
        pack.put(5, b"five".to_vec());
        pack.save(&root, &build(1), 100).expect("replaced");
        assert_eq!(load(&root).get(5), Some(&b"five"[..]));
    }
}
