//! Which versions are taken, and where they lie.

use npm::Options;
use serde_json::json;

use crate::project::Project;
use crate::registry::Registry;

#[test]
fn packages_lie_as_high_as_they_can() {
    let registry = Registry::start();
    registry.publish("b", "1.0.0", json!({}));
    registry.publish("b", "1.4.0", json!({}));
    registry.publish("b", "2.0.0", json!({}));
    registry.publish("a", "1.0.0", json!({ "dependencies": { "b": "^1.0.0" } }));
    registry.publish(
        "c",
        "1.0.0",
        json!({ "dependencies": { "b": "^2.0.0", "d": "*" } }),
    );
    registry.publish(
        "d",
        "1.0.0",
        json!({ "dependencies": { "c": "1", "@s/e": "1" } }),
    );
    registry.publish("@s/e", "1.0.0", json!({ "dependencies": { "b": "2" } }));
    let project = Project::new(&registry, json!({ "dependencies": { "a": "1", "c": "1" } }));
    let report = project.install();
    assert_eq!(
        (report.packages, report.written, report.downloaded),
        (7, 7, 6)
    );
    project.expect(
        "node_modules/@s/e 1.0.0
         node_modules/@s/e/node_modules/b 2.0.0
         node_modules/a 1.0.0
         node_modules/b 1.4.0
         node_modules/c 1.0.0
         node_modules/c/node_modules/b 2.0.0
         node_modules/d 1.0.0",
    );
    assert_eq!(
        project.read("node_modules/c/node_modules/b/index.js"),
        "module.exports = \"b@2.0.0\";\n"
    );
}

#[test]
fn a_second_installation_does_nothing_and_asks_nobody() {
    let registry = Registry::start();
    registry.publish("a", "1.0.0", json!({ "license": "MIT" }));
    let project = Project::new(
        &registry,
        json!({ "name": "p", "version": "1.0.0", "dependencies": { "a": "1" } }),
    );
    assert!(project.install().lock.is_some());
    registry.take_asked();
    let report = project.install();
    assert_eq!(
        (
            report.written,
            report.removed,
            report.downloaded,
            report.lock
        ),
        (0, 0, 0, None)
    );
    assert!(registry.take_asked().is_empty());
    assert_eq!(npm::status(&project.path()).unwrap(), npm::Status::Fresh);
}

#[test]
fn what_is_missing_changed_or_too_much_is_put_right() {
    let registry = Registry::start();
    for name in ["a", "b", "@s/c"] {
        registry.publish(name, "1.0.0", json!({}));
    }
    let project = Project::new(
        &registry,
        json!({ "dependencies": { "a": "1", "b": "1", "@s/c": "1" } }),
    );
    project.install();
    std::fs::remove_dir_all(project.path().join("node_modules/a")).unwrap();
    assert!(matches!(
        npm::status(&project.path()).unwrap(),
        npm::Status::Stale(_)
    ));
    project.write("node_modules/extra/package.json", "{}");
    project.write(
        "package.json",
        r#"{ "dependencies": { "a": "1", "b": "1" } }"#,
    );
    let report = project.install();
    assert_eq!(
        (report.written, report.removed, report.downloaded),
        (1, 2, 0)
    );
    project.expect("node_modules/a 1.0.0\nnode_modules/b 1.0.0");
    assert!(!project.path().join("node_modules/@s").exists());
}

#[test]
fn tags_aliases_and_overrides_are_followed() {
    let registry = Registry::start();
    registry.publish("b", "1.0.0", json!({}));
    registry.publish("b", "1.1.0", json!({}));
    registry.publish("b", "2.0.0-beta.1", json!({}));
    registry.tag("b", "latest", "1.1.0");
    registry.tag("b", "next", "2.0.0-beta.1");
    registry.publish(
        "a",
        "1.0.0",
        json!({ "dependencies": { "b": "^1", "c": "^1" } }),
    );
    registry.publish("c", "1.0.0", json!({}));
    registry.publish("@s/real", "3.0.0", json!({}));
    let project = Project::new(
        &registry,
        json!({ "dependencies": { "a": "latest", "b": "next", "other": "npm:@s/real@^3" },
                "overrides": { "a": { "b": "1.0.0" }, "c": "npm:@s/real@3" } }),
    );
    project.install();
    project.expect(
        "node_modules/a 1.0.0
         node_modules/a/node_modules/b 1.0.0
         node_modules/b 2.0.0-beta.1
         node_modules/c 3.0.0
         node_modules/other 3.0.0",
    );
    assert_eq!(
        project.lock()["packages"]["node_modules/other"]["name"],
        "@s/real"
    );
    assert_eq!(project.install().written, 0);
}

