//! Objects come and go: kills, new versions, sleep.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::stage::*;
use crate::workers::run;

/// How long a test waits for what takes some seconds.
const PATIENCE: Duration = Duration::from_secs(90);

const COUNTER: &str = "
    memory = 0;
    async hit() {
        this.memory += 1;
        const count = ((await this.ctx.storage.get('count')) ?? 0) + 1;
        await this.ctx.storage.put('count', count);
        return count;
    }
    async look() { return [VERSION, this.memory, (await this.ctx.storage.get('count')) ?? 0]; }
    async wait(time) { console.log('waiting'); await scheduler.wait(time); return VERSION; }";

fn counter(version: u32) -> String {
    COUNTER.replace("VERSION", &version.to_string())
}

#[test]
fn killing_isolates_under_load_loses_nothing_that_was_answered() {
    run(async {
        let stage = Stage::empty(1, |_| {}).await;
        let things = stage.deploy(&counter(1)).await;
        let over = Arc::new(AtomicBool::new(false));
        let answered: Arc<Vec<AtomicU64>> = Arc::new((0..4).map(|_| AtomicU64::new(0)).collect());
        let callers: Vec<_> = (0..12)
            .map(|index| {
                let (caller, over, answered) = (
                    stage.caller.clone(),
                    Arc::clone(&over),
                    Arc::clone(&answered),
                );
                tokio::spawn(async move {
                    let (object, mut lost_calls) = (index % 4, 0);
                    while !over.load(Ordering::Relaxed) {
                        let floor = answered[object].load(Ordering::SeqCst);
                        match call(&caller, &object.to_string(), "hit", json!([])).await {
                            Ok(count) => {
                                let count = count.as_u64().unwrap();
                                assert!(count > floor, "{count} after {floor}");
                                answered[object].fetch_max(count, Ordering::SeqCst);
                            }
                            Err(error) => {
                                assert_eq!(error, lost());
                                lost_calls += 1;
                            }
                        }
                    }
                    lost_calls
                })
            })
            .collect();
        for _ in 1..=6 {
            // By then everyone has noticed that those of the round before are gone.
            let wanted = answered[0].load(Ordering::SeqCst) + 60;
            while answered[0].load(Ordering::SeqCst) < wanted {
                tokio::task::yield_now().await;
            }
            for process in things.processes() {
                kill(process);
            }
        }
        over.store(true, Ordering::Relaxed);
        let mut lost_calls = 0;
        for caller in callers {
            lost_calls += caller.await.unwrap();
        }
        assert!(lost_calls > 0, "somebody should have been waiting");
        for (object, answered) in answered.iter().enumerate() {
            // Nobody may have noticed yet that the last ones are gone.
            let look = loop {
                let object = object.to_string();
                match stage.try_call(&object, "look", json!([])).await {
                    Ok(look) => break look,
                    Err(error) => assert_eq!(error, lost()),
                }
            };
            assert!(look[2].as_u64() >= Some(answered.load(Ordering::SeqCst)));
        }
    });
}

#[test]
fn a_new_version_takes_idle_objects_over_and_resets_busy_ones() {
    run(async {
        let stage = Stage::of(&counter(1)).await;
        let mut log = stage.log();
        stage.call("idle", "hit", json!([])).await;
        stage.call("quick", "hit", json!([])).await;
        stage.call("busy", "hit", json!([])).await;
        let wait = |object: &'static str, time: u64| {
            let caller = stage.caller.clone();
            tokio::spawn(async move { call(&caller, object, "wait", json!([time])).await })
        };
        let (quick, busy) = (wait("quick", 500), wait("busy", 60_000));
        assert_eq!(log.next().await.message, "waiting");
        assert_eq!(log.next().await.message, "waiting");
        let before = Instant::now();
        stage.deploy(&counter(2)).await;
        assert_eq!(
            stage.call("idle", "look", json!([])).await,
            json!([2, 0, 1])
        );
        assert_eq!(
            stage.call("quick", "look", json!([])).await,
            json!([2, 0, 1])
        );
        assert_eq!(quick.await.unwrap(), Ok(json!(1)));
        assert_eq!(
            busy.await.unwrap(),
            Err(reset("Durable Object reset because its code was updated."))
        );
        let waited = before.elapsed();
        assert!(
            (Duration::from_secs(2)..Duration::from_secs(6)).contains(&waited),
            "{waited:?}"
        );
        assert_eq!(
            stage.call("busy", "look", json!([])).await,
            json!([2, 0, 1])
        );
    });
}

