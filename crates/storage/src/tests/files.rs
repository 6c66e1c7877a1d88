//! Files that other programs made.

use std::io::Write;
use std::path::{Path, PathBuf};

use protocol::pages::PAGE_BYTES;

use crate::record::{Record, folder_name, is_folder_name};
use crate::{Error, Namespace, Options, Store};

/// A page that can be the first one of a database.
fn first_page(content: u8) -> Vec<u8> {
    let mut page = vec![content; PAGE_BYTES];
    page[..16].copy_from_slice(b"SQLite format 3\0");
    page[16..18].copy_from_slice(&4096_u16.to_be_bytes());
    page[18..20].fill(2);
    // It does not say how many pages there are.
    page[28..32].fill(0);
    page
}

/// A write-ahead log of frames: page number, page count after a commit or zero, content.
fn write_ahead_log(frames: &[(u32, u32, Vec<u8>)]) -> Vec<u8> {
    fn sum(bytes: &[u8], sum: &mut (u32, u32)) {
        for pair in bytes.chunks_exact(8) {
            let word = |part: &[u8]| u32::from_le_bytes(part.try_into().unwrap());
            sum.0 = sum.0.wrapping_add(word(&pair[..4])).wrapping_add(sum.1);
            sum.1 = sum.1.wrapping_add(word(&pair[4..])).wrapping_add(sum.0);
        }
    }
    let mut running = (0, 0);
    let mut log: Vec<u8> = Vec::new();
    for field in [
        0x377f_0682_u32,
        3_007_000,
        4096,
        0,
        0x0102_0304,
        0x0506_0708,
    ] {
        log.extend(field.to_be_bytes());
    }
    sum(&log, &mut running);
    log.extend(running.0.to_be_bytes());
    log.extend(running.1.to_be_bytes());
    for (number, count, content) in frames {
        let mut head = number.to_be_bytes().to_vec();
        head.extend(count.to_be_bytes());
        sum(&head, &mut running);
        sum(content, &mut running);
        log.extend(head);
        log.extend([1, 2, 3, 4, 5, 6, 7, 8]);
        log.extend(running.0.to_be_bytes());
        log.extend(running.1.to_be_bytes());
        log.extend(content);
    }
    log
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::File::create(path)
        .unwrap()
        .write_all(bytes)
        .unwrap();
}

/// Imports a file with what lies beside it, and gives the pages that the object has then.
fn import(store: &Store, namespace: &Namespace, from: &Path, id: u8) -> Result<Vec<u8>, Error> {
    store.import(namespace, [id; 32], None, from)?;
    let copy = store.snapshot_file(namespace, [id; 32])?;
    Ok(std::fs::read(copy.path()).unwrap())
}

fn setting() -> (tempfile::TempDir, Store, Namespace, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("state"), Options::default()).unwrap();
    let namespace = store.namespace("a:B").unwrap();
    let (file, log) = (
        folder.path().join("x.sqlite"),
        folder.path().join("x.sqlite-wal"),
    );
    (folder, store, namespace, file, log)
}

#[test]
fn a_write_ahead_log_is_part_of_its_file_as_far_as_it_was_committed() {
    let (_folder, store, namespace, file, log) = setting();
    write(&file, &first_page(1));
    let second = |content: u8| vec![content; PAGE_BYTES];
    let frames = [
        (2, 0, second(7)),
        (1, 2, first_page(2)),
        (2, 2, second(8)),
        (2, 0, second(9)),
    ];
    let whole = write_ahead_log(&frames);
    write(&log, &whole);
    let imported = import(&store, &namespace, &file, 1).unwrap();
    assert_eq!(imported.len(), 2 * PAGE_BYTES);
    assert_eq!(
        (imported[18], imported[100], imported[PAGE_BYTES]),
        (1, 2, 8)
    );

    // The second commit is torn.
    write(&log, &whole[..32 + 2 * 4120 + 4000]);
    let imported = import(&store, &namespace, &file, 2).unwrap();
    assert_eq!((imported[100], imported[PAGE_BYTES]), (2, 7));

    // Nothing is whole.
    let mut broken = whole;
    broken[60] ^= 1;
    write(&log, &broken);
    let imported = import(&store, &namespace, &file, 3).unwrap();
    assert_eq!((imported.len(), imported[100]), (PAGE_BYTES, 1));
}

#[test]
fn a_file_that_is_not_complete_is_refused() {
    let (folder, store, namespace, file, log) = setting();
    write(&file, &first_page(1));
    write(&log, &[0x37; 64]);
    let error = import(&store, &namespace, &file, 1).unwrap_err();
    assert!(error.to_string().contains("write-ahead log"), "{error}");
    std::fs::remove_file(&log).unwrap();
    let journal = folder.path().join("x.sqlite-journal");
    write(&journal, b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7 and so on");
    let error = import(&store, &namespace, &file, 1).unwrap_err();
    assert!(error.to_string().contains("journal"), "{error}");
    // A journal that is done with has an empty header.
    write(&journal, &[0; 512]);
    assert!(import(&store, &namespace, &file, 1).is_ok());

    // It begins with saying that it has two pages; an old number there, of another change, says nothing.
    let mut cut = first_page(1);
    cut[28..32].copy_from_slice(&2_u32.to_be_bytes());
    write(&file, &cut);
    let error = import(&store, &namespace, &file, 2).unwrap_err();
    assert!(error.to_string().contains("1 of the 2 pages"), "{error}");
    write(&file, &[&cut[..], &[0; PAGE_BYTES]].concat());
    assert!(import(&store, &namespace, &file, 2).is_ok());
    cut[92..96].copy_from_slice(&9_u32.to_be_bytes());
    write(&file, &cut);
    assert!(import(&store, &namespace, &file, 3).is_ok());
}

#[test]
fn what_others_put_beside_the_folders_of_namespaces_stays() {
    let (folder, store, _, _, _) = setting();
    store.close().unwrap();
    drop(store);
    let objects = folder.path().join("state/objects");
    std::fs::write(objects.join("notes.txt"), "mine").unwrap();
    std::fs::create_dir(objects.join("backup")).unwrap();
    // This one had a namespace.
    std::fs::create_dir(objects.join("gone.7")).unwrap();
    drop(Store::open(&folder.path().join("state"), Options::default()).unwrap());
    assert!(objects.join("notes.txt").exists());
    assert!(objects.join("backup").exists());
    assert!(!objects.join("gone.7").exists());
}

#[test]
fn a_namespace_that_says_to_have_the_folder_of_something_else_is_refused() {
    for key in ["Room", "my worker:Room", "..", "", "ü/../ü", "a.1"] {
        assert!(is_folder_name(&folder_name(key, 12), 12), "{key:?}");
    }
    for folder in [
        "", ".", "..", "../x.1", "x/y.1", "x.1/..", "x.01", "x.2", "x",
    ] {
        let record = Record::NamespaceMade {
            number: 1,
            key: "x",
            folder,
        };
        assert_eq!(Record::decode(&record.encode()), None, "{folder:?}");
    }
    let mut longer = Record::Started.encode();
    assert_eq!(Record::decode(&longer), Some(Record::Started));
    longer.push(0);
    assert_eq!(Record::decode(&longer), None);
}
