//! What a configuration means, and how its mistakes are shown.

use bundle::config::{
    HtmlHandling, NotFoundHandling, RunWorkerFirst, Service, Settings, Sockets, VariableValue,
};
use protocol::ModuleKind;

use crate::support::Folder;

const FULL: &str = r#"{
  // Comments and trailing commas are fine.
  "name": "shop", "main": "src/index.ts", "compatibility_date": "2026-01-02",
  "compatibility_flags": ["nodejs_compat"],
  "vars": { "A": "text", "B": { "deep": [1, 2.5, true, null] } },
  "services": [{ "binding": "AUTH", "service": "auth", "entrypoint": "Admin" }],
  "assets": { "directory": "./public", "binding": "ASSETS", "html_handling": "none",
    "not_found_handling": "single-page-application", "run_worker_first": ["/api/*", "!/api/docs"] },
  "triggers": { "crons": ["* * * * *"] },
  "rules": [{ "type": "Text", "globs": ["**/*.md"], "fallthrough": true }],
  "define": { "X": "1" }, "alias": { "a": "./b" }, "minify": true, "keep_names": false,
  "limits": { "cpu_ms": 100 }, "dev": { "port": 9000, "ip": "0.0.0.0" },
  "env": { "staging": { "vars": { "A": "staged" } }, "named": { "name": "other" } },
}"#;

#[test]
fn every_key_reaches_the_project() {
    let folder = Folder::new(&[
        ("wrangler.jsonc", FULL),
        ("src/index.ts", ""),
        ("public/index.html", ""),
        (".dev.vars", "A=secret\nTOKEN='t'\n"),
        (
            "atoll.jsonc",
            r#"{ "limits": { "memoryMb": 64 }, "isolation": "object", "processes": 2, "retentionDays": 7,
              "objectQuotaMb": 100, "sockets": "drop" }"#,
        ),
    ]);
    let loaded = folder.load().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.warnings, []);
    let project = loaded.project;
    assert_eq!(project.name, "shop");
    assert_eq!(
        project.main.as_deref(),
        Some(folder.path().join("src/index.ts").as_path())
    );
    let vars: Vec<_> = project
        .vars
        .iter()
        .map(|v| (v.name.as_str(), v.value.clone()))
        .collect();
    assert_eq!(
        vars,
        [
            ("A", VariableValue::Secret("secret".into())),
            (
                "B",
                VariableValue::Json(r#"{"deep":[1,2.5,true,null]}"#.into())
            ),
            ("TOKEN", VariableValue::Secret("t".into())),
        ]
    );
    let service = Service {
        binding: "AUTH".into(),
        service: "auth".into(),
        entrypoint: Some("Admin".into()),
        props: None,
    };
    assert_eq!(project.services, [service]);
    let assets = project.assets.expect("assets");
    assert_eq!(assets.directory, folder.path().join("public"));
    assert_eq!(assets.html_handling, HtmlHandling::None);
    assert_eq!(
        assets.not_found_handling,
        NotFoundHandling::SinglePageApplication
    );
    let patterns = vec!["/api/*".to_owned(), "!/api/docs".to_owned()];
    assert_eq!(assets.run_worker_first, RunWorkerFirst::Patterns(patterns));
    assert_eq!(project.crons, ["* * * * *"]);
    assert_eq!(project.rules.len(), 4);
    assert_eq!(project.rules[0].kind, ModuleKind::Text);
    assert!(project.minify && !project.keep_names);
    assert_eq!(
        (project.cpu_limit_ms, project.dev.port),
        (Some(100), Some(9000))
    );
    assert_ne!(project.settings, Settings::default());
    assert_eq!(project.settings.limits.memory_mb, Some(64));
    assert_eq!(project.settings.retention_days, Some(7));
    assert_eq!(project.settings.object_quota_mb, Some(100));
    assert_eq!(project.settings.sockets, Some(Sockets::Drop));
}

