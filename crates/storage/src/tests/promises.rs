//! On the machine's own disk, with threads.

use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::{Instance, file_contents};
use crate::checkpoint::FLUSH_TOGETHER;
use crate::{AlarmChange, Commit, Error, Options, Store};

/// How long to wait for what happens at once.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn what_was_committed_is_there_after_closing_and_opening() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Options::default()).unwrap();
    let namespace = store.namespace("chat:Room").unwrap();
    let mut room = Instance::open(&store, &namespace, 1);
    let position = room.set(&[1, 2, 3]).unwrap();
    store.wait_durable(position).unwrap();
    room.set(&[1, 5]).unwrap();
    drop(room);
    assert_eq!(Instance::open(&store, &namespace, 1).contents(), [1, 5]);
    store.close().unwrap();

    let store = Store::open(folder.path(), Options::default()).unwrap();
    let namespace = store.find_namespace("chat:Room").unwrap();
    let room = Instance::open(&store, &namespace, 1);
    assert_eq!(room.contents(), [1, 5]);
}

#[test]
fn room_is_set_aside_for_one_segment_and_given_back_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let taken = || -> u64 {
        let files = std::fs::read_dir(folder.path().join("log")).unwrap();
        let blocks = files.map(|file| file.unwrap().metadata().unwrap().blocks());
        blocks.sum::<u64>() * 512
    };
    let segment = Options::default().segment_bytes;
    for round in 1..=3 {
        let store = Store::open(folder.path(), Options::default()).unwrap();
        let namespace = store.namespace("a:B").unwrap();
        let mut object = Instance::open(&store, &namespace, 1);
        let position = object.set(&[round]).unwrap();
        store.wait_durable(position).unwrap();
        assert!(taken() < segment + (8 << 20), "{} bytes", taken());
        drop(object);
        store.close().unwrap();
        assert!(taken() < 8 << 20, "{} bytes", taken());
    }
    let store = Store::open(folder.path(), Options::default()).unwrap();
    let namespace = store.find_namespace("a:B").unwrap();
    assert_eq!(Instance::open(&store, &namespace, 1).contents(), [3]);
}

#[test]
fn an_older_instance_cannot_commit() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Options::default()).unwrap();
    let namespace = store.namespace("a:B").unwrap();
    let mut old = Instance::open(&store, &namespace, 1);
    let mut new = Instance::open(&store, &namespace, 1);
    assert!(matches!(old.set(&[1]), Err(Error::Stale)));
    new.set(&[2]).unwrap();
    drop(old);
    new.set(&[3]).unwrap();
}

#[test]
fn a_second_process_hears_who_has_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let _store = Store::open(folder.path(), Options::default()).unwrap();
    let error = Store::open(folder.path(), Options::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&std::process::id().to_string()), "{text}");
    assert!(
        text.contains(&folder.path().display().to_string()),
        "{text}"
    );
}

#[test]
fn a_folder_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path(), Options::default()).unwrap());
    std::fs::write(folder.path().join("format"), "atoll storage 9\nlog 0\n").unwrap();
    let error = Store::open(folder.path(), Options::default()).unwrap_err();
    assert!(error.to_string().contains("newer version"), "{error}");
}

#[test]
fn checkpoints_tell_the_instance_and_bring_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (sender, checkpoints) = mpsc::channel();
    let options = Options {
        checkpoint_after_quiet: Duration::ZERO,
        on_checkpoint: Box::new(move |checkpoint| drop(sender.send(checkpoint))),
        ..Options::default()
    };
    let store = Store::open(folder.path(), options).unwrap();
    let namespace = store.namespace("a:B").unwrap();
    let mut object = Instance::open(&store, &namespace, 1);
    object.set(&[1]).unwrap();
    let first = checkpoints.recv().unwrap();
    assert_eq!((first.number, first.epoch), (1, object.object.epoch()));
    assert!(first.file.is_some());
    object.set(&[2]).unwrap();
    let second = checkpoints.recv().unwrap();
    assert_eq!(second.number, 2);
    assert!(second.file.is_none());
}

#[test]
fn alarms_survive_and_are_only_cleared_when_they_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Options::default()).unwrap();
    let namespace = store.namespace("a:B").unwrap();
    let set = |store: &Store, id: u8, time| {
        let opened = store.open_object(&namespace, [id; 32], Some("n")).unwrap();
        let commit = Commit {
            number: 1,
            page_count: 0,
            changes: &[],
            alarm: Some(AlarmChange::Set(time)),
            more: false,
        };
        opened.object.commit(commit).unwrap()
    };
    set(&store, 1, 300.0);
    set(&store, 2, 100.0);
    let position = set(&store, 3, 200.0);
    store.wait_durable(position).unwrap();
    drop(store);
    let store = Store::open(folder.path(), Options::default()).unwrap();
    let times: Vec<f64> = store.alarms(None, 9).iter().map(|a| a.time_ms).collect();
    assert_eq!(times, [100.0, 200.0, 300.0]);
    let next = store.next_alarm().unwrap();
    assert_eq!((next.id, next.name.as_deref()), ([2; 32], Some("n")));
    set(&store, 2, 100.0);
    assert_eq!(store.clear_alarm(&next).unwrap(), None);
    let next = store.next_alarm().unwrap();
    assert!(store.clear_alarm(&next).unwrap().is_some());
    assert_eq!(store.next_alarm().unwrap().time_ms, 200.0);
}

