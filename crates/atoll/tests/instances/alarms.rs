//! Alarms go off when they should, whatever happened meanwhile.

use serde_json::{Value, json};

use crate::stage::*;
use crate::workers::{Log, run};

/// Logs what it is told when its alarm goes off, with how late that is.
const RINGER: &str = "
    async set(wait) { await this.ctx.storage.setAlarm(Date.now() + wait); return await this.ctx.storage.getAlarm(); }
    async get() { return await this.ctx.storage.getAlarm(); }
    async remove() { await this.ctx.storage.deleteAlarm(); }
    async plan(list) { await this.ctx.storage.put('plan', list); return this.set(1); }
    async alarm({ retryCount, isRetry, scheduledTime }) {
        const plan = (await this.ctx.storage.get('plan')) ?? [];
        const step = plan.shift();
        await this.ctx.storage.put('plan', plan);
        console.log(JSON.stringify({ name: this.ctx.id.name, version: VERSION, retryCount, isRetry, scheduledTime,
            now: Date.now(), left: await this.ctx.storage.getAlarm(), step }));
        if (step === 'throw') throw new Error('planned');
        if (step === 'again') await this.ctx.storage.setAlarm(Date.now() + 5);
        if (step === 'again and throw') { await this.ctx.storage.setAlarm(Date.now() + 5); throw new Error('planned'); }
    }";

fn ringer(version: u32) -> String {
    RINGER.replace("VERSION", &version.to_string())
}

/// The next alarm that went off. Failures are logged too.
async fn rung(log: &mut Log) -> Value {
    loop {
        let line = log.next().await.message;
        if let Ok(value) = serde_json::from_str::<Value>(&line) {
            assert!(
                value["now"].as_f64() >= value["scheduledTime"].as_f64(),
                "too early: {value}"
            );
            return value;
        }
    }
}

#[test]
fn an_alarm_goes_off_once_when_it_is_due() {
    run(async {
        let stage = Stage::of(&ringer(1)).await;
        let mut log = stage.log();
        // Far enough away for a machine that has much else to do.
        stage.call("removed", "set", json!([2000])).await;
        stage.call("removed", "remove", json!([])).await;
        stage.call("moved", "set", json!([2000])).await;
        let moved = stage.call("moved", "set", json!([4000])).await;
        let due = stage.call("x", "set", json!([3000])).await;
        let alarm = rung(&mut log).await;
        assert_eq!(alarm["name"], "x");
        assert_eq!(alarm["scheduledTime"], due);
        assert_eq!(
            (&alarm["retryCount"], &alarm["isRetry"]),
            (&json!(0), &json!(false))
        );
        assert_eq!(alarm["left"], Value::Null);
        let alarm = rung(&mut log).await;
        assert_eq!(alarm["name"], "moved");
        assert_eq!(alarm["scheduledTime"], moved);
        assert_eq!(stage.call("x", "get", json!([])).await, Value::Null);
        stage.call("last", "set", json!([100])).await;
        assert_eq!(rung(&mut log).await["name"], "last");
    });
}

#[test]
fn a_handler_can_set_the_next_alarm() {
    run(async {
        let stage = Stage::of(&ringer(1)).await;
        let mut log = stage.log();
        stage
            .call("x", "plan", json!([["again", "again", "again"]]))
            .await;
        let mut last = 0.0;
        for step in [json!("again"), json!("again"), json!("again"), Value::Null] {
            let alarm = rung(&mut log).await;
            assert_eq!(alarm["step"], step);
            assert_eq!(alarm["retryCount"], 0);
            let due = alarm["scheduledTime"].as_f64().unwrap();
            assert!(due > last);
            last = due;
        }
    });
}

#[test]
fn an_alarm_whose_handler_fails_is_tried_again_after_two_seconds() {
    run(async {
        let stage = Stage::of(&ringer(1)).await;
        let mut log = stage.log();
        let due = stage.call("x", "plan", json!([["throw"]])).await;
        assert_eq!(rung(&mut log).await["step"], "throw");
        let again = rung(&mut log).await;
        assert_eq!(
            (&again["retryCount"], &again["isRetry"]),
            (&json!(1), &json!(true))
        );
        assert_eq!(again["scheduledTime"], due);
        let late = again["now"].as_f64().unwrap() - due.as_f64().unwrap();
        assert!((2000.0..4000.0).contains(&late), "{late}");
    });
}

#[test]
fn alarms_outlive_the_host_and_wake_their_objects() {
    run(async {
        let stage = Stage::of(&ringer(1)).await;
        let missed = stage.call("missed", "set", json!([1000])).await;
        let later = stage.call("later", "set", json!([3000])).await;
        let stage = stage.restart().await;
        let mut log = stage.log();
        stage.deploy(&ringer(1)).await;
        let alarm = rung(&mut log).await;
        assert_eq!(alarm["name"], "missed");
        assert_eq!(alarm["scheduledTime"], missed);
        let alarm = rung(&mut log).await;
        assert_eq!(alarm["name"], "later");
        assert_eq!(alarm["scheduledTime"], later);
    });
}