#[test]
fn environments_inherit_as_in_wrangler() {
    let folder = Folder::new(&[
        ("wrangler.jsonc", FULL),
        ("src/index.ts", ""),
        ("public/index.html", ""),
        (".dev.vars", "ONLY=top"),
        (".dev.vars.staging", "ONLY=staging"),
    ]);
    let load = |name: &str| {
        let options = bundle::config::Options {
            environment: Some(name.into()),
            vars: vec![("CLI".into(), "v".into())],
            ..folder.options()
        };
        bundle::config::load(&options).unwrap_or_else(|error| panic!("{error}"))
    };
    let staging = load("staging");
    assert_eq!(staging.project.name, "shop-staging");
    let names: Vec<_> = staging
        .project
        .vars
        .iter()
        .map(|v| v.name.as_str())
        .collect();
    assert_eq!(names, ["A", "ONLY", "CLI"]);
    assert_eq!(
        staging.project.vars[1].value,
        VariableValue::Secret("staging".into())
    );
    assert_eq!(staging.project.crons, ["* * * * *"]);
    assert!(staging.project.services.is_empty() && staging.project.define.is_empty());
    let mut warned: Vec<_> = staging
        .warnings
        .iter()
        .map(|w| w.message.as_str())
        .collect();
    warned.sort_unstable();
    assert!(
        warned.contains(&"`define` is not inherited by environments"),
        "{warned:?}"
    );
    assert_eq!(load("named").project.name, "other");

    let options = bundle::config::Options {
        environment: Some("stagin".into()),
        ..folder.options()
    };
    let error = bundle::config::load(&options).expect_err("there is no such environment");
    assert_eq!(
        error.diagnostics[0].hint.as_deref(),
        Some("did you mean `--env staging`?")
    );
}

#[test]
fn toml_says_the_same() {
    let config = "name = \"t\"\nmain = \"src/index.ts\"\ncompatibility_date = 2026-01-02\n\
        [vars]\nA = \"x\"\nN = 1_000\n[[services]]\nbinding = \"S\"\nservice = \"s\"\n\
        [env.prod.vars]\nA = \"y\"\n";
    let folder = Folder::new(&[("wrangler.toml", config), ("src/index.ts", "")]);
    let project = folder
        .load()
        .unwrap_or_else(|error| panic!("{error}"))
        .project;
    assert_eq!(project.compatibility_date, "2026-01-02");
    assert_eq!(project.vars[1].value, VariableValue::Json("1000".into()));
    assert_eq!(project.services[0].service, "s");

    let folder = Folder::new(&[("wrangler.toml", "name = \"t\"\nmain = = 1\n")]);
    let error = folder.load().expect_err("broken").diagnostics.remove(0);
    assert!(error.message.starts_with("broken TOML"), "{error}");
    assert_eq!(error.line, Some(2));
}

#[test]
fn assets_without_a_folder_are_what_vite_has_built() {
    let config = |assets: &str| {
        format!(
            r#"{{ "name": "w", "main": "index.js", "compatibility_date": "2026-01-02", "assets": {assets} }}"#
        )
    };
    for assets in ["{}", r#"{ "binding": "ASSETS" }"#] {
        let config = config(assets);
        let folder = Folder::new(&[("wrangler.jsonc", &config), ("index.js", "")]);
        let loaded = folder.load().unwrap_or_else(|error| panic!("{error}"));
        assert!(loaded.project.assets.is_none());
        let [warning] = &loaded.warnings[..] else {
            panic!("{:?}", loaded.warnings);
        };
        assert!(
            warning.message.contains("names no `directory`"),
            "{warning}"
        );

        let folder = Folder::new(&[
            ("wrangler.jsonc", &config),
            ("index.js", ""),
            ("dist/client/index.html", "a page"),
        ]);
        let loaded = folder.load().unwrap_or_else(|error| panic!("{error}"));
        let assets = loaded.project.assets.expect("assets");
        assert_eq!(assets.directory, folder.path().join("dist/client"));
    }
}

#[test]
fn a_mark_of_the_encoding_is_no_part_of_the_text() {
    let config = "\u{feff}{ \"name\": \"w\", \"main\": \"index.js\", \"compatibility_date\": \"2026-01-02\" }";
    let folder = Folder::new(&[("wrangler.jsonc", config), ("index.js", "")]);
    let loaded = folder.load().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.project.name, "w");
}

