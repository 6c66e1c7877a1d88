//! Facets: objects in the care of another object.

use std::time::{Duration, Instant};

use host::{Body, SocketEnd, SocketMessage};
use serde_json::{Value, json};

use crate::sockets::connect;
use crate::stage::*;
use crate::workers::{App, post, run};

/// A class whose objects can be facets of anything, themselves included.
const CHILD: &str = "
export class Child extends DurableObject {
    memory = 0;
    #child(name) { return this.ctx.facets.get(name, () => ({ class: this.ctx.exports.Child })); }
    at([name, ...path], method, ...args) {
        return name === undefined ? this[method](...args) : this.#child(name).at(path, method, ...args);
    }
    add(amount = 1) {
        this.memory += amount;
        const total = (this.ctx.storage.kv.get('total') ?? 0) + amount;
        this.ctx.storage.kv.put('total', total);
        return [this.memory, total];
    }
    total() { return this.ctx.storage.kv.get('total') ?? 0; }
    who() { return [typeof this.ctx.id, String(this.ctx.id), this.ctx.id.name ?? null, this.ctx.props]; }
    fail() { throw new RangeError('not this'); }
    die() { this.ctx.abort('died'); }
    async wait(time) { console.log('waiting'); await scheduler.wait(time); return 'waited'; }
    spin() { for (;;) {} }
    async ring(wait) { await this.ctx.storage.setAlarm(Date.now() + wait); }
    async alarm() { console.log(`rang ${this.ctx.id.name} ${this.total()}`); this.add(); }
    remove(name) { this.ctx.facets.delete(name); }
    echo(value) { return value; }
    fetch(request) {
        if (request.headers.get('upgrade') === 'websocket') {
            const { 0: client, 1: server } = new WebSocketPair();
            this.ctx.acceptWebSocket(server, ['a tag']);
            return new Response(null, { status: 101, webSocket: client });
        }
        return new Response(`${request.method} ${new URL(request.url).pathname}`);
    }
    webSocketMessage(socket, message) { socket.send(`${message} ${this.add()} ${this.ctx.getTags(socket)}`); }
}";

/// A worker whose objects have this in their class, with `child(name, options)` and `caught(call)` in reach.
fn parent(body: &str) -> App {
    let source = format!(
        "import {{ DurableObject, RpcTarget }} from 'cloudflare:workers'; {CHILD}
        const caught = async (call) => {{
            try {{ return await call(); }} catch (error) {{ return `${{error.name}}: ${{error.message}}`; }}
        }};
        export class Thing extends DurableObject {{
            asked = 0;
            child(name, options) {{
                return this.ctx.facets.get(name, () => {{
                    this.asked += 1;
                    return {{ class: this.ctx.exports.Child, ...options }};
                }});
            }}
            at(path, method, ...args) {{ return this.child(path[0]).at(path.slice(1), method, ...args); }}
            die() {{ this.ctx.abort('the end'); }}
            {body}
        }}
        export default {{ fetch() {{ return new Response('things'); }} }}"
    );
    App::new(&source).name(THINGS).objects("THINGS", "Thing")
}

async fn stage(body: &str) -> Stage {
    let stage = Stage::empty(1, |_| {}).await;
    parent(body).try_deploy_on(&stage.runtime).await.unwrap();
    stage
}

