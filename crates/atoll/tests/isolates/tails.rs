//! Those who follow a worker: what they learn of its events, and that nobody suffers from them.

use serde_json::{Value, json};

use super::workers::*;

/// A worker with a loader and somebody who follows what it loads.
const FOLLOWING: &str = r#"
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
const told = [];
export class Follower extends WorkerEntrypoint {
  async tail(events) {
    for (const event of events) told.push({ event, by: this.ctx.props });
  }
}
export class Failing extends WorkerEntrypoint {
  tail() { told.push({ failing: true }); throw new Error("a tail that fails"); }
}
export class Slow extends WorkerEntrypoint {
  async tail() { await scheduler.wait(60_000); }
}
const heard = async (count = 1) => {
  while (told.length < count) await scheduler.wait(2);
  return told.splice(0);
};
const base = { compatibilityDate: "2026-06-11", compatibilityFlags: ["nodejs_compat"], mainModule: "main.js" };
const ending = async (call) => { try { return await call(); } catch (error) { return `${error.name}: ${error.message}`; } };
"#;

/// What the worker's `run` gives, with `load(source, tails, more)` and `heard(count)` in reach.
async fn gives(run: &str) -> Value {
    let code = format!(
        "{FOLLOWING}\nexport default {{ async fetch(request, env, ctx) {{ \
         const load = (source, tails, more = {{}}) => env.LOADER.load({{ ...base, modules: {{ 'main.js': source }}, tails, ...more }}); \
         return Response.json(await (async () => {{ {run} }})()); }} }}"
    );
    let worker = App::new(&code)
        .loader("LOADER", runtime().await.loader())
        .deploy()
        .await;
    serde_json::from_str(&text(&worker, "/").await).unwrap()
}

#[test]
fn who_follows_a_worker_learns_what_it_did() {
    run(async {
        let all = gives(
            r#"
            const follower = ctx.exports.Follower({ props: { user: "u" } });
            const worker = load(`
              export default {
                async fetch(request) {
                  console.log("hello", { a: 1 }, undefined, [2], new Map());
                  console.error(new TypeError("logged"));
                  await request.text();
                  return new Response("made", { status: 201 });
                },
              }`, [follower]);
            const url = "http://user.test/path/0123456789abcdef0123456789abcdef?q=1";
            const headers = { "x-plain": "seen", "x-api-key": "hidden", cookie: "c", authorization: "a" };
            const answer = await worker.getEntrypoint().fetch(url, { method: "POST", body: "b", headers });
            await answer.text();
            const [{ event: item, by }] = await heard();
            const { request } = item.event;
            return {
              by, tag: Object.prototype.toString.call(item), item, logs: item.logs, status: item.event.response.status,
              url: request.url, whole: request.getUnredacted().url, headers: request.headers,
              secret: request.getUnredacted().headers["x-api-key"], method: request.method,
              late: item.eventTimestamp <= Date.now() && item.logs.every((log) => log.timestamp >= item.eventTimestamp),
            };"#,
        )
        .await;
        assert_eq!(all["by"], json!({ "user": "u" }));
        assert_eq!(all["tag"], "[object TraceItem]");
        assert_eq!(
            all["logs"]
                .as_array()
                .unwrap()
                .iter()
                .map(|log| (&log["level"], &log["message"]))
                .collect::<Vec<_>>(),
            [
                (
                    &json!("log"),
                    &json!(["hello", { "a": 1 }, null, [2], "[object Map]"])
                ),
                (&json!("error"), &json!(["TypeError: logged"])),
            ]
        );
        assert_eq!(
            (&all["status"], &all["method"]),
            (&json!(201), &json!("POST"))
        );
        assert_eq!(all["url"], "http://user.test/path/REDACTED?q=1");
        assert_eq!(
            all["whole"],
            "http://user.test/path/0123456789abcdef0123456789abcdef?q=1"
        );
        assert_eq!(all["headers"]["x-plain"], "seen");
        for name in ["x-api-key", "cookie", "authorization"] {
            assert_eq!(all["headers"][name], "REDACTED");
        }
        assert_eq!(
            (&all["secret"], &all["late"]),
            (&json!("hidden"), &json!(true))
        );
        let item = &all["item"];
        assert_eq!(
            (&item["outcome"], &item["truncated"]),
            (&json!("ok"), &json!(false))
        );
        assert_eq!(
            (&item["exceptions"], &item["scriptName"]),
            (&json!([]), &Value::Null)
        );
        assert!(item["cpuTime"].is_number() && item["wallTime"].is_number());
    });
}

