//! How many durable commits a second the log takes, and how long one waits.
#![expect(clippy::print_stdout, reason = "a program for people to read")]
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on should stop"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::pages::{Encoder, PAGE_BYTES};
use storage::{Commit, Options, Store};

const RUN: Duration = Duration::from_secs(3);

fn main() {
    let folder = std::env::args().nth(1).map_or_else(
        || std::env::temp_dir().join(format!("atoll-commits-{}", std::process::id())),
        Into::into,
    );
    for writers in [1, 8, 32] {
        run(&folder, writers);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

fn run(folder: &std::path::Path, writers: u8) {
    let store = Arc::new(Store::open(folder, Options::default()).unwrap());
    let namespace = store.namespace("bench:Counter").unwrap();
    let begin = Instant::now();
    let threads: Vec<_> = (0..writers)
        .map(|writer| {
            let (store, namespace) = (store.clone(), namespace.clone());
            std::thread::spawn(move || {
                let object = store
                    .open_object(&namespace, [writer; 32], None)
                    .unwrap()
                    .object;
                let mut waits = Vec::new();
                let mut page = [7; PAGE_BYTES];
                let mut old = None;
                for number in 1.. {
                    if begin.elapsed() > RUN {
                        break;
                    }
                    page[4000..4008].copy_from_slice(&u64::to_le_bytes(number));
                    let mut encoder = Encoder::default();
                    encoder.page(1, old.as_ref(), &page);
                    old = Some(page);
                    let start = Instant::now();
                    let position = object
                        .commit(Commit {
                            number,
                            page_count: 1,
                            changes: &encoder.finish(),
                            alarm: None,
                            more: false,
                        })
                        .unwrap();
                    store.wait_durable(position).unwrap();
                    waits.push(start.elapsed());
                }
                waits
            })
        })
        .collect();
    let mut waits: Vec<Duration> = threads
        .into_iter()
        .flat_map(|thread| thread.join().unwrap())
        .collect();
    let seconds = begin.elapsed().as_secs_f64();
    waits.sort_unstable();
    println!(
        "{writers:3} writers: {:8.0} commits/s, p50 {:?}, p99 {:?}",
        waits.len() as f64 / seconds,
        waits[waits.len() / 2],
        waits[waits.len() * 99 / 100],
    );
}
