//! What objects keep, and when others may learn of it.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use host::disk::File;
use serde_json::{Value, json};

use crate::stage::*;
use crate::workers::run;
use crate::wrapped::{Wrap, Wrapped};

/// What syncs of a [`Slow`] disk do.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Syncs {
    Work,
    Wait,
    Fail,
}

/// The machine's disk, with syncs that wait until they are let go, or fail.
#[derive(Clone, Debug)]
struct Slow(Arc<(Mutex<Syncs>, Condvar)>);

impl Slow {
    fn new() -> Self {
        Self(Arc::new((Mutex::new(Syncs::Work), Condvar::new())))
    }

    fn set(&self, syncs: Syncs) {
        *self.0.0.lock().unwrap() = syncs;
        self.0.1.notify_all();
    }

    fn pass(&self) -> io::Result<()> {
        let (syncs, changed) = &*self.0;
        let wait = changed.wait_while(syncs.lock().unwrap(), |syncs| *syncs == Syncs::Wait);
        match *wait.unwrap() {
            Syncs::Fail => Err(io::Error::other("the disk is broken")),
            _ => Ok(()),
        }
    }
}

#[derive(Debug)]
struct SlowFile(Slow, Arc<dyn File>);

impl File for SlowFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.1.read_at(bytes, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.1.write_at(bytes, offset)
    }
    fn len(&self) -> io::Result<u64> {
        self.1.len()
    }
    fn set_len(&self, length: u64) -> io::Result<()> {
        self.1.set_len(length)
    }
    fn allocate(&self, length: u64) -> io::Result<()> {
        self.1.allocate(length)
    }
    fn sync(&self) -> io::Result<()> {
        self.0.pass()?;
        self.1.sync()
    }
    fn descriptor(&self) -> io::Result<std::os::fd::OwnedFd> {
        self.1.descriptor()
    }
}

impl Wrap for Slow {
    fn wrap(&self, _: &Path, file: Arc<dyn File>) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(SlowFile(self.clone(), file)))
    }
}

const KEEPER: &str = "
    memory = 0;
    async put(value) { this.memory = value; await this.ctx.storage.put('value', value); return value; }
    putLoudly(value) { console.log('putting ' + value); return this.put(value); }
    putQuietly(value) { this.memory = value; this.ctx.storage.put('value', value, { allowUnconfirmed: true }); return value; }
    async get() { return [this.memory, (await this.ctx.storage.get('value')) ?? null]; }
    peek() { return this.memory; }
    tell(other, value) { this.ctx.storage.kv.put('value', value); return this.env.THINGS.getByName(other).hear(value); }
    hear(value) { console.log('heard ' + value); return value; }
    log(text) { console.log(text); return text; }";

#[test]
fn nothing_leaves_before_what_was_written_is_on_the_disk() {
    run(async {
        let disk = Slow::new();
        let on = disk.clone();
        let stage = Stage::with(KEEPER, |options| options.disk = Arc::new(Wrapped(on))).await;
        let mut log = stage.log();
        // Awake already: opening does not wait for the disk that is about to stop.
        stage.call("x", "put", json!([1])).await;
        stage.call("y", "put", json!([1])).await;
        disk.set(Syncs::Wait);
        let start = |object: &'static str, method: &'static str, arguments: Value| {
            let caller = stage.caller.clone();
            tokio::spawn(async move { call(&caller, object, method, arguments).await })
        };
        let mut put = start("x", "putLoudly", json!([2]));
        // A log line passes the gate, and says that the call has arrived.
        assert_eq!(log.next().await.message, "putting 2");
        let mut peek = start("x", "peek", json!([]));
        let tell = start("x", "tell", json!(["z", 3]));
        let marker = start("y", "log", json!(["all have run"]));
        assert_eq!(log.next().await.message, "all have run");
        // There is no event for what must not happen: answers that are let out too early would be here long before.
        tokio::select! {
            early = &mut put => panic!("an answer without its write: {early:?}"),
            early = &mut peek => panic!("an answer that shows the write: {early:?}"),
            line = log.next() => panic!("a call without its write: {}", line.message),
            () = tokio::time::sleep(Duration::from_millis(150)) => {}
        }
        disk.set(Syncs::Work);
        assert_eq!(put.await.unwrap(), Ok(json!(2)));
        assert_eq!(peek.await.unwrap(), Ok(json!(2)));
        assert_eq!(log.next().await.message, "heard 3");
        assert_eq!(tell.await.unwrap(), Ok(json!(3)));
        marker.await.unwrap().unwrap();
    });
}

#[test]
fn a_disk_that_fails_is_told_and_nothing_is_acknowledged() {
    run(async {
        let disk = Slow::new();
        let on = disk.clone();
        let stage = Stage::with(KEEPER, |options| options.disk = Arc::new(Wrapped(on))).await;
        stage.call("x", "put", json!([1])).await;
        disk.set(Syncs::Fail);
        let error = stage.failure("x", "put", json!([2])).await;
        assert_eq!(error["remote"], true, "{error}");
        // And never again, as what is on the disk is unknown now.
        disk.set(Syncs::Work);
        let error = stage.failure("x", "get", json!([])).await;
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("storage stopped"), "{message}");
    });
}