#[test]
fn peers_are_installed_once_for_all_who_share_them() {
    let registry = Registry::start();
    registry.publish("react", "18.3.0", json!({}));
    registry.publish("react", "19.1.0", json!({}));
    registry.publish(
        "dom",
        "18.3.0",
        json!({ "peerDependencies": { "react": "^18" } }),
    );
    registry.publish(
        "hooks",
        "1.0.0",
        json!({ "peerDependencies": { "react": ">=17", "vue": "3" },
        "peerDependenciesMeta": { "vue": { "optional": true } } }),
    );
    registry.publish("vue", "3.0.0", json!({}));
    let project = Project::new(
        &registry,
        json!({ "dependencies": { "dom": "18", "a-hooks": "npm:hooks@1" } }),
    );
    let report = project.install();
    assert_eq!(report.warnings, Vec::<String>::new());
    project
        .expect("node_modules/a-hooks 1.0.0\nnode_modules/dom 18.3.0\nnode_modules/react 18.3.0");
    assert_eq!(
        project.lock()["packages"]["node_modules/react"]["peer"],
        true
    );
}

#[test]
fn peers_that_cannot_be_met_are_told() {
    let registry = Registry::start();
    registry.publish("react", "18.3.0", json!({}));
    registry.publish("react", "19.1.0", json!({}));
    registry.publish(
        "dom",
        "18.3.0",
        json!({ "peerDependencies": { "react": "^18" } }),
    );
    let mut project = Project::new(
        &registry,
        json!({ "dependencies": { "dom": "18", "react": "19" } }),
    );
    let report = project.install();
    assert_eq!(
        report.warnings,
        ["dom@18.3.0 wants its peer react@^18 and finds react@19.1.0"]
    );
    project.expect("node_modules/dom 18.3.0\nnode_modules/react 19.1.0");
    project.set("npm_config_strict_peer_deps", "true");
    assert_eq!(
        project.refuse(),
        "dom@18.3.0 wants its peer react@^18 and finds react@19.1.0"
    );
    project.set("npm_config_strict_peer_deps", "false");
    project.set("npm_config_legacy_peer_deps", "true");
    assert_eq!(project.install().warnings, Vec::<String>::new());
}

#[test]
fn a_set_of_peers_nests_together() {
    let registry = Registry::start();
    registry.publish("x", "1.0.0", json!({ "peerDependencies": { "y": "1" } }));
    registry.publish("x", "2.0.0", json!({ "peerDependencies": { "y": "2" } }));
    registry.publish("y", "1.0.0", json!({ "peerDependencies": { "x": "1" } }));
    registry.publish("y", "2.0.0", json!({ "peerDependencies": { "x": "2" } }));
    registry.publish("a", "1.0.0", json!({ "dependencies": { "x": "1" } }));
    let project = Project::new(&registry, json!({ "dependencies": { "a": "1", "x": "2" } }));
    let report = project.install();
    assert_eq!(report.warnings, Vec::<String>::new());
    project.expect(
        "node_modules/a 1.0.0
         node_modules/a/node_modules/x 1.0.0
         node_modules/a/node_modules/y 1.0.0
         node_modules/x 2.0.0
         node_modules/y 2.0.0",
    );
}

#[test]
fn what_is_optional_and_for_other_machines_is_locked_and_left_out() {
    let registry = Registry::start();
    registry.publish(
        "mac",
        "1.0.0",
        json!({ "os": ["darwin"], "cpu": ["x64", "arm64"] }),
    );
    registry.publish("here", "1.0.0", json!({ "os": ["!win32"] }));
    registry.publish(
        "needs-mac",
        "1.0.0",
        json!({ "dependencies": { "mac": "1" } }),
    );
    registry.publish("a", "1.0.0", json!({ "optionalDependencies": { "mac": "1", "here": "1", "gone": "1", "needs-mac": "1" } }));
    let project = Project::new(&registry, json!({ "dependencies": { "a": "1" } }));
    let report = project.install();
    assert_eq!(report.warnings.len(), 1);
    assert!(
        report.warnings[0]
            .starts_with("left out gone, which is optional: there is no package gone")
    );
    project.expect("node_modules/a 1.0.0\nnode_modules/here 1.0.0");
    let lock = project.lock();
    assert_eq!(lock["packages"]["node_modules/mac"]["optional"], true);
    assert_eq!(
        lock["packages"]["node_modules/mac"]["os"],
        json!(["darwin"])
    );
    assert_eq!(project.install().written, 0);
    project.write(
        "package.json",
        r#"{ "dependencies": { "needs-mac": "1" } }"#,
    );
    let error = project.refuse();
    assert!(
        error.starts_with("mac@1.0.0 is for darwin, x64 or arm64, and this is linux"),
        "{error}"
    );
}