#[test]
fn too_large_objects_and_commits_out_of_turn_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        quota_bytes: 8192,
        ..Options::default()
    };
    let store = Store::open(folder.path(), options).unwrap();
    let namespace = store.namespace("a:B").unwrap();
    let mut object = Instance::open(&store, &namespace, 1);
    assert!(matches!(object.set(&[1, 2, 3]), Err(Error::Quota { .. })));
    object.set(&[1, 2]).unwrap();
    let again = Commit {
        number: 1,
        page_count: 2,
        changes: &[],
        alarm: None,
        more: false,
    };
    assert!(matches!(object.object.commit(again), Err(Error::Commit(_))));
    let hostile = Commit {
        number: 2,
        changes: &[0xff],
        ..again
    };
    assert!(matches!(
        object.object.commit(hostile),
        Err(Error::Pages(_))
    ));
}

#[test]
fn parts_count_together_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Options::default()).unwrap();
    let namespace = store.namespace("a:B").unwrap();
    let part = |number, content: u64, pages, more| {
        let mut encoder = protocol::pages::Encoder::default();
        encoder.page(pages, None, &super::page(content));
        (encoder.finish(), number, pages, more)
    };
    let object = store.open_object(&namespace, [1; 32], None).unwrap().object;
    for (changes, number, page_count, more) in [
        part(1, 7, 1, true),
        part(1, 8, 2, false),
        part(2, 9, 1, true),
    ] {
        let commit = Commit {
            number,
            page_count,
            changes: &changes,
            alarm: None,
            more,
        };
        object.commit(commit).unwrap();
    }
    drop(object);
    assert_eq!(Instance::open(&store, &namespace, 1).contents(), [7, 8]);
    let mut again = Instance::open(&store, &namespace, 1);
    again.set(&[7, 8, 9]).unwrap();
    drop((again, store));
    let store = Store::open(folder.path(), Options::default()).unwrap();
    let namespace = store.namespace("a:B").unwrap();
    assert_eq!(Instance::open(&store, &namespace, 1).contents(), [7, 8, 9]);
}

#[test]
fn a_namespace_without_objects_gives_way_to_one_that_gets_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Options::default()).unwrap();
    let namespace = store.namespace("a:Old").unwrap();
    Instance::open(&store, &namespace, 1).set(&[4]).unwrap();
    let empty = store.namespace("a:New").unwrap();
    // One that runs and has stored nothing is no object yet.
    let mut idle = Instance::open(&store, &empty, 2);
    store.rename_namespace("a:Old", "a:New").unwrap();
    assert!(idle.set(&[1]).is_err());
    drop((idle, store));
    let store = Store::open(folder.path(), Options::default()).unwrap();
    assert_eq!(store.namespaces().len(), 1);
    let namespace = store.find_namespace("a:New").unwrap();
    assert_eq!(Instance::open(&store, &namespace, 1).contents(), [4]);
    // It is the only one of its name, and stays.
    store.rename_namespace("a:New", "a:New").unwrap();
    assert_eq!(store.objects(&namespace).count(), 1);
}

#[test]
fn namespaces_are_renamed_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Options::default()).unwrap();
    let namespace = store.namespace("a:Old").unwrap();
    let other = store.namespace("a:Other").unwrap();
    Instance::open(&store, &namespace, 1).set(&[4]).unwrap();
    Instance::open(&store, &other, 1).set(&[5]).unwrap();
    store.rename_namespace("a:Old", "a:New").unwrap();
    assert!(matches!(
        store.rename_namespace("a:New", "a:Other"),
        Err(Error::NamespaceExists(_))
    ));
    drop(store);
    let store = Store::open(folder.path(), Options::default()).unwrap();
    assert!(store.find_namespace("a:Old").is_none());
    let namespace = store.find_namespace("a:New").unwrap();
    assert_eq!(Instance::open(&store, &namespace, 1).contents(), [4]);
    let mut running = Instance::open(&store, &namespace, 2);
    store.delete_namespace("a:New").unwrap();
    assert!(matches!(running.set(&[1]), Err(Error::Stale)));
    drop((running, store));
    let store = Store::open(folder.path(), Options::default()).unwrap();
    assert_eq!(store.namespaces().len(), 1);
}

