//! Going back, and a log or a disk that is not as it should be.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::simulated::{Random, Simulated};
use super::{Instance, manual};
use crate::{AlarmChange, Error, Options, Store};

fn store(disk: &Simulated, clock: &Arc<AtomicU64>) -> Result<Store, Error> {
    Store::open(Path::new("/store"), manual(Arc::new(disk.clone()), clock))
}

#[test]
fn a_restore_asked_for_while_running_happens_at_the_next_opening_and_can_be_undone() {
    let (disk, clock) = (Simulated::default(), Arc::new(AtomicU64::new(1000)));
    let open = store(&disk, &clock).unwrap();
    let namespace = open.namespace("a:B").unwrap();
    let mut object = Instance::open(&open, &namespace, 1);
    object.set(&[1]).unwrap();
    let first = object.object.bookmark().unwrap();
    object.set(&[2]).unwrap();
    let undo = object.object.restore_at_next_open(&first).unwrap();
    object.set(&[3]).unwrap();
    drop((object, open));
    let open = store(&disk, &clock).unwrap();
    let mut object = Instance::open(&open, &namespace, 1);
    assert_eq!(object.contents(), [1]);
    object.set(&[4]).unwrap();
    drop(object);
    assert_eq!(Instance::open(&open, &namespace, 1).contents(), [4]);
    open.restore(&namespace, [1; 32], &undo).unwrap();
    assert_eq!(Instance::open(&open, &namespace, 1).contents(), [3]);
    let other = open.restore(&namespace, [1; 32], &first).unwrap();
    assert!(other > first && other.to_string() > first.to_string());
    assert_eq!(other.to_string().parse::<crate::Bookmark>().unwrap(), other);
}