#[test]
fn a_facet_has_storage_of_its_own_and_keeps_it() {
    run(async {
        let stage =
            stage("async own() { this.ctx.storage.kv.put('total', 100); return this.asked; }")
                .await;
        let add = |path: Value| json!([path, "add"]);
        assert_eq!(
            stage.call("x", "at", add(json!(["a"]))).await,
            json!([1, 1])
        );
        assert_eq!(
            stage.call("x", "at", add(json!(["a"]))).await,
            json!([2, 2])
        );
        assert_eq!(
            stage.call("x", "at", add(json!(["b"]))).await,
            json!([1, 1])
        );
        assert_eq!(
            stage.call("x", "at", add(json!(["a", "a"]))).await,
            json!([1, 1])
        );
        assert_eq!(
            stage.call("y", "at", add(json!(["a"]))).await,
            json!([1, 1])
        );
        assert_eq!(
            stage.call("x", "own", json!([])).await,
            2,
            "asked once for each facet that starts"
        );
        assert_eq!(stage.failure("x", "die", json!([])).await, reset("the end"));
        assert_eq!(
            stage.call("x", "at", add(json!(["a"]))).await,
            json!([1, 3])
        );
        let stage = stage.restart().await;
        parent("").try_deploy_on(&stage.runtime).await.unwrap();
        assert_eq!(
            stage.call("x", "at", add(json!(["a"]))).await,
            json!([1, 4])
        );
        assert_eq!(
            stage.call("x", "at", add(json!(["a", "a"]))).await,
            json!([1, 2])
        );
    });
}

#[test]
fn a_facet_is_what_its_parent_says_each_time_it_starts() {
    run(async {
        let stage = stage(
            "async ids() {
                const other = this.env.THINGS.idFromName('other');
                return [
                    await this.child('a').who(),
                    await this.child('b', { id: other }).who(),
                    await this.child('c', { id: 'plain text' }).who(),
                    await this.child('d', { class: this.ctx.exports.Child({ props: { user: 'u' } }) }).who(),
                    await this.child('e', { class: this.ctx.exports.Thing }).whoIsThing(),
                ];
            }
            whoIsThing() { return 'a Thing'; }
            async again() {
                await this.child('a').add();
                const before = await this.ctx.facets.get('a', () => { throw new Error('not asked'); }).add();
                this.ctx.facets.abort('a', new Error('over'));
                const after = await this.ctx.facets.get('a', async () => ({ class: this.ctx.exports.Child({ props: { is: 'new' } }) })).add();
                return [before, after, (await this.child('a').who())[3]];
            }
            async wrong() {
                return [
                    await caught(() => this.ctx.facets.get('w', () => { throw new RangeError('no idea'); }).add()),
                    await caught(() => this.ctx.facets.get('w', () => ({ class: {} })).add()),
                    await caught(() => this.ctx.facets.get('w', () => ({ class: this.ctx.exports.Child, id: 'x'.repeat(2000) })).add()),
                    await caught(() => this.child('w').fail()),
                    await caught(() => this.child('w').nothing()),
                    await caught(() => this.child('w').add()),
                ];
            }",
        )
        .await;
        let ids = stage.call("x", "ids", json!([])).await;
        assert_eq!(ids[0][2], "x");
        assert_eq!(
            (&ids[1][2], &ids[1][0]),
            (&json!("other"), &json!("object"))
        );
        assert_eq!(ids[2], json!(["string", "plain text", null, {}]));
        assert_eq!(ids[3][3], json!({ "user": "u" }));
        assert_eq!(ids[3][1], ids[0][1]);
        assert_eq!(ids[4], "a Thing");
        assert_eq!(
            stage.call("x", "again", json!([])).await,
            json!([[2, 2], [1, 3], { "is": "new" }])
        );
        let wrong = stage.call("x", "wrong", json!([])).await;
        assert_eq!(wrong[0], "RangeError: no idea");
        assert!(
            wrong[1]
                .as_str()
                .unwrap()
                .starts_with("TypeError: Incorrect type for the 'class' field")
        );
        assert_eq!(
            wrong[2],
            "TypeError: A facet's id is a string of at most 1024 bytes."
        );
        assert_eq!(wrong[3], "RangeError: not this");
        assert_eq!(
            wrong[4],
            "TypeError: The RPC receiver does not implement the method \"nothing\"."
        );
        assert_eq!(wrong[5], json!([1, 1]));
    });
}

