//! The keys of a wrangler configuration, by how environments treat them and what Atoll does with them.

/// Keys that an environment takes from the top level unless it sets them itself.
pub(super) const INHERITED: &[&str] = &[
    "name",
    "main",
    "base_dir",
    "compatibility_date",
    "compatibility_flags",
    "find_additional_modules",
    "preserve_file_names",
    "no_bundle",
    "minify",
    "keep_names",
    "rules",
    "tsconfig",
    "jsx_factory",
    "jsx_fragment",
    "triggers",
    "assets",
    "limits",
    "build",
    "migrations",
    "account_id",
    "workers_dev",
    "preview_urls",
    "route",
    "routes",
    "placement",
    "logpush",
    "upload_source_maps",
    "observability",
    "compliance_region",
    "first_party_worker",
    "cloudchamber",
    "containers",
    "python_modules",
    "tail_consumers",
    "streaming_tail_consumers",
    "previews",
];

/// Keys that every environment has to set for itself.
pub(super) const PER_ENVIRONMENT: &[&str] = &[
    "define",
    "vars",
    "services",
    "ai",
    "browser",
    "worker_loaders",
    "kv_namespaces",
    "r2_buckets",
    "workflows",
    "send_email",
    "durable_objects",
    "secrets",
    "unsafe",
];

/// Keys that only the top level has.
pub(super) const TOP_LEVEL: &[&str] = &[
    "$schema",
    "alias",
    "dev",
    "env",
    "site",
    "legacy_env",
    "keep_vars",
    "send_metrics",
    "pages_build_output_dir",
    "data_blobs",
    "text_blobs",
    "wasm_modules",
];

/// Kinds of bindings that Atoll does not have yet: the key, the list inside it where it is nested,
/// and the field that names the property of `env`.
pub(super) const UNSUPPORTED_BINDINGS: &[(&str, Option<&str>, &str)] = &[
    ("d1_databases", None, "binding"),
    ("queues", Some("producers"), "binding"),
    ("vectorize", None, "binding"),
    ("hyperdrive", None, "binding"),
    ("ai_search", None, "binding"),
    ("ai_search_namespaces", None, "binding"),
    ("images", None, "binding"),
    ("media", None, "binding"),
    ("stream", None, "binding"),
    ("flagship", None, "binding"),
    ("artifacts", None, "binding"),
    ("logfwdr", Some("bindings"), "name"),
    ("analytics_engine_datasets", None, "binding"),
    ("dispatch_namespaces", None, "binding"),
    ("mtls_certificates", None, "binding"),
    ("pipelines", None, "binding"),
    ("ratelimits", None, "name"),
    ("secrets_store_secrets", None, "binding"),
    ("unsafe_hello_world", None, "binding"),
    ("version_metadata", None, "binding"),
    ("vpc_services", None, "binding"),
    ("vpc_networks", None, "binding"),
];

/// Keys whose absence would surprise: they do something in wrangler and nothing here.
pub(super) const WITHOUT_EFFECT: &[(&str, &str)] = &[
    (
        "site",
        "Workers Sites is not supported; serve the folder with `assets`",
    ),
    (
        "data_blobs",
        "import the file with a rule of type Data instead",
    ),
    (
        "text_blobs",
        "import the file with a rule of type Text instead",
    ),
    ("wasm_modules", "import the .wasm file instead"),
    (
        "pages_build_output_dir",
        "Pages projects are not supported; serve the folder with `assets`",
    ),
    ("containers", "containers are not supported yet"),
    (
        "streaming_tail_consumers",
        "streaming tail workers are not supported; use `tail_consumers`",
    ),
];
