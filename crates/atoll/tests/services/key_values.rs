//! KV namespaces.

use super::{SUPPORT, blobs, passes, settles};
use crate::support::Project;

#[test]
fn key_values_are_what_workers_have() {
    let project = Project::new(&[
        (
            "wrangler.json",
            r#"{ "name": "kv", "main": "kv.js", "compatibility_date": "2026-06-11", "compatibility_flags": ["nodejs_compat"],
                "worker_loaders": [{ "binding": "LOADER" }],
                "kv_namespaces": [{ "binding": "KV", "id": "main" }, { "binding": "LIST" }, { "binding": "SAME", "id": "main" }] }"#,
        ),
        ("kv.js", include_str!("kv.js")),
        SUPPORT,
    ]);
    passes(&project);
}

const CONFIGURATION: &str = r#"{ "name": "keeper", "main": "index.js", "compatibility_date": "2026-06-11",
    "kv_namespaces": [{ "binding": "KV", "id": "kept" }] }"#;

/// `/put/KEY/SIZE`, `/get/KEY` (how many bytes), `/brief/KEY` (for a minute), `/delete/KEY`.
const WORKER: &str = r#"
export default {
  async fetch(request, { KV }) {
    const [, what, key, size] = new URL(request.url).pathname.split("/");
    if (what === "put") await KV.put(key, new Uint8Array(Number(size)), { metadata: { size } });
    if (what === "brief") await KV.put(key, "x".repeat(100_000), { expirationTtl: 60 });
    if (what === "delete") await KV.delete(key);
    const { value, metadata } = await KV.getWithMetadata(key, "arrayBuffer");
    return new Response(value === null ? "nothing" : `${value.byteLength} ${metadata?.size}`);
  },
};
"#;

#[test]
fn values_outlive_a_killed_server_and_their_files_go_with_them() {
    let project = Project::new(&[("wrangler.json", CONFIGURATION), ("index.js", WORKER)]);
    let server = project.start(&["serve"], "isolates are held by");
    let get = |server: &crate::support::Server, path: &str| server.get(path).1;
    assert_eq!(get(&server, "/put/small/10"), "10 10");
    assert_eq!(get(&server, "/put/large/300000"), "300000 300000");
    assert_eq!(get(&server, "/put/other/300000"), "300000 300000");
    settles(|| blobs(&project), &2);
    // A replaced value takes its file along.
    assert_eq!(get(&server, "/put/other/200000"), "200000 200000");
    // Killed at once.
    drop(server);
    let server = project.start(&["serve"], "isolates are held by");
    assert_eq!(get(&server, "/get/small"), "10 10");
    assert_eq!(get(&server, "/get/large"), "300000 300000");
    assert_eq!(get(&server, "/get/other"), "200000 200000");
    assert_eq!(get(&server, "/delete/large"), "nothing");
    assert_eq!(get(&server, "/put/other/5"), "5 5");
    // The next instance removes what this one may not have come to.
    assert_eq!(server.stop().0, Some(0));
    let server = project.start(&["serve"], "isolates are held by");
    assert_eq!(get(&server, "/get/other"), "5 5");
    assert_eq!(get(&server, "/put/last/6"), "6 6");
    assert_eq!(server.stop().0, Some(0));
    settles(|| blobs(&project), &0);
}

#[test]
fn a_value_goes_when_its_time_is_over() {
    let project = Project::new(&[("wrangler.json", CONFIGURATION), ("index.js", WORKER)]);
    let server = project.start(&["dev"], "ready in");
    assert_eq!(server.get("/brief/a").1, "100000 undefined");
    assert_eq!(server.post("/cdn-cgi/handler/clock?by=50000", "").0, 200);
    assert_eq!(server.get("/get/a").1, "100000 undefined");
    assert_eq!(server.post("/cdn-cgi/handler/clock?by=11000", "").0, 200);
    assert_eq!(server.get("/get/a").1, "nothing");
}
