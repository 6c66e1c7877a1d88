//! A log that a crash, a disk or a person has damaged is recovered or refused, and what was recovered stays. So is a log
//! whose checksums fit and whose records are lies.
//!
//! The first byte says which of the two. For damage the rest is a list of edits to the files that a store with a few commits leaves
//! behind, six bytes each: which file, where, what. For lies it is a list of edits to the bodies of its records.
#![no_main]

mod in_memory;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use protocol::pages::{Encoder, PAGE_BYTES};
use storage::{AlarmChange, Commit, Options, Store};

/// Bytes of an edit.
const EDIT_BYTES: usize = 6;
/// Bytes before the first record of a segment.
const PREFIX_BYTES: usize = 64;
/// Bytes before the body of a record.
const HEADER_BYTES: usize = 40;

type Files = Vec<(PathBuf, Vec<u8>)>;

/// Every file that was there in mid-work, by its path.
static FILES: LazyLock<Files> = LazyLock::new(|| {
    let folder = in_memory::folder();
    let store = Store::open(folder.path(), options()).expect("an empty folder is a store");
    let namespace = store.namespace("Counter").expect("there is room");
    for object in 0..4 {
        let opened = store
            .open_object(&namespace, [object; 32], Some("name"))
            .expect("it is new");
        for number in 1..4_u64 {
            let page = [object ^ number as u8; PAGE_BYTES];
            let mut changes = Encoder::default();
            changes.page(1, None, &page);
            let changes = changes.finish();
            let position = opened.object.commit(Commit {
                number,
                page_count: 1,
                changes: &changes,
                alarm: (number == 2).then_some(AlarmChange::Set(1e12)),
                more: false,
            });
            store
                .wait_durable(position.expect("it is the next one"))
                .expect("memory does not refuse");
        }
        if object == 1 {
            let bookmark = opened.object.bookmark().expect("there are commits");
            opened
                .object
                .restore_at_next_open(&bookmark)
                .expect("it is in the log");
        }
    }
    let mut files = Vec::new();
    collect(folder.path(), folder.path(), &mut files);
    // Four megabytes of nothing, which every start makes anew.
    files.retain(|(name, _)| !name.ends_with("reserve"));
    files
});

fn collect(root: &Path, folder: &Path, files: &mut Files) {
    for entry in fs::read_dir(folder).expect("it is there") {
        let path = entry.expect("it is there").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("it is inside").to_owned();
            files.push((name, fs::read(&path).expect("it can be read")));
        }
    }
    files.sort();
}

/// Small segments, so that a store is quick to make.
fn options() -> Options {
    let mut options = Options::default();
    options.segment_bytes = 256 << 10;
    options
}

/// What a store says that it has.
fn names(store: &Store) -> Vec<String> {
    let mut names = Vec::new();
    for namespace in store.namespaces() {
        for object in store.objects(&namespace) {
            names.push(format!("{} {object:?}", namespace.key()));
        }
    }
    names
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, edits)) = bytes.split_first() else {
        return;
    };
    let mut files = FILES.clone();
    match kind % 2 {
        0 => damage(&mut files, edits),
        _ => {
            for (path, content) in &mut files {
                if path.extension().is_some_and(|name| name == "seg") {
                    lie(content, edits);
                }
            }
        }
    }
    let folder = in_memory::folder();
    for (name, content) in &files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it is inside")).expect("there is room");
        fs::write(path, content).expect("there is room");
    }
    let Ok(store) = Store::open(folder.path(), options()) else {
        return;
    };
    let found = names(&store);
    if store.close().is_err() {
        return;
    }
    drop(store);
    let again = Store::open(folder.path(), options()).expect("what was recovered can be opened");
    assert_eq!(names(&again).len(), found.len());
});

fn damage(files: &mut Files, edits: &[u8]) {
    for edit in edits.chunks_exact(EDIT_BYTES) {
        let which = usize::from(edit[0]) % files.len();
        let content = &mut files[which].1;
        let at = u32::from_le_bytes([edit[1], edit[2], edit[3], 0]) as usize;
        match edit[4] {
            0 => content.truncate(at),
            1 => content.extend(std::iter::repeat_n(edit[5], at % 10_000)),
            _ => {
                if let Some(place) = at.checked_rem(content.len()).map(|at| &mut content[at]) {
                    *place = edit[5];
                }
            }
        }
    }
}

/// Edits the bodies of a segment's records, and makes their checksums fit.
fn lie(segment: &mut [u8], edits: &[u8]) {
    let log = segment[8..16].to_vec();
    let check = |bytes: &[u8]| {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&log);
        hasher.update(bytes);
        hasher.finalize().to_le_bytes()
    };
    let mut start = PREFIX_BYTES;
    let mut number = 0;
    while let Some(header) = segment.get(start..start + HEADER_BYTES) {
        if header[..4] != check(&header[4..]) {
            return;
        }
        let length = u32::from_le_bytes(header[4..8].try_into().expect("these are four")) as usize;
        let record = &mut segment[start..start + HEADER_BYTES + length];
        for edit in edits.chunks_exact(EDIT_BYTES) {
            let at = usize::from(u16::from_le_bytes([edit[1], edit[2]]));
            let place = record.get_mut(HEADER_BYTES + at);
            if usize::from(edit[0]) == number
                && let Some(place) = place
            {
                *place = edit[3];
            }
        }
        let body = check(&record[HEADER_BYTES..]);
        record[32..36].copy_from_slice(&body);
        let head = check(&record[4..HEADER_BYTES]);
        record[..4].copy_from_slice(&head);
        start += HEADER_BYTES + length;
        number += 1;
    }
}