#[test]
fn a_new_version_gets_the_alarms_that_the_old_one_set() {
    run(async {
        let stage = Stage::of(&ringer(1)).await;
        let mut log = stage.log();
        stage.call("x", "set", json!([600])).await;
        stage.deploy(&ringer(2)).await;
        let alarm = rung(&mut log).await;
        assert_eq!(
            (&alarm["name"], &alarm["version"]),
            (&json!("x"), &json!(2))
        );
    });
}

/// Sets off what its first argument says each time its alarm goes off.
const SELF_DESTROYER: &str = "
    async set(how) {
        await this.ctx.storage.put('how', how);
        await this.ctx.storage.setAlarm(Date.now());
    }
    async alarm({ retryCount, scheduledTime }) {
        console.log(JSON.stringify({ name: this.ctx.id.name, retryCount, scheduledTime, now: Date.now() }));
        const how = await this.ctx.storage.get('how');
        if (how === 'loop') for (;;);
        if (how === 'loop later') { await scheduler.wait(1); for (;;); }
        if (how === 'native') { const a = []; a.length = 4e9; a.indexOf(1); }
        if (how === 'memory') for (const all = []; ; ) all.push(new Uint8Array(1e7).fill(1));
        if (how === 'objects') for (let all; ; ) all = { all, more: [1, 2, 3] };
        if (how === 'urls') for (const all = []; ; ) all.push(new URL('http://x.test/' + 'a'.repeat(1e6)));
        if (how === 'flood') for (;;) fetch('http://127.0.0.1:9/', { method: 'POST', body: 'x'.repeat(1e5) }).catch(() => {});
        if (how === 'deep') { const deep = (n) => [deep(n + 1), n]; deep(0); }
        if (how === 'never') await new Promise(() => {});
    }";

/// Sees the alarm of an object come back, with more and more retries behind it.
async fn comes_back_counted(how: &'static str) {
    let stage = Stage::empty(1, |options| {
        options.alarm_limit = std::time::Duration::from_secs(2);
    })
    .await;
    let limits = |limits: &mut host::Limits| {
        limits.cpu_ms = 50;
        limits.memory_bytes = 32 * 1024 * 1024;
    };
    let app = app(SELF_DESTROYER).limits(limits);
    app.try_deploy_on(&stage.runtime).await.unwrap();
    let mut log = stage.log();
    stage.call("x", "set", json!([how])).await;
    for retries in 0..3 {
        assert_eq!(rung(&mut log).await["retryCount"], retries, "{how}");
    }
}

#[test]
fn retries_are_counted_of_a_handler_that_ends_its_isolate() {
    run(async {
        let ways = [
            "loop",
            "loop later",
            "native",
            "memory",
            "objects",
            "urls",
            "deep",
            "flood",
            "never",
        ];
        let tests = ways.map(|how| tokio::spawn(comes_back_counted(how)));
        for test in tests {
            test.await.unwrap();
        }
    });
}

#[test]
fn a_handler_can_end_its_object_and_say_that_the_alarm_is_done_with() {
    const QUITTER: &str = "
        async set(wait, how) {
            await this.ctx.storage.put('how', how);
            await this.ctx.storage.setAlarm(Date.now() + wait);
        }
        async look() { return [await this.ctx.storage.getAlarm(), await this.ctx.storage.get('how')]; }
        async alarm({ retryCount, scheduledTime }) {
            console.log(JSON.stringify({ name: this.ctx.id.name, retryCount, scheduledTime, now: Date.now() }));
            const how = await this.ctx.storage.get('how');
            this.ctx.storage.put('how', 'lost');
            if (how === 'again later') { await this.ctx.storage.setAlarm(Date.now() + 10); await scheduler.wait(1); }
            if (how !== 'calm') this.ctx.abort('enough', { retryAlarm: false });
        }";
    run(async {
        let stage = Stage::of(QUITTER).await;
        let mut log = stage.log();
        stage.call("over", "set", json!([1, "over"])).await;
        assert_eq!(rung(&mut log).await["name"], "over");
        // The handler may not have ended its object yet.
        let left = loop {
            match stage.try_call("over", "look", json!([])).await {
                Ok(left) => break left,
                Err(error) => assert_eq!(error["message"], "enough"),
            }
        };
        assert_eq!(left, json!([null, "over"]));
        // What the handler itself has set stays.
        stage.call("again", "set", json!([1, "again later"])).await;
        assert_eq!(rung(&mut log).await["name"], "again");
        assert_eq!(rung(&mut log).await["name"], "again");
        // A retry would have come before this one.
        stage.call("calm", "set", json!([3500, "calm"])).await;
        assert_eq!(rung(&mut log).await["name"], "calm");
    });
}

#[test]
fn a_retry_that_the_host_is_the_reason_for_does_not_count() {
    run(async {
        let stage = Stage::of(SELF_DESTROYER).await;
        let mut log = stage.log();
        stage.call("x", "set", json!(["never"])).await;
        assert_eq!(rung(&mut log).await["retryCount"], 0);
        // The old version's objects are taken away.
        stage.deploy(SELF_DESTROYER).await;
        let again = rung(&mut log).await;
        assert_eq!(again["retryCount"], 0);
    });
}
