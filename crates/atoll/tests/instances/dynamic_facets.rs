//! Facets whose classes are those of dynamic workers: each in the process of its worker.

use serde_json::{Value, json};

use crate::stage::*;
use crate::workers::{App, run, without_excess};

/// What the code of a dynamic worker exports.
const CODE: &str = "
import { DurableObject } from 'cloudflare:workers';
let shared = 0;
export class Inner extends DurableObject {
    add() { const total = (this.ctx.storage.kv.get('total') ?? 0) + 1; this.ctx.storage.kv.put('total', total); return total; }
}
export class Program extends DurableObject {
    add(amount = 1) {
        shared += 1;
        const total = (this.ctx.storage.kv.get('total') ?? 0) + amount;
        this.ctx.storage.kv.put('total', total);
        return [shared, total];
    }
    who() { return [this.ctx.props, String(this.ctx.id), Object.keys(this.env), typeof globalThis.mark]; }
    spin() { this.ctx.storage.kv.put('lost', true); for (;;) {} }
    async callMany(count) { for (let i = 0; i < count; i += 1) await this.env.child.add(); return 'all'; }
    async nested(name, method, ...args) {
        const get = { own: () => ({ class: this.ctx.exports.Inner }), given: () => ({ class: this.env.Given }) }[name];
        return this.ctx.facets.get(name, get)[method](...args);
    }
    async guess() {
        const facet = this.ctx.facets.get('secret', () => ({ class: this.ctx.exports.Inner }));
        return facet.add();
    }
    async flood(count) {
        const results = await Promise.allSettled(Array.from({ length: count }, (_, index) =>
            this.ctx.facets.get(`flood ${index}`, () => ({ class: this.ctx.exports.Inner })).add()));
        return results.filter(({ status }) => status === 'fulfilled').length;
    }
    async ring(delay = 20) { await this.ctx.storage.setAlarm(Date.now() + delay); }
    async alarm() { console.log(`rang ${this.add()[1]}`); }
}";

/// A worker whose objects have this in their class, with `program(name, options)` in reach.
async fn stage(body: &str) -> Stage {
    let stage = Stage::empty(1, |_| {}).await;
    deploy(&stage, body).await;
    stage
}

async fn deploy(stage: &Stage, body: &str) {
    let code = serde_json::to_string(CODE).unwrap();
    let source = format!(
        "import {{ DurableObject, WorkerEntrypoint }} from 'cloudflare:workers';
        const caught = async (call) => {{
            try {{ return await call(); }} catch (error) {{ return `${{error.name}}: ${{error.message}}`; }}
        }};
        export class Child extends DurableObject {{
            add() {{ const total = (this.ctx.storage.kv.get('total') ?? 0) + 1; this.ctx.storage.kv.put('total', total); return total; }}
        }}
        export class Tools extends WorkerEntrypoint {{ add() {{ return 1; }} }}
        export class Thing extends DurableObject {{
            loaded = 0;
            worker(more) {{
                return this.env.LOADER.get(null, () => {{
                    this.loaded += 1;
                    return {{
                        compatibilityDate: '2026-06-11', mainModule: 'main.js', modules: {{ 'main.js': {code} }},
                        env: {{ Given: this.ctx.exports.Child, child: this.ctx.exports.Tools }}, ...more,
                    }};
                }});
            }}
            program(name, options, more) {{
                return this.ctx.facets.get(name, () => ({{ class: this.worker(more).getDurableObjectClass('Program', options) }}));
            }}
            call(name, method, ...args) {{ return this.program(name)[method](...args); }}
            {body}
        }}
        export default {{ fetch() {{ return new Response('things'); }} }}"
    );
    App::new(&source)
        .name(THINGS)
        .objects("THINGS", "Thing")
        .loader("LOADER", stage.runtime.loader())
        .try_deploy_on(&stage.runtime)
        .await
        .unwrap();
}

#[test]
fn a_dynamic_class_runs_in_a_process_of_its_own_and_keeps_its_storage() {
    run(async {
        let stage = stage(
            "mark() { globalThis.mark = true; }
            die() { this.ctx.abort('the end'); }
            async props() { return (await this.program('p', { props: { user: 'u', tools: this.ctx.exports.Tools } }).who())[0].user; }",
        )
        .await;
        stage.call("x", "mark", json!([])).await;
        let call = |method: &str| json!(["a", method]);
        assert_eq!(stage.call("x", "call", call("add")).await, json!([1, 1]));
        assert_eq!(stage.call("x", "call", call("add")).await, json!([2, 2]));
        let who = stage.call("x", "call", call("who")).await;
        assert_eq!(
            (&who[0], &who[2], &who[3]),
            (&json!({}), &json!(["Given", "child"]), &json!("undefined"))
        );
        assert_eq!(stage.call("x", "props", json!([])).await, "u");
        assert_eq!(stage.failure("x", "die", json!([])).await, reset("the end"));
        assert_eq!(stage.call("x", "call", call("add")).await, json!([1, 3]));
        let stage = stage.restart().await;
        deploy(&stage, "").await;
        assert_eq!(stage.call("x", "call", call("add")).await, json!([1, 4]));
    });
}

#[test]
fn classes_can_be_handed_to_dynamic_workers() {
    run(async {
        let stage = stage("").await;
        let nested = |name: &str| json!(["a", "nested", name, "add"]);
        assert_eq!(stage.call("x", "call", nested("given")).await, 1);
        assert_eq!(stage.call("x", "call", nested("given")).await, 2);
        assert_eq!(stage.call("x", "call", nested("own")).await, 1);
        assert_eq!(stage.call("y", "call", nested("own")).await, 1);
    });
}