#[test]
fn how_an_event_ended_is_told() {
    run(async {
        let all = gives(
            r#"
            const follower = ctx.exports.Follower;
            const code = `
              import { WorkerEntrypoint } from "cloudflare:workers";
              export default { fetch(request) {
                const { pathname } = new URL(request.url);
                if (pathname === "/throw") throw new RangeError("no");
                if (pathname === "/later") throw Object.assign(new Error("later"), { name: "Mine" });
                for (;;) {}
              } }
              export class Methods extends WorkerEntrypoint {
                add(a, b) { console.debug("adding"); return a + b; }
                fail() { throw new TypeError("not so"); }
              }`;
            const worker = env.LOADER.get("a name", () => ({ ...base, modules: { "main.js": code }, tails: [follower], limits: { cpuMs: 60 } }));
            const all = [];
            const next = async (call) => {
              const answer = await ending(call);
              const [{ event }] = await heard();
              const { event: { rpcMethod }, outcome, exceptions, entrypoint, scriptName, logs } = event;
              all.push({ answer, outcome, rpcMethod, entrypoint, scriptName, logs: logs.length,
                exceptions: exceptions.map(({ name, message }) => `${name}: ${message}`), stacks: exceptions.every(({ stack }) => stack?.includes("main.js")) });
            };
            const methods = worker.getEntrypoint("Methods");
            await next(() => worker.getEntrypoint().fetch("http://x/throw"));
            await next(() => methods.add(1, 2));
            await next(() => methods.fail());
            await next(() => worker.getEntrypoint().fetch("http://x/loop"));
            return all;"#,
        )
        .await;
        assert_eq!(all[0]["answer"], "RangeError: no");
        assert_eq!(
            (&all[0]["outcome"], &all[0]["exceptions"]),
            (&json!("exception"), &json!(["RangeError: no"]))
        );
        assert_eq!(
            (&all[0]["stacks"], &all[0]["scriptName"]),
            (&json!(true), &json!("a name"))
        );
        assert_eq!(
            (&all[1]["answer"], &all[1]["outcome"]),
            (&json!(3), &json!("ok"))
        );
        assert_eq!(
            (&all[1]["rpcMethod"], &all[1]["entrypoint"]),
            (&json!("add"), &json!("Methods"))
        );
        assert_eq!(all[1]["logs"], 1);
        assert_eq!(
            (&all[2]["answer"], &all[2]["outcome"]),
            (&json!("TypeError: not so"), &json!("ok"))
        );
        // What a method throws is its caller's.
        assert_eq!(all[2]["exceptions"], json!([]));
        assert_eq!(all[3]["outcome"], "exceededCpu");
        assert_eq!(
            without_excess(all[3]["answer"].as_str().unwrap()),
            "Error: Worker exceeded CPU time limit (60 ms)."
        );
    });
}

#[test]
fn who_follows_badly_harms_nobody() {
    run(async {
        let all = gives(
            r#"
            const { Follower, Failing, Slow } = ctx.exports;
            const worker = load(`export default { fetch: () => new Response("fine") }`, [Failing, Slow, Follower]);
            const ask = async () => (await worker.getEntrypoint().fetch("http://x/")).text();
            const answers = await Promise.all(Array.from({ length: 100 }, ask));
            const all = await heard(10);
            return [new Set(answers).size, answers[99], all.some(({ failing }) => failing), all.some(({ event }) => event !== undefined)];"#,
        )
        .await;
        assert_eq!(all, json!([1, "fine", true, true]));
    });
}

#[test]
fn what_is_told_is_bounded() {
    run(async {
        let all = gives(
            r#"
            const worker = load(`export default { fetch() {
              for (let i = 0; i < 1000; i += 1) console.log("x".repeat(1000));
              return new Response("fine");
            } }`, [ctx.exports.Follower]);
            await (await worker.getEntrypoint().fetch("http://x/" + "y".repeat(50_000), { headers: { "x-long": "z".repeat(200_000) } })).text();
            const [{ event }] = await heard();
            const size = JSON.stringify(event).length;
            return [event.truncated, size < 300_000, event.logs.length > 100];"#,
        )
        .await;
        assert_eq!(all, json!([true, true, true]));
    });
}

#[test]
fn a_deployed_worker_can_be_followed() {
    run(async {
        let follower = App::new(
            "export default { tail(events) { for (const { event, logs, scriptName, outcome } of events)
                console.log(JSON.stringify([scriptName, outcome, event.request?.method ?? event.cron ?? [event.mailFrom, event.rcptTo, event.rawSize], logs.map(({ message }) => message)])); } }",
        )
        .name("follower")
        .deploy()
        .await;
        let mut log = Log::of(follower.name()).await;
        let worker = App::new(
            "export default {
                async fetch(request) { console.log('seen', request.method); return new Response('x'); },
                scheduled({ cron }) { console.log('rang', cron); },
                email(message) { console.log('came'); message.setReject('no'); },
            }",
        )
        .name("followed")
        .tail(runtime().await.service("follower", None))
        .deploy()
        .await;
        assert_eq!(text(&worker, "/").await, "x");
        assert_eq!(
            log.next().await.message,
            r#"["followed","ok","GET",[["seen","GET"]]]"#
        );
        worker.scheduled("* * * * *", 0.0).await.unwrap();
        assert_eq!(
            log.next().await.message,
            r#"["followed","ok","* * * * *",[["rang","* * * * *"]]]"#
        );
        worker
            .email("a@x.test", "b@y.test", b"Subject: x\r\n\r\nHello")
            .await
            .unwrap();
        assert_eq!(
            log.next().await.message,
            r#"["followed","ok",["a@x.test","b@y.test",19],[["came"]]]"#
        );
    });
}

#[test]
fn tails_that_cannot_be_are_refused() {
    run(async {
        let all = gives(
            r#"
            const refused = (more) => ending(() => load("1", undefined, more));
            return [
              await refused({ streamingTails: [ctx.exports.Follower] }),
              await refused({ tails: [{}] }),
              await refused({ tails: Array(11).fill(ctx.exports.Follower) }),
            ];"#,
        )
        .await;
        assert_eq!(
            all,
            json!([
                "Error: Streaming Tail Workers are not supported: use 'tails'.",
                "TypeError: Incorrect type for the 'tails' field on 'WorkerCode': the provided value is not of type 'Fetcher'.",
                "TypeError: A Dynamic Worker can have at most 10 tails."
            ])
        );
    });
}
