//! A project's files of settings are read, or refused with places that are there.
//!
//! The first byte says which file the rest is. The configuration is a part of the crate `bundle`, and is compiled here by
//! itself: the rest of that crate takes minutes to build.
#![no_main]

mod in_memory;

use std::fs;

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, unused_imports, reason = "the bundler uses the rest")]
#[path = "../../crates/bundle/src/config/mod.rs"]
mod config;
#[allow(dead_code, reason = "the bundler uses the rest")]
#[path = "../../crates/bundle/src/error.rs"]
mod error;
#[allow(dead_code, reason = "the bundler uses the rest")]
#[path = "../../crates/bundle/src/text.rs"]
mod text;

use config::Options;
use config::migrate::Known;

const FILES: [&str; 5] = [
    "wrangler.jsonc",
    "wrangler.toml",
    "atoll.jsonc",
    ".dev.vars",
    ".env",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, content)) = bytes.split_first() else {
        return;
    };
    let name = FILES[usize::from(*kind) % FILES.len()];
    let folder = in_memory::folder();
    let write = |name: &str, content: &[u8]| {
        fs::write(folder.path().join(name), content).expect("there is room");
    };
    write("index.js", b"export default {};");
    if !name.starts_with("wrangler") {
        write(
            "wrangler.jsonc",
            br#"{ "name": "w", "main": "index.js", "compatibility_date": "2026-06-11", "vars": { "A": "1" } }"#,
        );
    }
    write(name, content);
    for environment in [None, Some("production".to_owned())] {
        let loaded = config::load(&Options {
            folder: folder.path().to_owned(),
            environment,
            ..Options::default()
        });
        let diagnostics = match loaded {
            Ok(loaded) => {
                let _ = loaded.project.plan_objects(&Known::default());
                loaded.warnings
            }
            Err(error) => {
                assert!(!error.diagnostics.is_empty(), "an error says what is wrong");
                error.diagnostics
            }
        };
        for diagnostic in diagnostics {
            let _ = diagnostic.to_string();
            let (Some(path), Some(line)) = (&diagnostic.path, diagnostic.line) else {
                continue;
            };
            let text = fs::read_to_string(path).expect("a place is in a file that was read");
            // An end of the text behind its last line break is a line of its own.
            let lines = text.split('\n').count();
            assert!((1..=lines).contains(&(line as usize)), "{diagnostic}");
        }
    }
    let _ = config::read_settings(folder.path());
});