#[test]
fn names_and_depth_are_bounded() {
    run(async {
        let stage = stage(
            "async names() {
                const long = 'x'.repeat(257);
                return [
                    await caught(() => this.child(long)),
                    await caught(() => this.ctx.facets.abort(long, new Error())),
                    await caught(() => this.ctx.facets.delete(long)),
                    await caught(() => this.ctx.facets.clone('a', long)),
                    await caught(() => this.child('é'.repeat(129))),
                    await caught(() => this.ctx.facets.get('a')),
                    await caught(() => this.child('x'.repeat(256)).add()),
                    await caught(() => this.child('Sub\\0an agent/..%').add()),
                    await caught(() => this.child('').add()),
                ];
            }
            async deep() {
                return [
                    await this.at(['a', 'b', 'c'], 'add'),
                    await caught(() => this.at(['a', 'b', 'c', 'd'], 'add')),
                ];
            }",
        )
        .await;
        let too_long = "TypeError: Facet name is too long (max 256 characters).";
        let names = stage.call("x", "names", json!([])).await;
        for index in 0..5 {
            assert_eq!(names[index], too_long);
        }
        assert!(names[5].as_str().unwrap().starts_with("TypeError"));
        for index in 6..9 {
            assert_eq!(names[index], json!([1, 1]));
        }
        assert_eq!(
            stage.call("x", "deep", json!([])).await,
            json!([
                [1, 1],
                "Error: Facet nesting depth limit exceeded. The maximum depth including the root Durable Object is 4."
            ])
        );
    });
}

#[test]
fn what_is_aborted_fails_with_the_reason_and_starts_anew() {
    run(async {
        let stage = stage(
            "async abort() {
                const stub = this.child('a');
                await stub.add();
                const waiting = caught(() => stub.wait(60_000));
                await scheduler.wait(20);
                this.ctx.facets.abort('a', new TypeError('enough'));
                return [await waiting, await caught(() => stub.add()), await this.child('a').add()];
            }
            async abortStart() {
                let release;
                const started = new Promise((resolve) => { release = resolve; });
                const stub = this.ctx.facets.get('b', () => started);
                const waiting = caught(() => stub.add());
                this.ctx.facets.abort('b', new Error('before it began'));
                const next = await this.child('b').add();
                release({ class: this.ctx.exports.Child });
                return [await waiting, next, await this.child('b').add()];
            }
            async abortEndless() {
                const stub = this.child('c');
                const spinning = caught(() => stub.fail());
                return [await spinning, this.asked];
            }
            async dies() {
                const stub = this.child('d');
                await stub.add();
                return [await caught(() => stub.die()), await this.child('d').add()];
            }",
        )
        .await;
        assert_eq!(
            stage.call("x", "abort", json!([])).await,
            json!(["TypeError: enough", "TypeError: enough", [1, 2]])
        );
        assert_eq!(
            stage.call("x", "abortStart", json!([])).await,
            json!(["Error: before it began", [1, 1], [2, 2]])
        );
        assert_eq!(
            stage.call("x", "dies", json!([])).await,
            json!(["Error: died", [1, 2]])
        );
    });
}