#[test]
fn objects_are_copied_taken_out_brought_in_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Options::default()).unwrap();
    let namespace = store.namespace("a:B").unwrap();
    let mut object = Instance::open(&store, &namespace, 1);
    object.set(&[1, 2]).unwrap();
    let before = object.object.bookmark().unwrap();
    object.set(&[3, 4, 5]).unwrap();
    let out = folder.path().join("out.sqlite");
    store.export(&namespace, [1; 32], None, &out).unwrap();
    assert_eq!(file_contents(&out), [3, 4, 5]);
    store
        .export(&namespace, [1; 32], Some(&before), &out)
        .unwrap();
    assert_eq!(file_contents(&out), [1, 2]);
    let snapshot = store.snapshot_file(&namespace, [1; 32]).unwrap();
    assert_eq!(file_contents(snapshot.path()), [3, 4, 5]);
    let copy = (&namespace, [2; 32]);
    store
        .fork((&namespace, [1; 32]), Some(&before), copy, Some("two"))
        .unwrap();
    assert!(matches!(
        store.fork((&namespace, [1; 32]), None, copy, None),
        Err(Error::ObjectExists(_))
    ));
    assert_eq!(Instance::open(&store, &namespace, 2).contents(), [1, 2]);
    let error = store.import(&namespace, [3; 32], None, &out).unwrap_err();
    assert!(
        error.to_string().contains("not a SQLite database"),
        "{error}"
    );
    store.delete(&namespace, [1; 32]).unwrap();
    assert!(matches!(object.set(&[1]), Err(Error::Stale)));
    drop((object, snapshot, store));
    let store = Store::open(folder.path(), Options::default()).unwrap();
    let namespace = store.namespace("a:B").unwrap();
    let ids: Vec<u8> = store.objects(&namespace).map(|o| o.id[0]).collect();
    assert_eq!(ids, [2]);
}

#[test]
fn a_store_that_stopped_can_be_closed() {
    let folder = tempfile::tempdir().unwrap();
    let (sender, heard) = mpsc::channel();
    let options = Options {
        checkpoint_after_quiet: Duration::ZERO,
        on_durable: Box::new(move |durable| drop(sender.send(durable.map(drop)))),
        ..Options::default()
    };
    let store = Store::open(folder.path(), options).unwrap();
    let namespace = store.namespace("a:B").unwrap();
    // Where the checkpoint wants to have a folder.
    std::fs::write(folder.path().join("objects/a-B.0"), "").unwrap();
    let mut object = Instance::open(&store, &namespace, 1);
    object.set(&[1]).unwrap();
    let stopped = std::iter::from_fn(|| heard.recv_timeout(PATIENCE).ok()).find_map(Result::err);
    assert!(stopped.is_some());
    let (sender, closed) = mpsc::channel();
    thread::spawn(move || sender.send(store.close().map_err(|error| error.to_string())));
    let error = closed.recv_timeout(PATIENCE).unwrap().unwrap_err();
    assert!(error.contains("objects/a-B.0"), "{error}");
}

#[test]
fn a_store_is_closed_in_the_middle_of_its_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let time_ms = Arc::new(AtomicU64::new(1));
    let now_ms = time_ms.clone();
    let (sender, reached) = mpsc::channel();
    let (go, gate) = mpsc::channel::<()>();
    let (gate, told) = (Mutex::new(gate), AtomicUsize::new(0));
    let options = Options {
        clock: Box::new(move || now_ms.load(Ordering::Relaxed)),
        // Stops between those that are checkpointed together and those that come next.
        on_checkpoint: Box::new(move |_| {
            if told.fetch_add(1, Ordering::Relaxed) + 1 == FLUSH_TOGETHER {
                sender.send(()).unwrap();
                gate.lock().unwrap().recv_timeout(PATIENCE).unwrap();
            }
        }),
        ..Options::default()
    };
    let store = Arc::new(Store::open(folder.path(), options).unwrap());
    let namespace = store.namespace("a:B").unwrap();
    let mut objects: Vec<Instance> = (0..=u8::try_from(FLUSH_TOGETHER).unwrap())
        .map(|id| Instance::open(&store, &namespace, id))
        .collect();
    for object in &mut objects {
        object.set(&[1]).unwrap();
    }
    // From now on, all of them are due.
    time_ms.store(1_000_000, Ordering::Relaxed);
    reached.recv_timeout(PATIENCE).unwrap();
    let (sender, closed) = mpsc::channel();
    let closing = store.clone();
    let began = Instant::now();
    thread::spawn(move || sender.send(closing.close()));
    while !store.shared.core().closing {
        assert!(began.elapsed() < PATIENCE);
        thread::yield_now();
    }
    let mut last = objects.pop().unwrap();
    last.set(&[2]).unwrap();
    go.send(()).unwrap();
    closed.recv_timeout(PATIENCE).unwrap().unwrap();
    drop((objects, last, store));
    let store = Store::open(folder.path(), Options::default()).unwrap();
    let last = Instance::open(&store, &namespace, u8::try_from(FLUSH_TOGETHER).unwrap());
    assert_eq!(last.contents(), [2]);
}