#[test]
fn many_new_versions_in_a_row_lose_nothing() {
    run(async {
        let stage = Stage::of(&counter(0)).await;
        let over = Arc::new(AtomicBool::new(false));
        let hits = {
            let (caller, over) = (stage.caller.clone(), Arc::clone(&over));
            tokio::spawn(async move {
                let mut last = 0;
                while !over.load(Ordering::Relaxed) {
                    match call(&caller, "x", "hit", json!([])).await {
                        Ok(count) => {
                            let count = count.as_u64().unwrap();
                            assert!(count > last);
                            last = count;
                        }
                        Err(error) => assert_eq!(
                            error,
                            reset("Durable Object reset because its code was updated.")
                        ),
                    }
                }
                last
            })
        };
        for version in 1..=5 {
            stage.deploy(&counter(version)).await;
        }
        over.store(true, Ordering::Relaxed);
        let last = hits.await.unwrap();
        let look = stage.call("x", "look", json!([])).await;
        assert_eq!(look[0], 5);
        assert!(look[2].as_u64() >= Some(last));
    });
}

#[test]
fn an_object_that_has_nothing_to_do_sleeps_after_ten_seconds() {
    run(async {
        let stage = Stage::of(&counter(1)).await;
        let mut log = stage.log();
        stage.call("idle", "hit", json!([])).await;
        stage.call("busy", "hit", json!([])).await;
        let caller = stage.caller.clone();
        let busy =
            tokio::spawn(async move { call(&caller, "busy", "wait", json!([13_000])).await });
        assert_eq!(log.next().await.message, "waiting");
        // The time that a call takes is the only clock here: nobody asks after the one that should sleep.
        assert_eq!(busy.await.unwrap(), Ok(json!(1)));
        assert_eq!(
            stage.call("busy", "look", json!([])).await,
            json!([1, 1, 1])
        );
        assert_eq!(
            stage.call("idle", "look", json!([])).await,
            json!([1, 0, 1])
        );
    });
}

#[test]
fn an_isolate_makes_room_for_a_fresh_one_when_its_objects_sleep_and_left_much_behind() {
    const KEEPER: &str = "
        async fill(megabytes) {
            await this.ctx.storage.put('filled', megabytes);
            globalThis.filled = megabytes;
            this.kept = Array.from({ length: megabytes * 8192 }, (_, index) => [index, `${index} of many`]);
        }
        async look() { return [globalThis.filled ?? null, await this.ctx.storage.get('filled')]; }
        async wait(time) { console.log('waiting'); await scheduler.wait(time); }";
    run(async {
        let stage = Stage::empty(1, |_| {}).await;
        let things = stage.deploy(KEEPER).await;
        let first = things.processes();
        stage.call("great", "fill", json!([24])).await;
        // It lives as long as anything does there.
        stage.call("busy", "wait", json!([13_000])).await;
        assert_eq!(things.processes(), first);
        tokio::time::timeout(PATIENCE, async {
            while things.processes() == first {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await
        .unwrap();
        assert_eq!(
            stage.call("great", "look", json!([])).await,
            json!([null, 24])
        );
    });
}

#[test]
fn objects_can_have_an_isolate_each() {
    const SHARED: &str = "
        mark(value) { globalThis.marked = value; return this.ctx.id.name; }
        marked() { return globalThis.marked ?? null; }
        async keep(value) { await this.ctx.storage.put('kept', value); }
        async kept() { return await this.ctx.storage.get('kept'); }
        abort() { this.ctx.abort('over'); }";
    run(async {
        let stage = Stage::of(SHARED).await;
        stage.call("a", "mark", json!([1])).await;
        assert_eq!(stage.call("b", "marked", json!([])).await, 1);
        let alone = app(SHARED).isolates_for_objects();
        alone.try_deploy_on(&stage.runtime).await.unwrap();
        stage.call("a", "mark", json!([2])).await;
        stage.call("a", "keep", json!(["a"])).await;
        stage.call("b", "keep", json!(["b"])).await;
        assert_eq!(stage.call("a", "marked", json!([])).await, 2);
        assert_eq!(stage.call("b", "marked", json!([])).await, Value::Null);
        assert_eq!(stage.failure("a", "abort", json!([])).await, reset("over"));
        assert_eq!(stage.call("a", "marked", json!([])).await, Value::Null);
        assert_eq!(stage.call("a", "kept", json!([])).await, "a");
        assert_eq!(stage.call("b", "kept", json!([])).await, "b");
    });
}
