//! What belongs to another worker.

use super::{SUPPORT, passes_with};
use crate::support::Project;

#[test]
fn what_others_keep_is_out_of_reach() {
    let project = Project::new(&[
        (
            "wrangler.json",
            r#"{ "name": "thief", "main": "reach.js", "compatibility_date": "2026-06-11", "compatibility_flags": ["nodejs_compat"],
                "kv_namespaces": [{ "binding": "KV", "id": "own" }],
                "r2_buckets": [{ "binding": "R2", "bucket_name": "own" }],
                "worker_loaders": [{ "binding": "LOADER" }],
                "services": [{ "binding": "KEEPER", "service": "keeper" }],
                "durable_objects": { "bindings": [{ "name": "SAME_NAME", "class_name": "KeyValues" },
                                                  { "name": "SAME_BUCKET", "class_name": "Bucket" }] },
                "migrations": [{ "tag": "v1", "new_sqlite_classes": ["KeyValues", "Bucket"] }] }"#,
        ),
        ("reach.js", include_str!("reach.js")),
        SUPPORT,
        (
            "keeper/wrangler.json",
            r#"{ "name": "keeper", "main": "keeper.js", "compatibility_date": "2026-06-11",
                "kv_namespaces": [{ "binding": "KV", "id": "kept" }],
                "r2_buckets": [{ "binding": "R2", "bucket_name": "kept" }] }"#,
        ),
        (
            "keeper/keeper.js",
            r#"export default { async fetch(request, { KV, R2 }) {
                if (request.method === "PUT") {
                    await KV.put("treasure", "gold");
                    await R2.put("treasure", "silver");
                }
                return new Response(`${await KV.get("treasure")} ${await (await R2.get("treasure")).text()}`);
            } };"#,
        ),
    ]);
    passes_with(
        &project,
        &["-c", "wrangler.json", "-c", "keeper/wrangler.json"],
    );
}
