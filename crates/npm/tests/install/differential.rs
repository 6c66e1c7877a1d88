//! The same projects, installed by npm where there is one: the same lock file and the same packages in the same places.

use std::process::Command;

use serde_json::{Value, json};

use crate::project::Project;
use crate::registry::Registry;

fn has_npm() -> bool {
    Command::new("npm")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

fn npm(project: &Project, arguments: &[&str]) {
    let (done, told) = try_npm(project, arguments);
    assert!(done, "npm {arguments:?}: {told}");
}

/// Whether npm did it, and what it said.
fn try_npm(project: &Project, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("npm")
        .args(arguments)
        .args([
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--userconfig",
            "/dev/null",
            "--cache",
        ])
        .arg(project.cache().with_file_name("npm-cache"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(project.environment.iter().cloned())
        .current_dir(project.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), told)
}

/// Installs a project with both; the lock files have to be the same to the byte.
fn compare(registry: &Registry, manifest: &Value, files: &[(&str, &str)]) {
    let (ours, theirs) = (
        Project::new(registry, manifest.clone()),
        Project::new(registry, manifest.clone()),
    );
    for (path, text) in files {
        ours.write(path, text);
        theirs.write(path, text);
    }
    ours.install();
    npm(&theirs, &["install"]);
    assert_eq!(
        ours.read("package-lock.json"),
        theirs.read("package-lock.json")
    );
    assert_eq!(ours.packages(), theirs.packages());
    // npm takes what we wrote, and we take what it wrote, and nobody changes anything.
    let text = ours.read("package-lock.json");
    let packages = ours.packages();
    npm(&ours, &["ci"]);
    assert_eq!(ours.packages(), packages);
    npm(&ours, &["install"]);
    assert_eq!(ours.read("package-lock.json"), text);
    assert_eq!(theirs.install().lock, None);
    let report = ours.install();
    assert_eq!((report.written, report.removed), (0, 0));
}

#[test]
fn npm_makes_the_same_of_the_same_project() {
    if !has_npm() {
        eprintln!("skipped: there is no npm");
        return;
    }
    let registry = Registry::start();
    let one = |name: &str, version: &str, fields: Value| registry.publish(name, version, fields);
    one(
        "react",
        "18.3.0",
        json!({ "license": "MIT", "engines": { "node": ">=0.10" } }),
    );
    one("react", "19.1.0", json!({ "license": "MIT" }));
    one(
        "dom",
        "19.1.0",
        json!({ "peerDependencies": { "react": "^19" }, "dependencies": { "scheduler": "^0.2.0" } }),
    );
    one(
        "scheduler",
        "0.2.3",
        json!({ "funding": "https://fund.example" }),
    );
    one(
        "hooks",
        "2.0.0",
        json!({ "peerDependencies": { "react": ">=17", "vue": "*" }, "peerDependenciesMeta": { "vue": { "optional": true } } }),
    );
    one(
        "old",
        "1.0.0",
        json!({ "dependencies": { "react": "^18", "left": "1" } }),
    );
    one(
        "left",
        "1.0.0",
        json!({ "deprecated": "use String.prototype.padStart" }),
    );
    one(
        "left",
        "2.0.0",
        json!({ "bin": { "left": "index.js", "a-left": "./index.js" } }),
    );
    one(
        "mac",
        "1.0.0",
        json!({ "os": ["darwin"], "cpu": ["arm64", "x64"] }),
    );
    one(
        "watch",
        "1.0.0",
        json!({ "optionalDependencies": { "mac": "1" }, "scripts": { "install": "node x" } }),
    );
    one(
        "@s/tool",
        "1.0.0",
        json!({ "dependencies": { "left": "^2", "watch": "*" } }),
    );
    one("typescript", "5.9.0", json!({}));
    one(
        "under_score",
        "1.0.0",
        json!({ "dependencies": { "under-score": "1" } }),
    );
    one("under-score", "1.0.0", json!({}));
    compare(
        &registry,
        &json!({ "name": "p", "version": "1.0.0", "license": "MIT",
            "dependencies": { "dom": "^19", "hooks": "2", "old": "1", "tool": "npm:@s/tool@^1", "left": "^2.0.0", "under_score": "1" },
            "devDependencies": { "typescript": "latest", "watch": "1" } }),
        &[],
    );
    compare(
        &registry,
        &json!({ "name": "ws", "workspaces": ["packages/*"], "dependencies": { "left": "2" }, "overrides": { "old": { "left": "2.0.0" } } }),
        &[
            (
                "packages/a/package.json",
                r#"{ "name": "a", "version": "1.0.0", "dependencies": { "@x/b": "^1", "react": "18" } }"#,
            ),
            (
                "packages/b/package.json",
                r#"{ "name": "@x/b", "version": "1.0.0", "dependencies": { "old": "1", "react": "19" }, "devDependencies": { "typescript": "5" } }"#,
            ),
        ],
    );
    compare(
        &registry,
        &json!({ "dependencies": { "lib": "file:lib" }, "optionalDependencies": { "watch": "1" } }),
        &[(
            "lib/package.json",
            r#"{ "name": "lib", "version": "2.0.0", "dependencies": { "left": "1" } }"#,
        )],
    );
    // A peer that two want differently, an alias beside the package itself, a rule that the project shares, and peers that
    // nobody has to have.
    compare(
        &registry,
        &json!({ "name": "q", "dependencies": { "dom": "^19", "old": "1", "react": "^19", "react-18": "npm:react@18" },
            "peerDependencies": { "hooks": "2" }, "devDependencies": { "left": "^2" },
            "overrides": { "left": "$left", "scheduler": "0.2.3" } }),
        &[],
    );
    for overrides in [
        json!({ "react": "18.3.0" }),
        json!({ "left": "$react" }),
        json!({ "left": { ".": "1.0.0" } }),
    ] {
        let manifest = json!({ "dependencies": { "react": "^19" }, "devDependencies": { "left": "^2" }, "overrides": overrides });
        let project = Project::new(&registry, manifest);
        let (done, told) = try_npm(&project, &["install"]);
        assert!(!done && told.contains("EOVERRIDE"), "{overrides}: {told}");
        let told = project.refuse();
        assert!(told.contains("`overrides` wants "), "{told}");
    }
}
