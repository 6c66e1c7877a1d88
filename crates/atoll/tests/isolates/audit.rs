//! What is written down of what dynamic workers and policies do.

use std::path::PathBuf;
use std::sync::Arc;

use host::journal::{Journal, JournalOptions, files};
use host::{Audit, Policy};
use serde_json::Value;

use crate::outside::*;
use crate::workers::*;

/// A journal in a folder that goes away with it.
struct Kept {
    journal: Arc<Journal>,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Kept {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/audit.jsonl");
        Self {
            journal: Arc::new(Journal::open(&path, JournalOptions::default()).unwrap()),
            path,
            _folder: folder,
        }
    }

    fn audit(&self) -> Audit {
        Audit::new(Arc::clone(&self.journal))
    }

    fn lines(&self) -> Vec<Value> {
        self.journal.flush();
        let files = files(&self.path, JournalOptions::default());
        let texts = files
            .iter()
            .map(|file| std::fs::read_to_string(file).unwrap());
        let all: String = texts.collect();
        all.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The lines, once one of them is as wanted: the last words of a worker come after its answer.
    async fn until(&self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        loop {
            let lines = self.lines();
            if lines.iter().any(&wanted) {
                return lines;
            }
            tokio::task::yield_now().await;
        }
    }
}

fn find<'a>(lines: &'a [Value], key: &str, wanted: &str) -> &'a Value {
    let found = lines
        .iter()
        .find(|line| line[key].as_str().is_some_and(|text| text.contains(wanted)));
    found.unwrap_or_else(|| panic!("no line with {key} {wanted:?} in {lines:#?}"))
}

#[test]
fn each_use_of_a_capability_by_a_dynamic_worker_is_one_line() {
    run(async {
        let kept = Kept::new();
        let server = Outside::start().await;
        let origin = server.origin();
        let mut options = options("acme", vec![rule(&format!("{origin}/ok/"))]);
        options.audit = Some(kept.audit());
        let worker = App::new(&format!(
            r#"
            import {{ WorkerEntrypoint }} from "cloudflare:workers";
            export class Tools extends WorkerEntrypoint {{ add(a, b) {{ return a + b; }} fail() {{ throw new RangeError("no"); }} }}
            const source = `export default {{ async fetch(request, env) {{
              await env.TOOLS.add(1, 2); await env.log("x"); await env.TOOLS.fail().catch(() => {{}});
              await (await fetch("{origin}/ok/a?q=1", {{ headers: {{ "x-a": "b" }} }})).text(); await fetch("{origin}/no").catch(() => {{}});
              return new Response("done");
            }} }}`;
            export default {{ async fetch(request, env, ctx) {{
              const worker = env.LOADER.get("agent-7", () => ({{ compatibilityDate: "2026-06-11", mainModule: "a.js", modules: {{ "a.js": source }},
                env: {{ TOOLS: ctx.exports.Tools, log: () => {{}} }}, globalOutbound: env.OUT }}));
              return worker.getEntrypoint().fetch(request);
            }} }};"#
        ));
        let loader = runtime().await.audited_loader(kept.audit());
        let worker = worker
            .loader("LOADER", loader)
            .service("OUT", Arc::new(Policy::new(options)))
            .deploy()
            .await;
        assert_eq!(text(&worker, "/").await, "done");
        let lines = kept.until(|line| line["kind"] == "event").await;
        let uses: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "use").collect();
        assert_eq!(uses.len(), 5, "{uses:#?}");
        let code = uses[0]["code"].as_str().unwrap();
        assert_eq!(code.len(), 32);
        for line in &lines {
            assert_eq!(line["worker"], "dynamic worker \"agent-7\"", "{line}");
            assert_eq!(line["code"], code, "{line}");
            assert!(
                line["ms"].is_number() && line["time"].as_str().unwrap().ends_with('Z'),
                "{line}"
            );
        }
        let add = find(&lines, "target", "add()");
        assert_eq!(add["capability"], format!("worker {}#Tools", worker.name()));
        assert!(
            add["outcome"] == "ok"
                && add["sent"].as_u64() > Some(0)
                && add["received"].as_u64() > Some(0),
            "{add}"
        );
        assert!(add["cpuMs"].is_number(), "{add}");
        assert_eq!(find(&lines, "target", "fail()")["outcome"], "threw");
        let log = find(&lines, "capability", "stub of ");
        assert_eq!(log["capability"], format!("stub of {}", worker.name()));
        let allowed = find(&lines, "target", "/ok/a?q=1");
        assert_eq!(allowed["target"], format!("GET {origin}/ok/a?q=1"));
        assert!(
            allowed["outcome"] == "ok" && allowed["status"] == 200,
            "{allowed}"
        );
        let decisions: Vec<&Value> = lines
            .iter()
            .filter(|line| line["kind"] == "egress")
            .collect();
        assert_eq!(decisions.len(), 2, "{decisions:#?}");
        assert_eq!(decisions[0]["capability"], "egress acme");
        assert!(
            decisions[0]["received"].as_u64() > Some(50),
            "{}",
            decisions[0]
        );
        assert_eq!(decisions[1]["outcome"], "refused");
        assert!(
            decisions[1]["reason"]
                .as_str()
                .unwrap()
                .ends_with("/no: no rule allows it."),
            "{}",
            decisions[1]
        );
        let event = find(&lines, "kind", "event");
        assert!(
            event["outcome"] == "ok" && event["cpuMs"].as_f64() > Some(0.0),
            "{event}"
        );
    });
}

