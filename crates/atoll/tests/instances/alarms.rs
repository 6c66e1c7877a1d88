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
        stage.call("removed", "set", json!([60])).await;
        stage.call("removed", "remove", json!([])).await;
        stage.call("moved", "set", json!([20])).await;
        let moved = stage.call("moved", "set", json!([150])).await;
        let due = stage.call("x", "set", json!([100])).await;
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