#[test]
fn mistakes_are_shown_in_place() {
    for (config, message, at, hint) in [
        (
            "{\n  \"name\": \"x\",\n  main: 1\n}",
            "broken JSON",
            (3, 3),
            "double quotes",
        ),
        (
            "{\"main\": 5}",
            "`main` must be a string, not a number",
            (1, 10),
            "",
        ),
        (
            "{\"main\": \"src/indx.ts\"}",
            "does not exist: src/indx.ts",
            (1, 10),
            "src/index.ts",
        ),
        (
            "{\"main\": \"source/app.ts\"}",
            "does not exist",
            (1, 10),
            "src/index.ts",
        ),
        (
            "{\"name\": \"x\"}",
            "the configuration has no `main`",
            (1, 1),
            "src/index.ts",
        ),
        (
            "{\"main\":\"src/index.ts\",\n\"compatibility_date\":\"today\"}",
            "is not a date",
            (2, 22),
            "2026",
        ),
        (
            "{\"main\":\"src/index.ts\",\n\"compatibility_date\":\"2026-02-30\"}",
            "is not a date",
            (2, 22),
            "2026",
        ),
        (
            "{\"main\":\"src/index.ts\",\n\"compatibility_date\":\"9999-01-01\"}",
            "is in the future",
            (2, 22),
            "2026-06-11",
        ),
        (
            "{\"main\":\"src/index.ts\",\n\"compatibility_flags\":[\"nodejs_compat\",\"nodejs_compatt\"]}",
            "no such compatibility flag: \"nodejs_compatt\"",
            (2, 40),
            "did you mean `nodejs_compat`?",
        ),
        (
            "{\"main\":\"src/index.ts\",\n\"compatibility_flags\":[\"nodejs_compat\",\"no_nodejs_compat\"]}",
            "mutually contradictory: nodejs_compat vs no_nodejs_compat",
            (2, 40),
            "take one of the two out",
        ),
        (
            "{\"main\":\"src/index.ts\",\n\"compatibility_flags\":[\"nodejs_compat\",\"nodejs_compat\"]}",
            "specified multiple times: nodejs_compat",
            (2, 40),
            "take it out here",
        ),
        (
            "{\"main\":\"src/index.ts\",\"assets\":{\"directory\":\"pub\"}}",
            "does not exist",
            (1, 46),
            "",
        ),
        (
            "{\"main\":\"src/index.ts\",\"services\":[{\"binding\":\"A\"}]}",
            "has no `service`",
            (1, 36),
            "",
        ),
        (
            "{\"main\":\"src/index.ts\",\"rules\":[{\"type\":\"Txt\",\"globs\":[\"a\"]}]}",
            "cannot be \"Txt\"",
            (1, 41),
            "Text",
        ),
        ("[]", "must be an object", (1, 1), ""),
        (
            "{\n\"main\":\"src/index.ts\" // ,\n/* , */ \"vars\": {}}",
            "a comma is missing",
            (3, 9),
            "",
        ),
        (
            "{\"main\":\"src/index.ts\",\"dev\":{\"port\":70000}}",
            "whole number",
            (1, 38),
            "",
        ),
    ] {
        let error = Folder::config_errors(config).remove(0);
        assert!(error.message.contains(message), "{error}");
        assert_eq!(
            (error.line, error.column),
            (Some(at.0), Some(at.1)),
            "{error}"
        );
        assert!(
            error.hint.clone().unwrap_or_default().contains(hint),
            "{error}"
        );
        assert!(error.excerpt.is_some(), "{error}");
    }
}

#[test]
fn what_has_no_effect_is_warned_of() {
    let folder = Folder::new(&[
        (
            "wrangler.jsonc",
            "{ \"main\": \"src/index.ts\", \"compatibility_date\": \"2026-06-11\",\n\
             \"compatibility_flags\": [\"no_global_navigator\", \"nodejs_compat\"] }",
        ),
        ("src/index.ts", ""),
        (".dev.vars", "# secrets\nA=1\n\nsecret without a name\n"),
    ]);
    let loaded = folder.load().unwrap_or_else(|error| panic!("{error}"));
    let shown: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    let path = folder.path().join(".dev.vars");
    assert!(
        shown[0].contains("`no_global_navigator` has no effect"),
        "{shown:?}"
    );
    assert_eq!(
        shown[1],
        format!(
            "warning: a line that sets nothing\n  --> {}:4:1\n  \
             hint: write NAME=value, or start it with # when it is a comment",
            path.display()
        )
    );
    assert_eq!(shown.len(), 2);
}

#[test]
fn unknown_and_unsupported_keys_are_warned_of() {
    let config = r#"{ "main": "src/index.ts", "compatability_date": "2026-01-02",
      "d1_databases": [{ "binding": "DB", "database_name": "d" }],
      "vectorize": [{ "binding": "INDEX", "index_name": "i" }],
      "observability": { "enabled": true }, "migrations": [] }"#;
    let folder = Folder::new(&[("wrangler.jsonc", config), ("src/index.ts", "")]);
    let loaded = folder.load().unwrap_or_else(|error| panic!("{error}"));
    let shown: Vec<String> = loaded
        .warnings
        .iter()
        .map(|w| format!("{}; {}", w.message, w.hint.clone().unwrap_or_default()))
        .collect();
    assert_eq!(
        shown,
        [
            "unknown key `compatability_date`; did you mean `compatibility_date`?",
            "no `compatibility_date`: 2026-06-11 is taken; add \"compatibility_date\": \"2026-06-11\"",
            "binding kind `d1_databases` is not supported yet; `env.DB` will be undefined",
            "binding kind `vectorize` is not supported yet; `env.INDEX` will be undefined",
        ]
    );
    assert_eq!(loaded.project.unsupported.len(), 2);
}