#[test]
fn an_alarm_goes_back_with_its_object_as_far_as_the_log_knows() {
    let (disk, clock) = (Simulated::default(), Arc::new(AtomicU64::new(1000)));
    let rang = Arc::new(AtomicU64::new(0));
    let counted = rang.clone();
    let options = || Options {
        on_alarm: Box::new({
            let counted = counted.clone();
            move || {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        }),
        ..manual(Arc::new(disk.clone()), &clock)
    };
    let open = Store::open(Path::new("/store"), options()).unwrap();
    let namespace = open.namespace("a:B").unwrap();
    let mut number = 0;
    let mut object = open.open_object(&namespace, [1; 32], None).unwrap().object;
    let set = |object: &crate::Object, number: &mut u64, alarm| {
        *number += 1;
        let commit = crate::Commit {
            number: *number,
            page_count: 0,
            changes: &[],
            alarm: Some(alarm),
            more: false,
        };
        object.commit(commit).unwrap();
        object.bookmark().unwrap()
    };
    let none = object.bookmark().unwrap();
    let first = set(&object, &mut number, AlarmChange::Set(500.0));
    // The host takes away what has rung.
    let alarm = open.next_alarm().unwrap();
    open.clear_alarm(&alarm).unwrap();
    let second = set(&object, &mut number, AlarmChange::Set(700.0));
    open.shared.checkpoint_all().unwrap();
    let deleted = set(&object, &mut number, AlarmChange::Delete);
    let time = |store: &Store| store.next_alarm().map(|alarm| alarm.time_ms);
    assert_eq!(time(&open), None);
    drop(object);
    let before = rang.load(Ordering::Relaxed);
    let undo = open.restore(&namespace, [1; 32], &second).unwrap();
    assert_eq!(time(&open), Some(700.0));
    assert!(rang.load(Ordering::Relaxed) > before, "nobody was told");
    for (bookmark, expected) in [
        (&undo, None),
        (&first, Some(500.0)),
        (&none, None),
        (&second, Some(700.0)),
        (&deleted, None),
    ] {
        open.restore(&namespace, [1; 32], bookmark).unwrap();
        assert_eq!(time(&open), expected);
    }
    // Also when it is asked for while the object runs, and after a restart.
    object = open.open_object(&namespace, [1; 32], None).unwrap().object;
    object.restore_at_next_open(&first).unwrap();
    drop((object, open));
    let open = Store::open(Path::new("/store"), options()).unwrap();
    let opened = open.open_object(&namespace, [1; 32], None).unwrap();
    assert_eq!(opened.alarm, Some(500.0));
    assert_eq!(time(&open), Some(500.0));
}

#[test]
fn an_instance_hears_of_no_commits_from_before_a_crash() {
    let (disk, clock) = (Simulated::default(), Arc::new(AtomicU64::new(1000)));
    let before = store(&disk, &clock).unwrap();
    let namespace = before.namespace("a:B").unwrap();
    let mut object = Instance::open(&before, &namespace, 1);
    for number in 0..5 {
        let position = object.set(&[number]).unwrap();
        before.wait_durable(position).unwrap();
    }
    let disk = disk.after_power_cut(&mut Random(1));
    let told = Arc::new(Mutex::new(Vec::new()));
    let checkpoints = told.clone();
    let options = Options {
        on_checkpoint: Box::new(move |checkpoint| {
            let told = (checkpoint.epoch, checkpoint.number);
            checkpoints.lock().unwrap().push(told);
        }),
        ..manual(Arc::new(disk), &clock)
    };
    let after = Store::open(Path::new("/store"), options).unwrap();
    // Opening it brings what the crash left over to its file.
    let mut object = Instance::open(&after, &namespace, 1);
    assert_eq!(object.contents(), [4]);
    let position = object.set(&[7]).unwrap();
    after.wait_durable(position).unwrap();
    after.shared.checkpoint_all().unwrap();
    assert_eq!(*told.lock().unwrap(), [(object.object.epoch(), 1)]);
}

#[test]
fn times_are_bookmarks_and_what_is_too_old_is_refused() {
    let (disk, clock) = (Simulated::default(), Arc::new(AtomicU64::new(1000)));
    let open = store(&disk, &clock).unwrap();
    let namespace = open.namespace("a:B").unwrap();
    let mut object = Instance::open(&open, &namespace, 1);
    for hour in 1..=3 {
        clock.store(hour * 3_600_000, Ordering::Relaxed);
        object.set(&[hour]).unwrap();
    }
    drop(object);
    let at = open.bookmark_for_time(&namespace, [1; 32], 2 * 3_600_000 + 5);
    open.restore(&namespace, [1; 32], &at).unwrap();
    let mut object = Instance::open(&open, &namespace, 1);
    assert_eq!(object.contents(), [2]);
    // A hundred days later the log has moved on.
    clock.fetch_add(100 * 24 * 3_600_000, Ordering::Relaxed);
    for number in 0..60 {
        object
            .set(
                &(0..200)
                    .map(|page| number * 100 + page)
                    .collect::<Vec<u64>>(),
            )
            .unwrap();
        open.shared.checkpoint_all().unwrap();
        open.shared.snapshot().unwrap();
        open.shared.upkeep_step().unwrap();
        clock.fetch_add(24 * 3_600_000, Ordering::Relaxed);
    }
    // It is known before the object is touched, also while it runs.
    assert!(matches!(
        open.check_restore(&namespace, [1; 32], &at),
        Err(Error::OutOfRetention)
    ));
    let last = open.bookmark(&namespace, [1; 32]).unwrap();
    open.check_restore(&namespace, [1; 32], &last).unwrap();
    drop(object);
    assert!(matches!(
        open.restore(&namespace, [1; 32], &at),
        Err(Error::OutOfRetention)
    ));
    assert!(disk.segments().len() < 40, "old segments stay");
}

#[test]
fn a_failing_sync_ends_acknowledgements_for_good() {
    let (disk, clock) = (Simulated::default(), Arc::new(AtomicU64::new(1000)));
    let open = store(&disk, &clock).unwrap();
    let namespace = open.namespace("a:B").unwrap();
    let mut object = Instance::open(&open, &namespace, 1);
    let position = object.set(&[1]).unwrap();
    open.wait_durable(position).unwrap();
    disk.fail_sync();
    let position = object.set(&[2]).unwrap();
    let error = open.wait_durable(position).unwrap_err();
    assert!(error.to_string().contains("the disk is broken"), "{error}");
    assert!(matches!(object.set(&[3]), Err(Error::Stopped(_))));
}

#[test]
fn a_full_disk_refuses_commits_and_recovers() {
    let (disk, clock) = (Simulated::default(), Arc::new(AtomicU64::new(1000)));
    let open = store(&disk, &clock).unwrap();
    let namespace = open.namespace("a:B").unwrap();
    let mut object = Instance::open(&open, &namespace, 1);
    object.set(&[0]).unwrap();
    open.shared.checkpoint_all().unwrap();
    disk.set_capacity(Some(disk.used() + 1000));
    let mut last = 0;
    let error = (1..10_000)
        .find_map(|number| match object.set(&[number]) {
            Ok(_) => {
                last = number;
                None
            }
            Err(error) => Some(error),
        })
        .unwrap();
    assert!(matches!(error, Error::Full { .. }), "{error}");
    drop((object, open));
    let open = store(&disk, &clock).unwrap();
    assert_eq!(Instance::open(&open, &namespace, 1).contents(), [last]);
    disk.set_capacity(None);
    clock.fetch_add(5000, Ordering::Relaxed);
    let mut object = Instance::open(&open, &namespace, 1);
    for number in 0..100 {
        object.set(&[number]).unwrap();
    }
}

#[test]
fn a_read_only_folder_is_an_error_that_says_so() {
    let (disk, clock) = (Simulated::default(), Arc::new(AtomicU64::new(1000)));
    drop(store(&disk, &clock).unwrap());
    disk.make_read_only();
    let error = store(&disk, &clock).unwrap_err();
    assert!(error.to_string().contains("/store"), "{error}");
}

/// A disk whose log has ten commits that no checkpoint has, as a crash leaves it.
fn crashed(clock: &Arc<AtomicU64>) -> Simulated {
    let disk = Simulated::default();
    let open = store(&disk, clock).unwrap();
    let namespace = open.namespace("a:B").unwrap();
    let mut object = Instance::open(&open, &namespace, 1);
    for number in 1..=10 {
        let position = object.set(&[number]).unwrap();
        open.wait_durable(position).unwrap();
    }
    let copy = disk.after_power_cut(&mut super::simulated::Random(1));
    drop((object, open));
    copy
}

fn used_bytes(content: &[u8]) -> usize {
    content.iter().rposition(|byte| *byte != 0).unwrap() + 1
}

#[test]
fn torn_and_doubled_tails_are_recognised() {
    let clock = Arc::new(AtomicU64::new(1000));
    for kind in 0..3 {
        let disk = crashed(&clock);
        let last = disk.segments().pop().unwrap();
        disk.edit(&last, |content| {
            let end = used_bytes(content);
            match kind {
                // The last record lacks its end.
                0 => content[end - 3..].fill(0),
                // The last bytes come twice.
                1 => {
                    let tail = content[end - 150..end].to_vec();
                    content[end..end + 150].copy_from_slice(&tail);
                }
                _ => content[end..end + 500].fill(0xa5),
            }
        });
        let open = store(&disk, &clock).unwrap();
        let namespace = open.namespace("a:B").unwrap();
        let expected = if kind == 0 { 9 } else { 10 };
        assert_eq!(Instance::open(&open, &namespace, 1).contents(), [expected]);
    }
}

#[test]
fn damage_to_what_was_acknowledged_is_not_taken_for_a_torn_tail() {
    let clock = Arc::new(AtomicU64::new(1000));
    let disk = crashed(&clock);
    let last = disk.segments().pop().unwrap();
    disk.edit(&last, |content| {
        let middle = used_bytes(content) / 2;
        content[middle] ^= 0x10;
    });
    assert!(matches!(store(&disk, &clock), Err(Error::Damaged { .. })));
}

#[test]
fn history_stays_for_as_long_as_a_start_reads_it() {
    let (disk, clock) = (Simulated::default(), Arc::new(AtomicU64::new(1000)));
    let open = |disk: &Simulated| {
        let options = Options {
            retention: Duration::ZERO,
            ..manual(Arc::new(disk.clone()), &clock)
        };
        Store::open(Path::new("/store"), options).unwrap()
    };
    let before = open(&disk);
    let namespace = before.namespace("a:B").unwrap();
    let mut object = Instance::open(&before, &namespace, 1);
    let position = object.set(&[1, 2]).unwrap();
    before.wait_durable(position).unwrap();
    // The segment that the next start begins is begun before the objects' files have all of this one.
    let disk = disk.after_power_cut(&mut Random(1));
    let after = open(&disk);
    after.shared.checkpoint_all().unwrap();
    after.shared.snapshot().unwrap();
    after.shared.upkeep_step().unwrap();
    after.close().unwrap();
    drop(after);
    let again = open(&disk);
    let namespace = again.find_namespace("a:B").unwrap();
    assert_eq!(Instance::open(&again, &namespace, 1).contents(), [1, 2]);
}
