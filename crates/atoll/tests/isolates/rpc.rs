//! Methods called between workers: who holds what, for how long, and what is left when a side is gone.

use super::workers::*;

/// A worker with things to call. It logs what is disposed of.
const DESK: &str = r#"
import { RpcTarget, WorkerEntrypoint } from "cloudflare:workers";

class Tally extends RpcTarget {
  #sum;
  constructor(sum, label) { super(); this.#sum = sum; this.label = label; }
  add(by) { return (this.#sum += by); }
  remember(callback) { this.callback = callback.dup(); }
  recall(value) { return this.callback(value); }
  [Symbol.dispose]() { console.log(`disposed: ${this.label}`); }
}

let kept;
export class Desk extends WorkerEntrypoint {
  tally(sum, label) { return new Tally(sum, label); }
  result(label) { return { tally: new Tally(1, `${label} inside`), [Symbol.dispose]: () => console.log(`disposed: ${label}`) }; }
  async use(tally) { return await tally.add(1); }
  async each(callback, count) { let last; for (let i = 0; i < count; i += 1) last = await callback(i); return last; }
  loop() { for (;;) {} }
  hang() { return new Promise(() => {}); }
  async aborted(signal) {
    return await new Promise((resolve) => signal.addEventListener("abort", () => resolve(String(signal.reason))));
  }
  watch(stream) { kept = stream; return "kept"; }
  props() { return this.ctx.props; }
  echo(value) { return value; }
  throws() { throw new RangeError("too much"); }
}
"#;

/// A worker that calls it: `body` has `desk`, `Local` and `log`.
async fn caller(body: &str) -> (host::Worker, Log) {
    let desk = App::new(DESK).deploy().await;
    let log = Log::of(desk.name()).await;
    let code = format!(
        r#"
import {{ RpcTarget, RpcStub }} from "cloudflare:workers";
class Local extends RpcTarget {{
  sum = 0;
  constructor(label) {{ super(); this.label = label; }}
  add(by) {{ return (this.sum += by); }}
  [Symbol.dispose]() {{ console.log(`disposed: ${{this.label}}`); }}
}}
const ending = async (call) => {{ try {{ return await call(); }} catch (error) {{ return `${{error.name}}: ${{error.message}}`; }} }};
export default {{ async fetch(request, env, ctx) {{ const desk = env.DESK; {body} }} }};
"#
    );
    let worker = App::new(&code)
        .service("DESK", desk.entrypoint(Some("Desk")))
        .deploy()
        .await;
    (worker, log)
}

/// What is logged next.
async fn logged(log: &mut Log) -> String {
    log.next().await.message
}

#[test]
fn a_target_is_disposed_of_with_its_last_stub() {
    run(async {
        let (worker, mut log) = caller(
            r#"
            const tally = await desk.tally(1, "a target");
            const other = tally.dup();
            tally[Symbol.dispose]();
            const sum = await other.add(1);
            const after = await ending(() => tally.add(1));
            other[Symbol.dispose]();
            return Response.json([sum, after]);"#,
        )
        .await;
        assert_eq!(
            text(&worker, "/").await,
            r#"[2,"Error: RPC stub used after being disposed."]"#
        );
        assert_eq!(logged(&mut log).await, "disposed: a target");
    });
}

#[test]
fn a_result_takes_all_its_stubs_with_it() {
    run(async {
        let (worker, mut log) = caller(
            r#"
            const result = await desk.result("a result");
            result[Symbol.dispose]();
            return new Response(await ending(() => result.tally.add(1)));"#,
        )
        .await;
        assert_eq!(
            text(&worker, "/").await,
            "Error: RPC stub used after being disposed."
        );
        let mut lines = [logged(&mut log).await, logged(&mut log).await];
        lines.sort();
        assert_eq!(lines, ["disposed: a result", "disposed: a result inside"]);
    });
}

#[test]
fn what_nobody_disposed_of_goes_with_the_event() {
    run(async {
        let (worker, mut log) = caller(
            r#"globalThis.forgotten = await desk.tally(1, "forgotten"); return new Response("done");"#,
        )
        .await;
        assert_eq!(text(&worker, "/").await, "done");
        assert_eq!(logged(&mut log).await, "disposed: forgotten");
    });
}

#[test]
fn arguments_are_lent_for_the_call() {
    run(async {
        let (worker, _log) = caller(
            r#"
            const local = new Local("lent");
            const sum = await desk.use(local);
            return Response.json([sum, local.sum]);"#,
        )
        .await;
        let mut own = Log::of(worker.name()).await;
        assert_eq!(text(&worker, "/").await, "[1,1]");
        assert_eq!(logged(&mut own).await, "disposed: lent");
    });
}

#[test]
fn a_target_keeps_what_it_was_given_as_long_as_it_lives() {
    run(async {
        let (worker, _log) = caller(
            r#"
            using tally = await desk.tally(1, "keeper");
            await tally.remember((value) => `heard ${value}`);
            await scheduler.wait(5);
            return new Response(await tally.recall("this"));"#,
        )
        .await;
        assert_eq!(text(&worker, "/").await, "heard this");
    });
}

#[test]
fn only_results_of_calls_are_looked_behind_before_they_are_awaited() {
    run(async {
        let (worker, _log) = caller(
            r#"
            // What the bundler puts around whatever is awaited.
            const wait = __atoll_ctx_wait;
            const call = desk.echo("called");
            const isCall = [wait(call) !== call, wait(call) instanceof Promise, wait(wait(call)) === wait(call)];
            const given = [await wait(call), await wait(desk.echo({ deep: [1] }))];
            const failed = await ending(async () => await wait(desk.throws()));
            const disposed = desk.echo("disposed");
            disposed[Symbol.dispose]();
            given.push(await wait(disposed));
            const asked = [];
            const spy = (name) => new Proxy({}, { get: (_, key) => void asked.push(`${name} ${String(key)}`) });
            const { proxy: revoked, revoke } = Proxy.revocable({}, {});
            revoke();
            const others = [
              1, "text", null, undefined, Symbol.iterator, {}, () => {}, Promise.resolve(), desk, desk.echo, revoked,
              new Proxy({}, {}), new Proxy({ promise: 1 }, { promise: 2 }), new Proxy({}, spy("handler")),
              new Proxy({}, Object.create(spy("prototype"))), spy("itself"),
            ];
            const same = others.map((value) => Object.is(wait(value), value));
            return Response.json([isCall, given, failed, same.every(Boolean), asked]);"#,
        )
        .await;
        assert_eq!(
            text(&worker, "/").await,
            r#"[[true,true,true],["called",{"deep":[1]},"disposed"],"RangeError: too much",true,[]]"#
        );
    });
}

#[test]
fn calls_back_do_not_count_as_subrequests() {
    run(async {
        let desk = App::new(DESK)
            .limits(|limits| limits.subrequests = 5)
            .deploy()
            .await;
        let worker = App::fetch("return Response.json(await env.DESK.each((i) => i * 2, 50));")
            .limits(|limits| limits.subrequests = 5)
            .service("DESK", desk.entrypoint(Some("Desk")))
            .deploy()
            .await;
        assert_eq!(text(&worker, "/").await, "98");
    });
}

#[test]
fn a_signal_aborts_across_workers() {
    run(async {
        // The other side may learn of the signal long before it is aborted, or only afterwards.
        for wait in ["await scheduler.wait(50);", ""] {
            let (worker, _log) = caller(&format!(
                r#"
                const controller = new AbortController();
                const call = desk.aborted(controller.signal);
                {wait}
                controller.abort("enough");
                return new Response(await call);"#
            ))
            .await;
            assert_eq!(text(&worker, "/").await, "enough", "{wait}");
        }
    });
}

#[test]
fn a_callee_that_dies_or_hangs_fails_the_call_and_breaks_its_stubs() {
    run(async {
        let desk = App::new(DESK)
            .limits(|limits| limits.cpu_ms = 100)
            .deploy()
            .await;
        let worker = App::new(
            r#"
const ending = async (call) => { try { return await call(); } catch (error) { return `${error.name}: ${error.message}`; } };
export default { async fetch(request, env) {
  const tally = await env.DESK.tally(1, "t");
  const hung = await ending(() => env.DESK.hang());
  const looped = await ending(() => env.DESK.loop());
  return Response.json([hung.slice(0, 35), looped, await ending(() => tally.add(1)), await env.DESK.tally(5).add(1)]);
} };"#,
        )
        .service("DESK", desk.entrypoint(Some("Desk")))
        .deploy()
        .await;
        let answer: Vec<serde_json::Value> =
            serde_json::from_str(&text(&worker, "/").await).unwrap();
        assert_eq!(answer[0], "Error: The Workers runtime canceled");
        assert_eq!(
            without_excess(answer[1].as_str().unwrap()),
            "Error: Worker exceeded CPU time limit (100 ms)."
        );
        assert_eq!(answer[2], "Error: Network connection lost.");
        assert_eq!(answer[3], 6);
    });
}

#[test]
fn a_caller_that_dies_lets_go_of_its_stubs() {
    run(async {
        let desk = App::new(DESK).deploy().await;
        let mut log = Log::of(desk.name()).await;
        let worker =
            App::fetch(r#"globalThis.tally = await env.DESK.tally(1, "left behind"); for (;;) {}"#)
                .limits(|limits| limits.cpu_ms = 50)
                .service("DESK", desk.entrypoint(Some("Desk")))
                .deploy()
                .await;
        failed(&worker, "/").await;
        assert_eq!(logged(&mut log).await, "disposed: left behind");
    });
}

#[test]
fn props_reach_the_entrypoint_that_they_were_given_for() {
    run(async {
        let worker = App::new(
            r#"
import { WorkerEntrypoint } from "cloudflare:workers";
export class Guide extends WorkerEntrypoint {
  where() { return this.ctx.props.place ?? "nowhere"; }
  async ask(value) { return await this.ctx.props.service.where(value); }
}
export default { async fetch(request, env, ctx) {
  const { Guide } = ctx.exports;
  const there = Guide({ props: { place: "there" } });
  const asking = Guide({ props: { service: there } });
  return Response.json([await Guide.where(), await there.where(), await asking.ask()]);
} };"#,
        )
        .deploy()
        .await;
        assert_eq!(text(&worker, "/").await, r#"["nowhere","there","there"]"#);
        // Each event has its own.
        assert_eq!(text(&worker, "/").await, r#"["nowhere","there","there"]"#);
    });
}

#[test]
fn props_of_a_configuration_reach_the_entrypoint() {
    run(async {
        let desk = App::new(DESK).name("desk-with-props").deploy().await;
        let props = r#"{"user":"zoë","level":2}"#;
        let service = runtime()
            .await
            .service_with_props(desk.name(), Some("Desk"), props);
        let worker = App::fetch("return Response.json(await env.DESK.props());")
            .service("DESK", service)
            .deploy()
            .await;
        assert_eq!(text(&worker, "/").await, props);
    });
}

#[test]
fn props_of_a_configuration_reach_handlers_that_are_no_class() {
    run(async {
        let code =
            "export default { where(thing, env, ctx) { return [thing, ctx.props.place]; } };";
        let board = App::new(code).name("board-with-props").deploy().await;
        let service =
            runtime()
                .await
                .service_with_props(board.name(), None, r#"{"place":"there"}"#);
        let worker = App::fetch("return Response.json(await env.BOARD.where('cup'));")
            .service("BOARD", service)
            .deploy()
            .await;
        assert_eq!(text(&worker, "/").await, r#"["cup","there"]"#);
    });
}