/// All that Cloudflare's plugin for Vite writes for a worker whose own configuration says next to nothing.
const BUILT_BY_VITE: &str = r#"{
  "configPath": "/app/wrangler.jsonc", "userConfigPath": "/app/wrangler.jsonc", "topLevelName": "app",
  "definedEnvironments": ["staging"], "targetEnvironment": "staging", "legacy_env": true,
  "send_metrics": false, "dependencies_instrumentation": { "enabled": false }, "keep_vars": false, "addresses": [],
  "dev": { "ip": "localhost", "local_protocol": "http", "upstream_protocol": "http", "enable_containers": true,
    "inspector_ip": "127.0.0.1", "generate_types": false },
  "name": "app", "main": "index.js", "compatibility_date": "2026-06-11", "compatibility_flags": ["nodejs_compat"],
  "vars": {}, "durable_objects": { "bindings": [] }, "kv_namespaces": [], "queues": { "producers": [], "consumers": [] },
  "connect": [], "r2_buckets": [], "d1_databases": [], "vectorize": [], "ai_search_namespaces": [], "ai_search": [],
  "agent_memory": [], "hyperdrive": [], "workflows": [], "secrets_store_secrets": [], "artifacts": [], "services": [],
  "analytics_engine_datasets": [], "unsafe_hello_world": [], "flagship": [], "ratelimits": [], "worker_loaders": [],
  "account_id": "a", "workers_dev": true, "preview_urls": true, "routes": [],
  "jsx_factory": "React.createElement", "jsx_fragment": "React.Fragment", "migrations": [], "exports": {},
  "triggers": {}, "rules": [{ "type": "ESModule", "globs": ["**/*.js", "**/*.mjs"] }], "build": { "watch_dir": "./src" },
  "no_bundle": true, "dispatch_namespaces": [], "logfwdr": { "bindings": [] }, "logpush": false,
  "upload_source_maps": true, "assets": { "directory": "client", "binding": "ASSETS" }, "observability": { "enabled": true },
  "cache": { "enabled": true }, "python_modules": { "exclude": ["**/*.pyc"] }, "define": {}, "cloudchamber": {},
  "send_email": [], "mtls_certificates": [], "pipelines": [], "vpc_services": [], "vpc_networks": []
}"#;

#[test]
fn what_the_vite_plugin_writes_is_taken_without_a_word() {
    let folder = Folder::new(&[
        ("wrangler.jsonc", BUILT_BY_VITE),
        ("index.js", "export default {};"),
        ("client/index.html", ""),
    ]);
    let loaded = folder.load().unwrap_or_else(|error| panic!("{error}"));
    let shown: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(shown, Vec::<String>::new());
}

#[test]
fn what_would_be_missed_is_warned_of() {
    let config = r#"{ "main": "index.js", "compatibility_date": "2026-06-11", "access": { "aud": "a" },
      "exports": { "Room": { "type": "durable-object", "storage": "sqlite" } }, "connect": [{ "protocol": "tcp", "port": 9 }],
      "websearch": { "binding": "WEB" }, "agent_memory": [{ "binding": "MEMORY", "namespace": "n" }] }"#;
    let folder = Folder::new(&[("wrangler.jsonc", config), ("index.js", "")]);
    let loaded = folder.load().unwrap_or_else(|error| panic!("{error}"));
    let shown: Vec<&str> = loaded.warnings.iter().map(|w| w.message.as_str()).collect();
    assert_eq!(
        shown,
        [
            "`access` has no effect",
            "`exports` has no effect",
            "`connect` has no effect",
            "binding kind `agent_memory` is not supported yet",
            "binding kind `websearch` is not supported yet",
        ]
    );
}

