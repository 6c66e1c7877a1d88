//! Databases against a host that keeps commits and writes checkpoints, at random.

use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use protocol::pages::{PAGE_BYTES, changes};

use super::statement::{Datum, Statement};
use super::{checkpointed, close, end_turn, find, open, reset};

const SUBJECT: u32 = 1;
const REFERENCE: u32 = 2;
const COPY: u32 = 3;

fn run(object: u32, sql: &str) {
    let database = find(object).unwrap();
    let statement = database.statement(sql).unwrap();
    if !statement.is_readonly() {
        database.begin().unwrap();
    }
    statement.run().unwrap();
}

/// The first column of all rows, as text.
fn query(object: u32, sql: &str) -> Vec<String> {
    let connection = find(object).unwrap().connection().unwrap();
    let (statement, _) = Statement::compile(&connection, sql, true, false).unwrap();
    let statement = statement.unwrap();
    let mut rows = Vec::new();
    while statement.step().unwrap() {
        rows.push(match statement.value(0) {
            Datum::Text(text) => String::from_utf8_lossy(text).into_owned(),
            other => format!("{other:?}"),
        });
    }
    rows
}

const ALL: &str = "SELECT id || ':' || hex(body) FROM t ORDER BY id";

struct Host {
    image: Vec<u8>,
    number: u64,
    file: std::path::PathBuf,
    written: bool,
}

impl Host {
    fn commit(&mut self) {
        for ended in end_turn() {
            let committed = ended.outcome.unwrap();
            if ended.object != SUBJECT {
                continue;
            }
            assert_eq!(committed.number, self.number + 1);
            self.number = committed.number;
            for part in &committed.changes {
                for change in changes(part).unwrap() {
                    let end = change.number as usize * PAGE_BYTES;
                    if self.image.len() < end {
                        self.image.resize(end, 0);
                    }
                    change.apply((&mut self.image[end - PAGE_BYTES..end]).try_into().unwrap());
                }
            }
            self.image
                .resize(committed.page_count as usize * PAGE_BYTES, 0);
        }
    }

    fn checkpoint(&mut self) -> OwnedFd {
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.file)
            .unwrap();
        file.set_len(self.image.len() as u64).unwrap();
        file.write_all_at(&self.image, 0).unwrap();
        self.written = true;
        std::fs::File::open(&self.file).unwrap().into()
    }

    fn pages(&self) -> u32 {
        u32::try_from(self.image.len() / PAGE_BYTES).unwrap()
    }
}

#[test]
fn commits_checkpoints_crashes_and_openings_lose_and_invent_nothing() {
    let file = std::env::temp_dir().join(format!("atoll-sqlite-{}", std::process::id()));
    for seed in 1..=12_u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut random = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let mut host = Host {
            image: Vec::new(),
            number: 0,
            file: file.clone(),
            written: false,
        };
        open(SUBJECT, None, 0, u32::MAX, None);
        open(REFERENCE, None, 0, u32::MAX, None);
        for object in [SUBJECT, REFERENCE] {
            run(object, "CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)");
            run(object, "CREATE INDEX by_body ON t (body)");
        }
        host.commit();
        for _turn in 0..60 {
            let statements: Vec<String> = (0..random(6))
                .map(|_| {
                    let (id, size) = (random(200), random(9000));
                    match random(8) {
                        0 => format!("DELETE FROM t WHERE id % 7 = {}", id % 7),
                        1 => "DELETE FROM t".to_owned(),
                        2 => format!("UPDATE t SET body = zeroblob({}) WHERE id < {id}", size / 9),
                        _ => format!(
                            "INSERT OR REPLACE INTO t VALUES ({id}, CAST(printf('%.*c', {size}, 'x') AS BLOB))"
                        ),
                    }
                })
                .collect();
            for sql in &statements {
                run(SUBJECT, sql);
            }
            if random(6) == 0 {
                reset(SUBJECT, "crash");
            } else {
                for sql in &statements {
                    run(REFERENCE, sql);
                }
            }
            host.commit();
            assert_eq!(query(SUBJECT, ALL), query(REFERENCE, ALL), "seed {seed}");
            if random(4) == 0 {
                find(SUBJECT).unwrap().hibernate();
            }
            if random(4) == 0 {
                let first = !host.written;
                let file = host.checkpoint();
                checkpointed(SUBJECT, host.number, first.then_some(file));
            }
            if random(10) == 0 {
                let file = host.checkpoint();
                close(SUBJECT, "closed");
                open(SUBJECT, Some(file), host.pages(), u32::MAX, None);
                host.number = 0;
            }
        }
        open(COPY, Some(host.checkpoint()), host.pages(), u32::MAX, None);
        assert_eq!(query(COPY, "PRAGMA integrity_check"), ["ok"]);
        assert_eq!(query(COPY, ALL), query(REFERENCE, ALL));
        for object in [SUBJECT, REFERENCE, COPY] {
            close(object, "closed");
        }
        std::fs::remove_file(&file).unwrap();
    }
}

#[test]
fn a_query_without_end_is_stopped() {
    let watch = super::Watch::default();
    watch.deadline_us.set(crate::cpu::used_us() + 50_000);
    super::watch(watch.clone());
    open(SUBJECT, None, 0, u32::MAX, None);
    let database = find(SUBJECT).unwrap();
    let sql =
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c";
    let error = database.statement(sql).unwrap().run().unwrap_err();
    assert!(error.interrupted, "{error:?}");
    assert!(watch.interrupted.get());
}

#[test]
fn many_databases_share_little_memory() {
    let fill = "INSERT INTO t SELECT zeroblob(900) FROM (VALUES (1), (2), (3), (4), (5), (6), (7), (8)), \
                (VALUES (1), (2), (3), (4), (5), (6), (7), (8)), (VALUES (1), (2), (3), (4), (5), (6), (7), (8))";
    for object in 0..50 {
        open(object, None, 0, u32::MAX, None);
        run(object, "CREATE TABLE t (x)");
        run(object, fill);
        run(object, fill);
        drop(end_turn());
        assert!(super::memory::used_bytes() <= super::MAX_IDLE_BYTES);
    }
    for object in 0..50 {
        assert_eq!(query(object, "SELECT count(*) FROM t"), ["Integer(1024)"]);
        drop(end_turn());
        close(object, "closed");
    }
}
