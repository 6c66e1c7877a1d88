//! The worker that answers bindings: its modules and what it may do.

use host::{Capability, Deployment, Limits};
use protocol::{Binding, BindingValue, Module, ModuleKind, Program};
use std::sync::Arc;

use crate::WORKER;
use crate::blobs::Blobs;

/// Many values at a time may pass through one isolate.
const MEMORY_BYTES: u64 = 256 * 1024 * 1024;
const COMPATIBILITY_DATE: &str = "2026-06-11";

/// Its classes of Durable Objects, as `main.js` exports them.
const CLASSES: &[&str] = &["Bucket", "KeyValues"];

const MODULES: &[(&str, &str)] = &[
    ("main.js", include_str!("js/main.js")),
    ("answers.js", include_str!("js/answers.js")),
    ("blobs.js", include_str!("js/blobs.js")),
    ("bucket.js", include_str!("js/bucket.js")),
    (
        "bucket_conditions.js",
        include_str!("js/bucket_conditions.js"),
    ),
    ("bucket_metadata.js", include_str!("js/bucket_metadata.js")),
    ("bucket_uploads.js", include_str!("js/bucket_uploads.js")),
    ("key_values.js", include_str!("js/key_values.js")),
];

pub(crate) fn deployment(blobs: Blobs) -> Deployment {
    let modules = MODULES.iter().map(|(name, source)| Module {
        name: (*name).to_owned(),
        kind: ModuleKind::EsModule,
        content: source.as_bytes().to_vec(),
    });
    Deployment {
        program: Program {
            name: WORKER.to_owned(),
            main: "main.js".to_owned(),
            modules: modules.collect(),
            compatibility_date: COMPATIBILITY_DATE.to_owned(),
            env: vec![Binding {
                name: "BLOBS".to_owned(),
                value: BindingValue::Fetcher(0),
            }],
            is_raw: true,
            ..Program::default()
        },
        capabilities: vec![Capability::Fetch(Arc::new(blobs))],
        global_fetch: None,
        cache: None,
        bundler: None,
        limits: Limits {
            memory_bytes: MEMORY_BYTES,
            ..Limits::default()
        },
        classes: CLASSES.iter().map(|class| (*class).to_owned()).collect(),
        object_isolates: false,
        drops_sockets: false,
        tails: Vec::new(),
    }
}
