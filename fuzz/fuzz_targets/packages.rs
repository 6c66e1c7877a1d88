//! Manifests, lock files and settings that lie are read or refused, and no installation without a registry gets further
//! than its first package.
//!
//! The first byte says what the rest is.
#![no_main]

mod in_memory;

use std::fs;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const MANIFEST: &str = r#"{ "name": "project", "dependencies": { "a": "^1", "b": "npm:@c/d@2" }, "workspaces": ["w/*"] }"#;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(2)
        .build()
        .expect("there is room for a thread")
});

/// A cache with nothing in it.
static CACHE: LazyLock<TempDir> = LazyLock::new(in_memory::folder);

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, content)) = bytes.split_first() else {
        return;
    };
    let folder = in_memory::folder();
    let write = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it is inside")).expect("there is room");
        fs::write(path, content).expect("there is room");
    };
    write("package.json", MANIFEST.as_bytes());
    // With the package there, its lock is looked at as well.
    write(
        "node_modules/a/package.json",
        br#"{ "name": "a", "version": "1.0.0" }"#,
    );
    let name = match kind % 6 {
        0 => "package.json",
        1 => "package-lock.json",
        2 => "pnpm-lock.yaml",
        3 => "node_modules/a/package.json",
        4 => "w/one/package.json",
        _ => ".npmrc",
    };
    write(name, content);
    let _ = npm::Manifest::parse(content);
    let _ = npm::status(folder.path());
    let offline = [
        ("npm_config_offline".to_owned(), "true".to_owned()),
        ("npm_config_userconfig".to_owned(), "/dev/null".to_owned()),
    ];
    let Ok(settings) = npm::Settings::load_with(folder.path(), &offline) else {
        return;
    };
    let cache = npm::Cache::open(CACHE.path()).expect("it is a folder");
    let client = npm::Client::new(settings, cache);
    for frozen in [true, false] {
        let options = npm::Options {
            frozen,
            ..npm::Options::default()
        };
        // An empty list of dependencies can be installed; for all else there is no registry.
        if let Ok(report) = RUNTIME.block_on(client.install(folder.path(), &options)) {
            assert_eq!(report.downloaded, 0);
        }
    }
});