#[test]
fn bindings_to_what_is_stored_are_read_with_their_mistakes() {
    let read = |entries: &str| {
        let config = format!(
            r#"{{ "main": "index.js", "compatibility_date": "2026-01-02", "vars": {{ "VAR": "" }}, {entries} }}"#
        );
        Folder::new(&[("wrangler.jsonc", &config), ("index.js", "")]).load()
    };
    let loaded = read(
        r#""kv_namespaces": [{ "binding": "A", "id": "1", "remote": true }, { "binding": "B" }]"#,
    )
    .unwrap_or_else(|error| panic!("{error}"));
    let warnings: Vec<&str> = loaded.warnings.iter().map(|w| w.message.as_str()).collect();
    assert_eq!(warnings, ["`kv_namespaces.remote` has no effect"]);
    let loaded = read(
        r#""r2_buckets": [{ "binding": "FILES", "bucket_name": "files" }, { "binding": "OTHER" }],
           "workflows": [{ "binding": "FLOW", "name": "flow", "class_name": "Flow", "limits": { "steps": 9 } },
                         { "binding": "FAR", "name": "far", "class_name": "Far", "script_name": "other" }],
           "send_email": [{ "name": "MAIL", "allowed_sender_addresses": ["a@b.test"] }],
           "kv_namespaces": [{ "binding": "A", "id": "1" }, { "binding": "B" }]"#,
    )
    .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.warnings.len(), 0);
    let project = &loaded.project;
    assert_eq!(
        (
            project.buckets[0].bucket.as_str(),
            project.buckets[1].bucket.as_str()
        ),
        ("files", "OTHER")
    );
    let [flow, far] = &project.workflows[..] else {
        panic!("two Workflows")
    };
    assert_eq!(
        (flow.steps, flow.script.as_deref(), far.steps),
        (9, None, 10_000)
    );
    assert_eq!(far.script.as_deref(), Some("other"));
    assert_eq!(
        project.emails[0].senders.as_deref(),
        Some(&["a@b.test".to_owned()][..])
    );
    let namespaces: Vec<&str> = loaded
        .project
        .key_values
        .iter()
        .map(|binding| binding.namespace.as_str())
        .collect();
    assert_eq!(namespaces, ["1", "B"]);
    let mistakes = |entries: &str| {
        let error = read(entries).expect_err("wrong");
        let messages = error.diagnostics.into_iter().map(|d| d.message);
        messages.collect::<Vec<_>>()
    };
    assert_eq!(
        mistakes(r#""kv_namespaces": [{ "id": "1" }, { "binding": 1 }]"#),
        [
            "an entry of `kv_namespaces` has no `binding`",
            "`kv_namespaces.binding` must be a string, not a number",
        ]
    );
    assert_eq!(
        mistakes(
            r#""r2_buckets": [{ "binding": "F", "bucket_name": "Not A Name" }],
               "workflows": [{ "binding": "W", "name": "a b", "class_name": "C" }, { "binding": "V" },
                 { "binding": "X", "name": "x", "class_name": "C" }, { "binding": "Y", "name": "x", "class_name": "D" }],
               "send_email": [{ "name": "M", "destination_address": "a@b.test", "allowed_destination_addresses": [] }]"#
        ),
        [
            "`r2_buckets.bucket_name` cannot be \"Not A Name\"",
            "`workflows.name` cannot be \"a b\"",
            "an entry of `workflows` has no `name`",
            "an entry of `workflows` has no `class_name`",
            "the Workflow x cannot be both C and D",
            "`send_email` has both `destination_address` and `allowed_destination_addresses`",
        ]
    );
    assert_eq!(
        mistakes(
            r#""kv_namespaces": [{ "binding": "VAR" }, { "binding": "C" }, { "binding": "C" }]"#
        ),
        ["`env.VAR` is bound twice", "`env.C` is bound twice"]
    );
}

#[test]
fn atolls_own_settings_know_no_unknown_keys() {
    let folder = Folder::worker(
        "index.js",
        &[
            ("index.js", ""),
            ("atoll.jsonc", "{\"limits\":{\"memoryMB\":1}}"),
        ],
    );
    let error = folder.load().expect_err("wrong").diagnostics.remove(0);
    assert_eq!(error.message, "unknown key `limits.memoryMB`");
    assert_eq!(
        error.hint.as_deref(),
        Some("did you mean `limits.memoryMb`?")
    );
}

#[test]
fn a_missing_configuration_says_what_to_do() {
    let folder = Folder::new(&[("wranglr.jsonc", "{}")]);
    let options = bundle::config::Options {
        config: Some("wrangler.jsonc".into()),
        ..folder.options()
    };
    let error = bundle::config::load(&options)
        .expect_err("missing")
        .diagnostics
        .remove(0);
    assert_eq!(error.hint.as_deref(), Some("did you mean `wranglr.jsonc`?"));
}