#[test]
fn deletion_is_complete() {
    run(async {
        let stage = stage(
            "async make() {
                for (const path of [['a'], ['a', 'a'], ['a', 'a', 'a'], ['b'], ['b', 'a']]) await this.at(path, 'add');
                await this.at(['a', 'a'], 'ring', 3_600_000);
                await this.at(['b'], 'ring', 3_600_000);
            }
            async remove() {
                const stub = this.child('a');
                const waiting = caught(() => stub.wait(60_000));
                await scheduler.wait(20);
                this.ctx.facets.delete('a');
                this.ctx.facets.delete('never there');
                return [await waiting, await caught(() => stub.add())];
            }
            async totals(...paths) { return Promise.all(paths.map((path) => this.at(path, 'total'))); }
            async all() { await this.ctx.storage.deleteAll(); }",
        )
        .await;
        let stored = || {
            let store = stage.runtime.store().unwrap();
            let namespaces = store.namespaces();
            let objects: Vec<_> = namespaces
                .iter()
                .flat_map(|one| store.objects(one))
                .collect();
            (objects.len(), store.alarms(None, 10).len())
        };
        stage.call("x", "make", json!([])).await;
        stage.call("y", "make", json!([])).await;
        assert_eq!(stored(), (10, 4));
        assert_eq!(
            stage.call("x", "remove", json!([])).await,
            json!(["Error: Facet was deleted.", "Error: Facet was deleted."])
        );
        assert_eq!(stored(), (7, 3));
        let paths = json!([["a"], ["a", "a"], ["a", "a", "a"], ["b"], ["b", "a"]]);
        assert_eq!(
            stage.call("x", "totals", paths.clone()).await,
            json!([0, 0, 0, 1, 1])
        );
        assert_eq!(
            stage.call("y", "totals", paths.clone()).await,
            json!([1, 1, 1, 1, 1])
        );
        stage.call("x", "all", json!([])).await;
        // What is left of x is x itself.
        assert_eq!(stored(), (6, 2));
        assert_eq!(
            stage.call("x", "totals", paths.clone()).await,
            json!([0, 0, 0, 0, 0])
        );
        // Those that sleep as well.
        let stage = stage.restart().await;
        parent("async all() { await this.ctx.storage.deleteAll(); }")
            .try_deploy_on(&stage.runtime)
            .await
            .unwrap();
        stage.call("y", "all", json!([])).await;
        let store = stage.runtime.store().unwrap();
        assert_eq!(store.alarms(None, 10).len(), 0);
        let namespaces = store.namespaces();
        assert_eq!(
            namespaces.iter().flat_map(|one| store.objects(one)).count(),
            2
        );
    });
}

#[test]
fn a_copy_has_all_that_is_in_the_facet() {
    run(async {
        let stage = stage(
            "async copy() {
                await this.at(['a'], 'add', 5);
                await this.at(['a', 'in'], 'add', 7);
                await this.at(['b'], 'add', 1);
                await this.at(['b', 'old'], 'add', 1);
                const over = this.child('b');
                await over.total();
                this.ctx.facets.clone('a', 'b');
                const copied = [await caught(() => over.add()), await this.at(['b'], 'add'), await this.at(['b', 'in'], 'total'), await this.at(['b', 'old'], 'total')];
                const origin = [await this.at(['a'], 'add'), await this.at(['a', 'in'], 'total')];
                this.ctx.facets.clone('nothing', 'b');
                const wiped = [await this.at(['b'], 'total'), await this.at(['b', 'in'], 'total')];
                this.ctx.facets.clone('a', 'a');
                return { copied, origin, wiped, itself: await this.at(['a'], 'add') };
            }",
        )
        .await;
        assert_eq!(
            stage.call("x", "copy", json!([])).await,
            json!({
                "copied": ["Error: Facet was cloned-over.", [1, 6], 7, 0],
                "origin": [[6, 6], 7],
                "wiped": [0, 0],
                "itself": [1, 7],
            })
        );
    });
}

#[test]
fn stubs_of_facets_stay_with_their_object() {
    run(async {
        let stage = stage(
            "async give() {
                const stub = this.child('a');
                return [
                    await caught(() => this.child('b').echo(stub)),
                    await caught(() => this.env.THINGS.getByName('other').take(stub)),
                    await caught(() => this.ctx.storage.put('stub', stub)),
                    await caught(() => structuredClone(this.ctx.exports.Child)),
                ];
            }
            take(value) { return value; }
            leave() { return this.child('a'); }
            async props() { return 'name' in Object.getOwnPropertyDescriptors(this.child('a')); }",
        )
        .await;
        let refused =
            "DataCloneError: Stubs pointing to Durable Object facets are not serializable.";
        let given = stage.call("x", "give", json!([])).await;
        assert_eq!((&given[0], &given[1]), (&json!(refused), &json!(refused)));
        for index in 2..4 {
            assert!(
                given[index].as_str().unwrap().starts_with("DataCloneError"),
                "{given}"
            );
        }
        let left = stage.failure("x", "leave", json!([])).await;
        assert_eq!(
            left["message"],
            "Stubs pointing to Durable Object facets are not serializable."
        );
    });
}