#[test]
fn an_object_keeps_to_its_quota() {
    run(async {
        let stage = Stage::with(
            "fill(count) {
                 const sql = this.ctx.storage.sql;
                 sql.exec('CREATE TABLE IF NOT EXISTS t (x BLOB)');
                 for (let i = 0; i < count; i++) sql.exec('INSERT INTO t VALUES (zeroblob(100000))');
                 return this.count();
             }
             count() { return this.ctx.storage.sql.exec('SELECT count(*) AS n FROM t').one().n; }
             size() { return this.ctx.storage.sql.databaseSize; }
             empty() { this.ctx.storage.sql.exec('DELETE FROM t'); return this.count(); }",
            |options| options.quota_bytes = 1_000_000,
        )
        .await;
        assert_eq!(stage.call("x", "fill", json!([5])).await, 5);
        let error = stage.failure("x", "fill", json!([10])).await;
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("full"), "{message}");
        assert!(stage.call("x", "size", json!([])).await.as_u64() <= Some(1_000_000));
        let count = stage.call("x", "count", json!([])).await.as_u64().unwrap();
        assert!((5..10).contains(&count), "{count}");
        assert_eq!(stage.call("y", "fill", json!([5])).await, 5);
        assert_eq!(stage.call("x", "empty", json!([])).await, 0);
        assert_eq!(stage.call("x", "fill", json!([5])).await, 5);
    });
}

#[test]
fn delete_all_leaves_nothing() {
    const BODY: &str = "
        async fill() {
            this.ctx.storage.sql.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)');
            for (let i = 0; i < 300; i++) this.ctx.storage.kv.put('key' + i, 'x'.repeat(1000));
            await this.ctx.storage.setAlarm(Date.now() + 3600000);
        }
        async clear() { await this.ctx.storage.deleteAll(); return this.look(); }
        async look() {
            const tables = this.ctx.storage.sql.exec(\"SELECT name FROM sqlite_master WHERE name = 't'\").toArray();
            return [tables.length, (await this.ctx.storage.list()).size];
        }
        async alarm() {}";
    run(async {
        let stage = Stage::of(BODY).await;
        stage.call("x", "fill", json!([])).await;
        stage.call("y", "fill", json!([])).await;
        assert_eq!(stage.call("x", "look", json!([])).await, json!([1, 300]));
        assert_eq!(stage.call("x", "clear", json!([])).await, json!([0, 0]));
        let stage = stage.restart().await;
        stage.deploy(BODY).await;
        assert_eq!(stage.call("x", "look", json!([])).await, json!([0, 0]));
        assert_eq!(stage.call("y", "look", json!([])).await, json!([1, 300]));
        stage.call("x", "fill", json!([])).await;
        assert_eq!(stage.call("x", "look", json!([])).await, json!([1, 300]));
    });
}

#[test]
fn an_object_goes_back_to_a_bookmark_and_forth_again() {
    const BODY: &str = "
        async put(value) {
            this.ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS t (x)');
            this.ctx.storage.sql.exec('INSERT INTO t VALUES (?)', value);
            return this.ctx.storage.getCurrentBookmark();
        }
        all() { return this.ctx.storage.sql.exec('SELECT x FROM t ORDER BY x').toArray().map(({ x }) => x); }
        at(time) { return this.ctx.storage.getBookmarkForTime(time); }
        now() { return Date.now(); }
        back(bookmark) { return this.ctx.storage.onNextSessionRestoreBookmark(bookmark); }
        abort() { this.ctx.abort('again'); }";
    run(async {
        let stage = Stage::of(BODY).await;
        let first = stage.call("x", "put", json!([1])).await;
        let second = stage.call("x", "put", json!([2])).await;
        assert!(first.as_str() < second.as_str(), "{first} {second}");
        stage.call("x", "put", json!([3])).await;
        let all = json!([1, 2, 3]);
        assert_eq!(stage.call("x", "all", json!([])).await, all);
        let undo = stage.call("x", "back", json!([first])).await;
        assert_eq!(stage.call("x", "all", json!([])).await, all, "not yet");
        stage.failure("x", "abort", json!([])).await;
        stage.call("x", "put", json!([4])).await;
        assert_eq!(stage.call("x", "all", json!([])).await, json!([1, 4]));
        stage.call("x", "back", json!([undo])).await;
        let stage = stage.restart().await;
        stage.deploy(BODY).await;
        assert_eq!(stage.call("x", "all", json!([])).await, all);
        let error = stage.failure("y", "back", json!([first])).await;
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("bookmark"), "{message}");
    });
}

