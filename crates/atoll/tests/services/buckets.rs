//! R2 buckets.

use super::{SUPPORT, blobs, passes, settles};
use crate::support::{Project, Server};

#[test]
fn buckets_are_what_workers_have() {
    let project = Project::new(&[
        (
            "wrangler.json",
            r#"{ "name": "r2", "main": "r2.js", "compatibility_date": "2026-06-11", "compatibility_flags": ["nodejs_compat"],
                "worker_loaders": [{ "binding": "LOADER" }],
                "r2_buckets": [{ "binding": "R2", "bucket_name": "main" }, { "binding": "LIST", "bucket_name": "list" }] }"#,
        ),
        ("r2.js", include_str!("r2.js")),
        SUPPORT,
    ]);
    passes(&project);
}

/// `/put/KEY/SIZE`, `/get/KEY`, `/delete/KEY`, and `/begin/KEY`, `/part/KEY/NUMBER`, `/end/KEY` of an upload in two parts.
const WORKER: &str = r#"
const PART = 5 * 1024 * 1024;
export default {
  async fetch(request, { R2 }) {
    const [, what, key, number] = new URL(request.url).pathname.split("/");
    const upload = async () => R2.resumeMultipartUpload(key, await (await R2.get("upload-of-" + key)).text());
    if (what === "put") await R2.put(key, new Uint8Array(Number(number)));
    if (what === "delete") await R2.delete(key);
    if (what === "begin") await R2.put("upload-of-" + key, (await R2.createMultipartUpload(key)).uploadId);
    if (what === "part") await (await upload()).uploadPart(Number(number), new Uint8Array(PART));
    if (what === "end") {
      const etag = "5f363e0e58a95f06cbe9bbc662c5dfb6";
      await (await upload()).complete([{ partNumber: 1, etag }, { partNumber: 2, etag }]);
    }
    const found = await R2.get(key);
    return new Response(found === null ? "nothing" : `${(await found.arrayBuffer()).byteLength} ${found.size}`);
  },
};
"#;

#[test]
fn objects_and_uploads_outlive_a_killed_server() {
    let project = Project::new(&[
        (
            "wrangler.json",
            r#"{ "name": "files", "main": "index.js", "compatibility_date": "2026-06-11",
                "r2_buckets": [{ "binding": "R2", "bucket_name": "kept" }] }"#,
        ),
        ("index.js", WORKER),
    ]);
    let serve = || project.start(&["serve"], "isolates are held by");
    let get = |server: &Server, path: &str| server.get(path).1;
    let server = serve();
    assert_eq!(get(&server, "/put/small/10"), "10 10");
    assert_eq!(get(&server, "/put/large/300000"), "300000 300000");
    assert_eq!(get(&server, "/begin/parts"), "nothing");
    assert_eq!(get(&server, "/part/parts/1"), "nothing");
    drop(server);
    let server = serve();
    assert_eq!(get(&server, "/get/small"), "10 10");
    assert_eq!(get(&server, "/get/large"), "300000 300000");
    assert_eq!(get(&server, "/part/parts/2"), "nothing");
    drop(server);
    let server = serve();
    assert_eq!(get(&server, "/end/parts"), "10485760 10485760");
    assert_eq!(get(&server, "/delete/large"), "nothing");
    drop(server);
    let server = serve();
    assert_eq!(get(&server, "/get/parts"), "10485760 10485760");
    assert_eq!(get(&server, "/get/large"), "nothing");
    assert_eq!(server.stop().0, Some(0));
    // The file of the upload, and none of what it was made of.
    settles(|| blobs(&project), &1);
}
