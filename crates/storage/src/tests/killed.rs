//! A real process that is killed under load.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use super::Instance;
use crate::{Options, Position, Store};

const FOLDER: &str = "ATOLL_STORAGE_TEST_FOLDER";
const WRITERS: u8 = 4;

/// Not a test of its own: the process that gets killed. Prints each commit once it is on the disk.
#[test]
fn child_under_load() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let waiting: Arc<Mutex<Vec<(u64, u8, u64)>>> = Arc::default();
    let told = waiting.clone();
    let options = Options {
        segment_bytes: 256 << 10,
        checkpoint_after_bytes: 64 << 10,
        checkpoint_after_quiet: std::time::Duration::from_millis(1),
        checkpoint_within: std::time::Duration::from_millis(5),
        on_durable: Box::new(move |durable| {
            let Position(durable) = durable.unwrap();
            let mut out = std::io::stdout().lock();
            told.lock().unwrap().retain(|(position, id, number)| {
                if *position <= durable {
                    writeln!(out, "durable {id} {number}").unwrap();
                }
                *position > durable
            });
            out.flush().unwrap();
        }),
        ..Options::default()
    };
    let store = Store::open(folder.as_ref(), options).unwrap();
    let namespace = store.namespace("kill:Counter").unwrap();
    std::thread::scope(|scope| {
        for id in 0..WRITERS {
            let (store, namespace, waiting) = (&store, &namespace, &waiting);
            scope.spawn(move || {
                let mut object = Instance::open(store, namespace, id);
                let from = object.contents().first().copied().unwrap_or_default();
                for number in from + 1.. {
                    let mut waiting = waiting.lock().unwrap();
                    let position = object.set(&[number, number * 3, number / 2]).unwrap();
                    waiting.push((position.0, id, number));
                    drop(waiting);
                    if number % 8 == 0 {
                        store.wait_durable(position).unwrap();
                    }
                }
            });
        }
    });
}

#[test]
fn every_acknowledged_commit_survives_kill() {
    if std::env::var_os(FOLDER).is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: HashMap<u8, u64> = HashMap::new();
    for round in 0..15 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::killed::child_under_load", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let until = 50 + round * 131;
        let mut take = |line: String| {
            let mut words = line.split_whitespace();
            // The first line may follow the test's name.
            if words.by_ref().any(|word| word == "durable") {
                let (Some(id), Some(number)) = (words.next(), words.next()) else {
                    return;
                };
                let number: u64 = number.parse().unwrap();
                let last = acknowledged.entry(id.parse().unwrap()).or_default();
                *last = number.max(*last);
            }
        };
        lines
            .by_ref()
            .take(until)
            .for_each(|line| take(line.unwrap()));
        child.kill().unwrap();
        // A line is whole when its end is there; the last one may be cut in its number.
        let mut rest: Vec<String> = lines.map_while(Result::ok).collect();
        rest.pop();
        rest.into_iter().for_each(take);
        child.wait().unwrap();
        let store = Store::open(folder.path(), Options::default()).unwrap();
        let namespace = store.namespace("kill:Counter").unwrap();
        for (id, last) in &acknowledged {
            let contents = Instance::open(&store, &namespace, *id).contents();
            let number = contents[0];
            assert!(
                number >= *last,
                "object {id}: {number}, though {last} was acknowledged"
            );
            assert_eq!(contents, [number, number * 3, number / 2]);
        }
    }
}