#[test]
fn what_a_worker_did_before_it_was_stopped_is_written_down() {
    run(async {
        let kept = Kept::new();
        let worker = App::fetch(
            "const source = `export default { async fetch(request, env) { env.never(); await env.log(); for (;;) {} } }`; \
             const worker = env.LOADER.load({ compatibilityDate: '2026-06-11', mainModule: 'a.js', modules: { 'a.js': source }, limits: { cpuMs: 50 }, \
             env: { never: () => new Promise(() => {}), log: () => {} } }); \
             return worker.getEntrypoint().fetch(request).catch((error) => new Response(error.message));",
        );
        let loader = runtime().await.audited_loader(kept.audit());
        let worker = worker.loader("LOADER", loader).deploy().await;
        let told = text(&worker, "/").await;
        assert_eq!(
            without_excess(&told),
            "Worker exceeded CPU time limit (50 ms)."
        );
        let lines = kept.until(|line| line["kind"] == "event").await;
        let event = find(&lines, "kind", "event");
        assert_ne!(event["outcome"], "ok", "{event}");
        assert_eq!(event["reason"], format!("Error: {told}"));
        assert!(event["cpuMs"].as_f64() >= Some(50.0), "{event}");
        let lines = kept.until(|line| line["outcome"] == "lost").await;
        assert!(
            lines
                .iter()
                .any(|line| line["kind"] == "use" && line["outcome"] == "ok"),
            "{lines:#?}"
        );
    });
}

#[test]
fn each_event_has_its_own_processor_time() {
    run(async {
        let kept = Kept::new();
        // The first event works before it calls, the second one does not.
        let worker = App::fetch(
            "const source = `export default { async fetch(request, env) { \
             if (request.url.endsWith('/busy')) for (let i = 0; i < 3e6; i += 1); await env.log(); return new Response('done'); } }`; \
             const worker = env.LOADER.get('w', () => ({ compatibilityDate: '2026-06-11', mainModule: 'a.js', modules: { 'a.js': source }, env: { log: () => {} } })); \
             return worker.getEntrypoint().fetch(request);",
        );
        let loader = runtime().await.audited_loader(kept.audit());
        let worker = worker.loader("LOADER", loader).deploy().await;
        assert_eq!(text(&worker, "/busy").await, "done");
        assert_eq!(text(&worker, "/").await, "done");
        let mut lines = Vec::new();
        while lines.len() < 2 {
            lines = kept.until(|line| line["kind"] == "use").await;
            lines.retain(|line| line["kind"] == "use");
        }
        let figure = |line: &Value, name: &str| line[name].as_f64().unwrap();
        let busy = figure(&lines[0], "cpuMs");
        assert!(busy <= figure(&lines[0], "processCpuMs"), "{lines:#?}");
        assert!(
            busy > 10.0 && figure(&lines[1], "cpuMs") < 10.0,
            "{lines:#?}"
        );
        assert!(figure(&lines[1], "processCpuMs") > busy, "{lines:#?}");
    });
}

#[test]
fn loaders_write_nothing_down_unless_they_are_told_to() {
    run(async {
        let kept = Kept::new();
        let worker = App::fetch(
            "return env.LOADER.load({ compatibilityDate: '2026-06-11', mainModule: 'a.js', modules: { 'a.js': `export default { fetch: () => new Response('quiet') }` } }) \
             .getEntrypoint().fetch(request);",
        );
        let worker = worker
            .loader("LOADER", runtime().await.loader())
            .deploy()
            .await;
        assert_eq!(text(&worker, "/").await, "quiet");
        assert!(kept.lines().is_empty() && !kept.path.exists());
    });
}
