//! Workflows.

use super::{SUPPORT, passes, settles};
use crate::support::{Project, Server};

#[test]
fn workflows_are_what_workers_have() {
    let project = Project::new(&[
        (
            "wrangler.json",
            r#"{ "name": "flows", "main": "workflows.js", "compatibility_date": "2026-06-11", "compatibility_flags": ["nodejs_compat"],
                "kv_namespaces": [{ "binding": "KV" }],
                "workflows": [{ "binding": "STORIES", "name": "stories", "class_name": "Stories" },
                              { "binding": "SHORT", "name": "short", "class_name": "Short", "limits": { "steps": 3 } }] }"#,
        ),
        // The test counts in memory how often steps run.
        ("atoll.jsonc", r#"{ "processes": 1 }"#),
        ("workflows.js", include_str!("workflows.js")),
        SUPPORT,
    ]);
    passes(&project);
}

const CONFIGURATION: &str = r#"{ "name": "flow", "main": "index.js", "compatibility_date": "2026-06-11",
    "kv_namespaces": [{ "binding": "KV" }],
    "workflows": [{ "binding": "FLOW", "name": "flow", "class_name": "Flow" }] }"#;

/// `/start/ID`, `/status/ID`, `/ran/ID` (how often the first and the second step have begun), `/open/ID` lets the second step go on,
/// `/result` is what it will give.
const WORKER: &str = r#"
import { WorkflowEntrypoint } from "cloudflare:workers";
const RESULT = "done";
export class Flow extends WorkflowEntrypoint {
  async run({ instanceId }, step) {
    const count = async (what) => {
      const key = `${instanceId} ${what}`;
      await this.env.KV.put(key, String(Number(await this.env.KV.get(key)) + 1));
    };
    await step.do("first", () => count("first"));
    await step.sleep("for an hour", "1 hour");
    return step.do("second", { timeout: "1 hour" }, async () => {
      await count("second");
      while ((await this.env.KV.get(`${instanceId} open`)) === null) await scheduler.wait(10);
      return RESULT;
    });
  }
}
export default {
  async fetch(request, { FLOW, KV }) {
    const [, what, id] = new URL(request.url).pathname.split("/");
    if (what === "result") return new Response(RESULT);
    if (what === "start") await FLOW.create({ id });
    if (what === "open") await KV.put(`${id} open`, "yes");
    if (what === "ran") return new Response(`${await KV.get(`${id} first`)} ${await KV.get(`${id} second`)}`);
    const { status, output } = await (await FLOW.get(id)).status();
    return new Response(`${status} ${output}`);
  },
};
"#;

#[test]
fn a_workflow_goes_on_where_it_was_when_the_server_was_killed() {
    let project = Project::new(&[("wrangler.json", CONFIGURATION), ("index.js", WORKER)]);
    let dev = || project.start(&["dev"], "ready in");
    let get = |server: &Server, path: &str| server.get(path).1;
    let hour = |server: &Server| {
        let (status, _) = server.post("/cdn-cgi/handler/clock?by=3600000", "");
        assert_eq!(status, 200);
    };
    let server = dev();
    get(&server, "/start/a");
    settles(|| get(&server, "/status/a"), "waiting null");
    // Killed while it sleeps.
    drop(server);
    let server = dev();
    assert_eq!(get(&server, "/status/a"), "waiting null");
    hour(&server);
    settles(|| get(&server, "/ran/a"), "1 1");
    // Killed in the middle of a step: that one begins again, and nothing before it.
    drop(server);
    let server = dev();
    hour(&server);
    settles(|| get(&server, "/ran/a"), "1 2");
    get(&server, "/open/a");
    settles(|| get(&server, "/status/a"), "complete done");
    drop(server);
    let server = dev();
    assert_eq!(get(&server, "/status/a"), "complete done");
    assert_eq!(get(&server, "/ran/a"), "1 2");
}

#[test]
fn a_workflow_goes_on_with_a_new_version_of_its_worker() {
    let project = Project::new(&[("wrangler.json", CONFIGURATION), ("index.js", WORKER)]);
    let server = project.start(&["dev"], "ready in");
    server.get("/start/a");
    settles(|| server.get("/status/a").1, "waiting null");
    project.write("index.js", &WORKER.replace("\"done\"", "\"new\""));
    settles(|| server.get("/result").1, "new");
    server.get("/open/a");
    assert_eq!(server.post("/cdn-cgi/handler/clock?by=3600000", "").0, 200);
    settles(|| server.get("/status/a").1, "complete new");
    assert_eq!(server.get("/ran/a").1, "1 1");
}

#[test]
fn a_class_that_is_not_there_is_named() {
    let project = Project::new(&[
        (
            "wrangler.json",
            r#"{ "name": "flow", "main": "index.js", "compatibility_date": "2026-06-11",
                "workflows": [{ "binding": "FLOW", "name": "flow", "class_name": "Missing" }] }"#,
        ),
        ("index.js", "export default { test() {} };"),
    ]);
    let (code, _, stderr) = project.run(&["test"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(
        stderr.contains("the worker exports no Workflow `Missing`, which env.FLOW is bound to"),
        "{stderr}"
    );
}