#[test]
fn programs_can_be_run_and_stay_inside() {
    use std::os::unix::fs::PermissionsExt as _;
    let registry = Registry::start();
    let program: (&str, &[u8], u32) = ("bin/tool.js", b"#!/bin/sh\necho it runs\n", 0o644);
    registry.publish_files(
        "@s/tool",
        "1.0.0",
        json!({ "bin": { "tool": "./bin/tool.js", "../../evil": "../../../../etc/passwd", "gone": "no.js" } }),
        &[program],
    );
    registry.publish_files(
        "folder",
        "1.0.0",
        json!({ "directories": { "bin": "bin" } }),
        &[program],
    );
    let project = Project::new(
        &registry,
        json!({ "dependencies": { "@s/tool": "1", "folder": "1" } }),
    );
    project.install();
    let bin = project.path().join("node_modules/.bin");
    let mut names: Vec<String> = std::fs::read_dir(&bin)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["tool", "tool.js"]);
    assert_eq!(
        std::fs::read_link(bin.join("tool")).unwrap().to_str(),
        Some("../@s/tool/bin/tool.js")
    );
    let output = std::process::Command::new(bin.join("tool"))
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"it runs\n");
    let mode = std::fs::metadata(project.path().join("node_modules/@s/tool/package.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[test]
fn install_scripts_are_told_and_never_run() {
    let registry = Registry::start();
    registry.publish(
        "a",
        "1.0.0",
        json!({ "scripts": { "postinstall": "touch ran", "preinstall": "touch ran" } }),
    );
    registry.publish_files(
        "native",
        "1.0.0",
        json!({}),
        &[("binding.gyp", b"{}", 0o644)],
    );
    let project = Project::new(
        &registry,
        json!({ "dependencies": { "a": "1", "native": "1" }, "scripts": { "postinstall": "touch ran" } }),
    );
    assert_eq!(project.install().scripts, ["a@1.0.0", "native@1.0.0"]);
    assert!(
        !project.path().join("ran").exists() && !project.path().join("node_modules/a/ran").exists()
    );
    assert_eq!(
        project.lock()["packages"]["node_modules/a"]["hasInstallScript"],
        true
    );
}

#[test]
fn dev_dependencies_can_be_left_out() {
    let registry = Registry::start();
    registry.publish("a", "1.0.0", json!({ "dependencies": { "shared": "1" } }));
    registry.publish("shared", "1.0.0", json!({}));
    registry.publish(
        "types",
        "1.0.0",
        json!({ "dependencies": { "shared": "1", "more": "1" } }),
    );
    registry.publish("more", "1.0.0", json!({}));
    let project = Project::new(
        &registry,
        json!({ "dependencies": { "a": "1" }, "devDependencies": { "types": "1" } }),
    );
    let options = Options {
        omit_dev: true,
        ..Options::default()
    };
    project.try_install(&options).unwrap();
    project.expect("node_modules/a 1.0.0\nnode_modules/shared 1.0.0");
    assert_eq!(project.lock()["packages"]["node_modules/more"]["dev"], true);
    assert_eq!(npm::status(&project.path()).unwrap(), npm::Status::Fresh);
    assert_eq!(project.install().written, 2);
}

#[test]
fn what_is_not_supported_or_not_there_says_who_wants_it() {
    let registry = Registry::start();
    registry.publish(
        "a",
        "1.0.0",
        json!({ "dependencies": { "b": "github:o/b" } }),
    );
    registry.publish("c", "1.2.0", json!({}));
    registry.publish(
        "folder",
        "1.0.0",
        json!({ "dependencies": { "x": "file:../../../secret" } }),
    );
    for (wanted, message) in [
        (
            json!({ "a": "1" }),
            "b: `github:o/b` is a git repository, which is not supported (wanted by a@1.0.0)",
        ),
        (
            json!({ "x": "https://x.example/x.tgz" }),
            "x: `https://x.example/x.tgz` is an archive at an address of its own, which is not supported (wanted by the project)",
        ),
        (
            json!({ "x": "file:x.tgz" }),
            "x: `file:x.tgz` is an archive in a file, which is not supported (wanted by the project)",
        ),
        (
            json!({ "c": "^2" }),
            "c has no version that is ^2 (wanted by the project)",
        ),
        (
            json!({ "c": "beta" }),
            "c has no version that is beta (wanted by the project)",
        ),
        (
            json!({ "folder": "1" }),
            "x: `file:../../../secret` is a folder, which only a package of the project can name (wanted by folder@1.0.0)",
        ),
    ] {
        assert_eq!(
            Project::new(&registry, json!({ "dependencies": wanted })).refuse(),
            message
        );
    }
    let error = Project::new(&registry, json!({ "dependencies": { "nothing": "1" } })).refuse();
    assert_eq!(
        error,
        format!("there is no package nothing in {}", registry.url())
    );
}
