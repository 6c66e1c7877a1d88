//! One live instance per id.

use serde_json::{Value, json};

use crate::stage::*;
use crate::workers::run;

const COUNTER: &str = "
    constructor(ctx, env) {
        super(ctx, env);
        this.calls = 0;
        this.ctx.storage.kv.put('made', (this.ctx.storage.kv.get('made') ?? 0) + 1);
    }
    hit() { return { calls: ++this.calls, made: this.ctx.storage.kv.get('made') }; }
    called() { return this.ctx.id.name; }
    add(amount) {
        const sum = (this.ctx.storage.kv.get('sum') ?? 0) + amount;
        this.ctx.storage.kv.put('sum', sum);
        return sum;
    }";

#[test]
fn there_is_one_instance_however_many_call_at_once() {
    run(async {
        let stage = Stage::empty(2, |_| {}).await;
        stage.deploy(COUNTER).await;
        let calls = (0..60).map(|_| {
            let caller = stage.caller.clone();
            tokio::spawn(async move { call(&caller, "one", "hit", json!([])).await.unwrap() })
        });
        let mut seen = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            let hit = call.await.unwrap();
            assert_eq!(hit["made"], 1);
            seen.push(hit["calls"].as_u64().unwrap());
        }
        seen.sort_unstable();
        assert_eq!(seen, (1..=60).collect::<Vec<_>>());
        assert_eq!(stage.call("another", "hit", json!([])).await["calls"], 1);
        assert_eq!(stage.call("another", "called", json!([])).await, "another");
    });
}

#[test]
fn calls_of_one_caller_arrive_in_their_order() {
    run(async {
        let stage = Stage::of(
            "seen = [];
             note(index) { this.seen.push(index); return this.seen.length - 1; }
             all() { return this.seen; }
             async burst(other) {
                 const stub = this.env.THINGS.getByName(other);
                 return Promise.all(Array.from({ length: 200 }, (_, index) => stub.note(index)));
             }",
        )
        .await;
        let expected: Vec<u64> = (0..200).collect();
        assert_eq!(
            stage.call("a", "burst", json!(["b"])).await,
            json!(expected)
        );
        assert_eq!(stage.call("b", "all", json!([])).await, json!(expected));
        assert_eq!(
            stage.call("self", "burst", json!(["self"])).await,
            json!(expected)
        );
    });
}

#[test]
fn nothing_happens_to_an_object_before_its_constructor_is_done() {
    run(async {
        let stage = Stage::of(
            "constructor(ctx, env) {
                 super(ctx, env);
                 this.seen = ['constructor'];
                 ctx.blockConcurrencyWhile(async () => {
                     await scheduler.wait(30);
                     await ctx.storage.put('ready', true);
                     this.seen.push('ready');
                 });
             }
             look() { this.seen.push('call'); return [this.seen, this.ctx.storage.kv.get('ready')]; }",
        )
        .await;
        let calls: Vec<_> = (0..5)
            .map(|_| {
                let caller = stage.caller.clone();
                tokio::spawn(async move { call(&caller, "x", "look", json!([])).await.unwrap() })
            })
            .collect();
        for call in calls {
            let look = call.await.unwrap();
            assert_eq!(look[0][0], "constructor");
            assert_eq!(look[0][1], "ready");
            assert_eq!(look[1], true);
        }
    });
}

#[test]
fn objects_call_each_other_and_themselves() {
    run(async {
        let stage = Stage::of(
            "async down(count, path = []) {
                 const here = [...path, this.ctx.id.name];
                 if (count === 0) return here;
                 const next = this.ctx.id.name === 'a' ? 'b' : 'a';
                 return this.env.THINGS.getByName(next).down(count - 1, here);
             }
             async again(count) {
                 return count === 0 ? 0 : 1 + await this.env.THINGS.get(this.ctx.id).again(count - 1);
             }
             async forever() { return this.env.THINGS.get(this.ctx.id).forever(); }",
        )
        .await;
        assert_eq!(
            stage.call("a", "down", json!([4])).await,
            json!(["a", "b", "a", "b", "a"])
        );
        assert_eq!(stage.call("c", "again", json!([5])).await, 5);
        let error = stage.failure("d", "forever", json!([])).await;
        let message = error["message"].as_str().unwrap();
        assert!(
            message.starts_with("Subrequest depth limit exceeded."),
            "{message}"
        );
    });
}

#[test]
fn a_thousand_objects_keep_what_is_theirs() {
    run(async {
        const OBJECTS: u64 = 1000;
        async fn all(stage: &Stage, amount: u64) -> Vec<Value> {
            let callers: Vec<_> = (0..20)
                .map(|lane| {
                    let caller = stage.caller.clone();
                    tokio::spawn(async move {
                        let mut sums = Vec::new();
                        for index in (lane..OBJECTS).step_by(20) {
                            let arguments = json!([index * amount]);
                            let name = format!("object-{index}");
                            sums.push(call(&caller, &name, "add", arguments).await.unwrap());
                        }
                        sums
                    })
                })
                .collect();
            let mut sums = vec![Value::Null; usize::try_from(OBJECTS).unwrap()];
            for (lane, caller) in callers.into_iter().enumerate() {
                for (step, sum) in caller.await.unwrap().into_iter().enumerate() {
                    sums[lane + step * 20] = sum;
                }
            }
            sums
        }
        let stage = Stage::of(COUNTER).await;
        let expected = |factor: u64| -> Vec<Value> {
            (0..OBJECTS).map(|index| json!(index * factor)).collect()
        };
        assert_eq!(all(&stage, 1).await, expected(1));
        assert_eq!(all(&stage, 2).await, expected(3));
        let stage = stage.restart().await;
        stage.deploy(COUNTER).await;
        assert_eq!(all(&stage, 0).await, expected(3));
    });
}