#[test]
fn a_conflict_that_rolls_back_takes_the_whole_turn_with_it() {
    const BODY: &str = "
        begin() { this.ctx.storage.sql.exec('CREATE TABLE u (x UNIQUE ON CONFLICT ROLLBACK); INSERT INTO u VALUES (1)'); }
        clash(statement) {
            this.ctx.storage.kv.put('balance', 5);
            this.ctx.storage.setAlarm(Date.now() + 3600000);
            try {
                this.ctx.storage.sql.exec(statement);
            } catch (error) {
                this.told = error.message;
            }
            return 'saved';
        }
        clashInside() {
            return this.ctx.storage.transactionSync(() => this.clash('INSERT INTO u VALUES (1)'));
        }
        clashAndGoOn() {
            this.clash('INSERT INTO u VALUES (1)');
            try {
                this.ctx.storage.kv.put('late', 1);
            } catch {}
            return this.ctx.storage.kv.get('balance') ?? null;
        }
        put() { this.ctx.storage.kv.put('balance', 6); }
        async look() {
            const all = this.ctx.storage.sql.exec('SELECT x FROM u').toArray().map(({ x }) => x);
            return [all, [...this.ctx.storage.kv.list()], await this.ctx.storage.getAlarm()];
        }
        alarm() {}";
    const TOLD: &str = "Durable Object was reset and rolled back to its last known good state because a conflict rolled \
        back everything that it had written: UNIQUE constraint failed: u.x: SQLITE_CONSTRAINT (extended: \
        SQLITE_CONSTRAINT_UNIQUE)";
    run(async {
        let stage = Stage::of(BODY).await;
        let cases = [
            ("clash", json!(["INSERT INTO u VALUES (1)"])),
            (
                "clash",
                json!(["INSERT OR ROLLBACK INTO u VALUES (2), (1)"]),
            ),
            ("clashInside", json!([])),
            ("clashAndGoOn", json!([])),
        ];
        for (number, (method, arguments)) in cases.into_iter().enumerate() {
            let object = format!("x{number}");
            stage.call(&object, "begin", json!([])).await;
            let error = stage.failure(&object, method, arguments).await;
            let message = error["message"].as_str().unwrap();
            assert_eq!(message, TOLD, "{method}");
            let kept = stage.call(&object, "look", json!([])).await;
            assert_eq!(kept, json!([[1], [], null]), "{method}");
            stage.call(&object, "put", json!([])).await;
            let kept = stage.call(&object, "look", json!([])).await;
            assert_eq!(kept, json!([[1], [["balance", 6]], null]), "{method}");
        }
    });
}

#[test]
fn an_object_that_has_more_than_it_may_can_be_changed_and_emptied() {
    const BODY: &str = "
        fill(count) {
            const sql = this.ctx.storage.sql;
            sql.exec('CREATE TABLE IF NOT EXISTS t (x BLOB)');
            for (let i = 0; i < count; i++) sql.exec('INSERT INTO t VALUES (zeroblob(100000))');
            return this.count();
        }
        count() { return this.ctx.storage.sql.exec('SELECT count(*) AS n FROM t').one().n; }
        change() { this.ctx.storage.sql.exec('UPDATE t SET x = randomblob(100000)'); return this.count(); }
        empty() { this.ctx.storage.sql.exec('DELETE FROM t'); return this.count(); }
        hits = 0;
        hit() { return ++this.hits; }";
    run(async {
        let stage = Stage::of(BODY).await;
        assert_eq!(stage.call("x", "fill", json!([20])).await, 20);
        let stage = stage
            .restart_with(|options| options.quota_bytes = 1_000_000)
            .await;
        stage.deploy(BODY).await;
        assert_eq!(stage.call("neighbour", "hit", json!([])).await, 1);
        assert_eq!(stage.call("x", "change", json!([])).await, 20);
        let error = stage.failure("x", "fill", json!([5])).await;
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("SQLITE_FULL"), "{message}");
        assert_eq!(stage.call("x", "count", json!([])).await, 20);
        assert_eq!(stage.call("x", "empty", json!([])).await, 0);
        assert_eq!(stage.call("x", "fill", json!([15])).await, 15);
        assert_eq!(stage.call("neighbour", "hit", json!([])).await, 2);
    });
}

#[test]
fn an_alarm_goes_back_with_its_object() {
    const BODY: &str = "
        async set(at) {
            this.ctx.storage.kv.put('at', at);
            if (at === null) await this.ctx.storage.deleteAlarm();
            else await this.ctx.storage.setAlarm(at);
            return this.ctx.storage.getCurrentBookmark();
        }
        async look() { return [this.ctx.storage.kv.get('at') ?? null, await this.ctx.storage.getAlarm()]; }
        async back(bookmark) {
            await this.ctx.storage.onNextSessionRestoreBookmark(bookmark);
            this.ctx.abort('again');
        }
        alarm() {}";
    run(async {
        let stage = Stage::of(BODY).await;
        let far = 4_000_000_000_000_u64;
        let mut marks = vec![(json!(null), stage.call("x", "set", json!([null])).await)];
        for at in [json!(far), json!(far + 1000), json!(null), json!(far + 7)] {
            let bookmark = stage.call("x", "set", json!([at])).await;
            marks.push((at, bookmark));
        }
        for index in [1, 4, 3, 0, 2] {
            let (at, bookmark) = &marks[index];
            stage.failure("x", "back", json!([bookmark])).await;
            assert_eq!(stage.call("x", "look", json!([])).await, json!([at, at]));
        }
    });
}
