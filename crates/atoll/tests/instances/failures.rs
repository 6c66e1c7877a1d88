//! What callers learn when an object fails, and what is left of it.

use serde_json::json;

use crate::stage::*;
use crate::workers::run;

#[test]
fn what_a_method_throws_reaches_its_caller_and_harms_nothing() {
    run(async {
        let stage = Stage::of(
            "calls = 0;
             hit() { return ++this.calls; }
             boom() { throw new RangeError('too far'); }
             async later() { await scheduler.wait(1); throw Object.assign(new Error('late'), { code: 7 }); }
             odd() { throw 'a text'; }",
        )
        .await;
        assert_eq!(stage.call("x", "hit", json!([])).await, 1);
        assert_eq!(
            stage.failure("x", "boom", json!([])).await,
            json!({ "name": "RangeError", "message": "too far", "remote": true })
        );
        assert_eq!(
            stage.failure("x", "later", json!([])).await,
            json!({ "name": "Error", "message": "late", "remote": true })
        );
        assert_eq!(
            stage.failure("x", "odd", json!([])).await,
            json!({ "name": "Error", "message": "a text", "remote": true })
        );
        assert_eq!(
            stage.failure("x", "missing", json!([])).await,
            json!({ "name": "TypeError", "message": "The RPC receiver does not implement the method \"missing\".",
                    "remote": true })
        );
        assert_eq!(stage.call("x", "hit", json!([])).await, 2);
    });
}

#[test]
fn a_constructor_that_throws_is_tried_again_for_the_next_call() {
    run(async {
        let stage = Stage::of(
            "constructor(ctx, env) {
                 super(ctx, env);
                 globalThis.tries = (globalThis.tries ?? 0) + 1;
                 if (globalThis.tries < 3) throw new Error(`try ${globalThis.tries}`);
             }
             tries() { return globalThis.tries; }",
        )
        .await;
        for number in 1..3 {
            let error = stage.failure("x", "tries", json!([])).await;
            assert_eq!(error["message"], format!("try {number}"));
            assert_eq!(error["remote"], true);
        }
        assert_eq!(stage.call("x", "tries", json!([])).await, 3);
    });
}

/// An object that fails in several ways while others wait for it.
const FRAGILE: &str = "
    memory = 0;
    async put(value) { this.memory = value; await this.ctx.storage.put('value', value); return value; }
    async get() { return [this.memory, await this.ctx.storage.get('value')]; }
    async wait() { console.log('waiting'); await scheduler.wait(60000); }
    abort(...reason) { this.ctx.abort(...reason); }
    async block() { await this.ctx.blockConcurrencyWhile(async () => { await scheduler.wait(1); throw new Error('no way'); }); }";

#[test]
fn abort_ends_the_instance_and_all_its_calls() {
    run(async {
        let stage = Stage::of(FRAGILE).await;
        let mut log = stage.log();
        stage.call("x", "put", json!([7])).await;
        stage.call("y", "put", json!([8])).await;
        let caller = stage.caller.clone();
        let waiting = tokio::spawn(async move { call(&caller, "x", "wait", json!([])).await });
        assert_eq!(log.next().await.message, "waiting");
        assert_eq!(
            stage.failure("x", "abort", json!(["enough"])).await,
            reset("enough")
        );
        assert_eq!(waiting.await.unwrap(), Err(reset("enough")));
        assert_eq!(stage.call("x", "get", json!([])).await, json!([0, 7]));
        assert_eq!(stage.call("y", "get", json!([])).await, json!([8, 8]));
        assert_eq!(
            stage.failure("x", "abort", json!([])).await,
            reset("Application called abort() to reset Durable Object.")
        );
        assert_eq!(stage.call("x", "get", json!([])).await, json!([0, 7]));
    });
}

#[test]
fn a_failing_critical_section_resets_the_object() {
    run(async {
        let stage = Stage::of(FRAGILE).await;
        let mut log = stage.log();
        stage.call("x", "put", json!([7])).await;
        let caller = stage.caller.clone();
        let waiting = tokio::spawn(async move { call(&caller, "x", "wait", json!([])).await });
        assert_eq!(log.next().await.message, "waiting");
        let error = stage.failure("x", "block", json!([])).await;
        assert_eq!(error["message"], "no way");
        assert_eq!(waiting.await.unwrap().unwrap_err()["message"], "no way");
        assert_eq!(stage.call("x", "get", json!([])).await, json!([0, 7]));
    });
}

#[test]
fn a_critical_section_of_more_than_thirty_seconds_resets_the_object() {
    run(async {
        let stage = Stage::of(&format!(
            "{FRAGILE}
             async linger() {{ await this.ctx.blockConcurrencyWhile(() => scheduler.wait(3_600_000)); }}
             async dawdle() {{
                 await this.ctx.storage.transaction(async () => {{
                     this.put(8);
                     await scheduler.wait(3_600_000);
                 }});
             }}"
        ))
        .await;
        let mut told = reset(
            "A call to blockConcurrencyWhile() in a Durable Object waited for too long. The call was canceled and the \
             Durable Object was reset.",
        );
        told["overloaded"] = json!(true);
        stage.call("x", "put", json!([7])).await;
        stage.call("y", "put", json!([7])).await;
        let (x, y) = tokio::join!(
            stage.failure("x", "linger", json!([])),
            stage.failure("y", "dawdle", json!([])),
        );
        assert_eq!(x, told);
        assert_eq!(y, told);
        for object in ["x", "y"] {
            assert_eq!(stage.call(object, "get", json!([])).await, json!([0, 7]));
        }
    });
}