#[test]
fn limits_hold_for_facets_and_nobody_else_suffers() {
    run(async {
        let stage = stage(
            "async limited() {
                const spin = this.program('a', { limits: { cpuMs: 50 } });
                const all = [await spin.add(), await caught(() => spin.spin()), await spin.add()];
                all.push(await caught(() => this.program('b', { limits: { subRequests: 3 } }).callMany(4)));
                all.push(await this.program('c').callMany(4));
                all.push(await caught(() => this.program('d', { limits: { wallMs: 60 } }, {}).spin()));
                return all;
            }
            async stop() {
                const facet = this.program('e');
                await facet.add();
                const spinning = caught(() => facet.spin());
                await scheduler.wait(50);
                this.ctx.facets.delete('e');
                return [await spinning, (await this.program('e').add())[1]];
            }",
        )
        .await;
        let mut all = stage.call("x", "limited", json!([])).await;
        for told in all.as_array_mut().unwrap() {
            if let Some(text) = told.as_str() {
                *told = without_excess(text).into();
            }
        }
        assert_eq!(
            all,
            json!([
                [1, 1],
                "Error: Worker exceeded CPU time limit (50 ms).",
                [1, 2],
                "Error: Too many subrequests by single Worker invocation. The limit is 3, and this is number 4.",
                "all",
                "Error: Worker exceeded wall time limit (60 ms)."
            ])
        );
        assert_eq!(
            stage.call("x", "stop", json!([])).await,
            json!(["Error: Facet was deleted.", 1])
        );
    });
}

#[test]
fn a_facet_reaches_nothing_but_its_own() {
    run(async {
        let stage = stage(
            "async guarded() {
                const own = this.ctx.facets.get('secret', () => ({ class: this.ctx.exports.Child }));
                const before = [await own.add(), await own.add()];
                const guessed = [await this.program('a').guess(), await this.program('secret2').guess()];
                const stub = this.program('gone');
                await stub.add();
                this.ctx.facets.delete('gone');
                return { before, guessed, after: await own.add(), gone: await caught(() => stub.add()) };
            }",
        )
        .await;
        assert_eq!(
            stage.call("x", "guarded", json!([])).await,
            json!({ "before": [1, 2], "guessed": [1, 1], "after": 3, "gone": "Error: Facet was deleted." })
        );
        assert_eq!(
            stage.call("x", "call", json!(["a", "flood", 300])).await,
            300
        );
        assert_eq!(stage.call("x", "guarded", json!([])).await["after"], 6);
    });
}

#[test]
fn alarms_ring_in_facets_of_dynamic_classes_once_somebody_can_start_them() {
    run(async {
        let stage = stage("").await;
        let mut log = host_log(&stage);
        stage.call("x", "call", json!(["a", "ring"])).await;
        assert_eq!(next(&mut log).await, "rang 1");
        stage.call("y", "call", json!(["a", "ring"])).await;
        assert_eq!(next(&mut log).await, "rang 1");
        assert_eq!(
            stage.call("x", "call", json!(["a", "add"])).await[1],
            Value::from(2)
        );
    });
}

#[test]
fn alarms_of_facets_of_dynamic_classes_ring_after_a_restart() {
    run(async {
        // The constructor says what its facet is, as nobody else can.
        let body = "constructor(ctx, env) { super(ctx, env); this.program('a'); }";
        let first = stage(body).await;
        first.call("x", "call", json!(["a", "ring", 2_000])).await;
        first.call("y", "call", json!(["a", "ring", 2_000])).await;
        let second = first.restart().await;
        let mut log = host_log(&second);
        deploy(&second, body).await;
        assert_eq!(next(&mut log).await, "rang 1");
        assert_eq!(next(&mut log).await, "rang 1");
        let add = || json!(["a", "add"]);
        assert_eq!(second.call("x", "call", add()).await[1], 2);
    });
}

#[test]
fn an_alarm_waits_for_an_object_that_does_not_say_what_its_facet_is() {
    run(async {
        let first = stage("").await;
        let due = tokio::time::Instant::now() + std::time::Duration::from_secs(2);
        first.call("x", "call", json!(["a", "ring", 1_000])).await;
        let second = first.restart().await;
        let mut log = host_log(&second);
        tokio::time::sleep_until(due).await;
        deploy(&second, "").await;
        // It rings at once when the object calls the facet, however often that was tried in vain.
        second.call("x", "call", json!(["a", "who"])).await;
        assert_eq!(next(&mut log).await, "rang 1");
    });
}

#[test]
fn objects_can_follow_what_happens_in_facets() {
    run(async {
        let stage = stage(
            "start() {
                const tails = [this.env.THINGS.getByName('follower')];
                return this.program('a', {}, { tails }).ring();
            }
            tail(events) {
                for (const { event, outcome, executionModel, durableObjectId, logs } of events) {
                    const object = this.env.THINGS.idFromName('x').toString() === durableObjectId;
                    const what = event.rpcMethod ?? Object.prototype.toString.call(event);
                    console.log(`told ${what} ${outcome} ${executionModel} ${object} ${logs.map(({ message }) => message)}`);
                }
            }",
        )
        .await;
        let mut log = host_log(&stage);
        stage.call("x", "start", json!([])).await;
        let mut told = Vec::new();
        while told.len() < 2 {
            let line = next(&mut log).await;
            if line.starts_with("told") {
                told.push(line);
            }
        }
        assert_eq!(
            told,
            [
                "told ring ok durableObject true ",
                "told [object AlarmEventInfo] ok durableObject true rang 1"
            ]
        );
    });
}

fn host_log(stage: &Stage) -> tokio::sync::broadcast::Receiver<host::LogRecord> {
    stage.runtime.logs()
}

async fn next(log: &mut tokio::sync::broadcast::Receiver<host::LogRecord>) -> String {
    log.recv().await.unwrap().message
}