#[test]
fn facets_end_with_their_object() {
    run(async {
        let stage = stage(
            "async start() { await this.child('a').add(); this.ctx.waitUntil(this.child('a').wait(60_000)); }
            async look() { return this.child('a').add(); }",
        )
        .await;
        let mut log = stage.log();
        stage.call("x", "start", json!([])).await;
        assert_eq!(log.next().await.message, "waiting");
        assert_eq!(stage.failure("x", "die", json!([])).await, reset("the end"));
        assert_eq!(stage.call("x", "look", json!([])).await, json!([1, 2]));
        parent("async look() { return this.child('a').add(100); }")
            .try_deploy_on(&stage.runtime)
            .await
            .unwrap();
        let start = Instant::now();
        while stage.call("x", "look", json!([])).await != json!([100, 102]) {
            assert!(start.elapsed() < Duration::from_secs(20));
        }
    });
}

/// The next text on a socket, or how it ended.
async fn heard(socket: &mut SocketEnd) -> String {
    match socket.incoming.recv().await {
        Some(SocketMessage::Text(text)) => text.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn sockets_of_a_facet_stay_until_it_or_its_object_fails_or_is_deleted() {
    const BODY: &str = "
        fetch(request) { return this.child('a').fetch(request); }
        abort() { this.ctx.facets.abort('a', new Error('over')); }
        remove() { this.ctx.facets.delete('a'); }";
    run(async {
        let stage = stage(BODY).await;
        let say = |text: &str| SocketMessage::Text(text.into());
        let mut socket = connect(&stage, "x").await;
        socket.outgoing.send(say("one")).await.unwrap();
        assert_eq!(heard(&mut socket).await, "one 1,1 a tag");
        parent(&format!(
            "{BODY} async look() {{ return this.child('a').add(0); }}"
        ))
        .try_deploy_on(&stage.runtime)
        .await
        .unwrap();
        while stage.try_call("x", "look", json!([])).await != Ok(json!([0, 1])) {
            tokio::task::yield_now().await;
        }
        socket.outgoing.send(say("two")).await.unwrap();
        assert_eq!(heard(&mut socket).await, "two 1,2 a tag");
        stage.failure("x", "die", json!([])).await;
        assert_eq!(heard(&mut socket).await, "None");

        let mut socket = connect(&stage, "x").await;
        socket.outgoing.send(say("three")).await.unwrap();
        assert_eq!(heard(&mut socket).await, "three 1,3 a tag");
        stage.call("x", "abort", json!([])).await;
        assert_eq!(heard(&mut socket).await, "None");

        let mut socket = connect(&stage, "x").await;
        stage.call("x", "remove", json!([])).await;
        let end = heard(&mut socket).await;
        assert!(
            end.contains("1001") && end.contains("Facet was deleted."),
            "{end}"
        );
        let answer = post(&stage.caller, "/x/fetch", Body::empty()).await;
        assert_eq!(answer.text(), "POST /x/fetch");
    });
}

#[test]
fn alarms_ring_in_facets_whoever_sleeps() {
    run(async {
        let stage = stage("async plan(wait) { await this.at(['a'], 'add', 41); await this.at(['a'], 'ring', wait); }").await;
        let mut log = stage.log();
        stage.call("x", "plan", json!([30])).await;
        assert_eq!(log.next().await.message, "rang x 41");
        // After a restart only the store knows about it.
        stage.call("y", "plan", json!([1500])).await;
        let stage = stage.restart().await;
        let mut log = stage.log();
        parent("").try_deploy_on(&stage.runtime).await.unwrap();
        assert_eq!(log.next().await.message, "rang y 41");
        assert_eq!(stage.call("y", "at", json!([["a"], "total"])).await, 42);
        let store = stage.runtime.store().unwrap();
        while !store.alarms(None, 1).is_empty() {
            tokio::task::yield_now().await;
        }
    });
}
