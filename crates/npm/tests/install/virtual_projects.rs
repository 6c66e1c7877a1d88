//! Packages for projects that are nowhere on the disk.

use npm::{Allow, Limits, VirtualProject};
use serde_json::json;

use crate::project::Project;
use crate::registry::Registry;

fn packages() -> (Registry, Project) {
    let registry = Registry::start();
    registry.publish("b", "1.0.0", json!({}));
    registry.publish("b", "2.0.0", json!({}));
    registry.publish("a", "1.0.0", json!({ "dependencies": { "b": "1" } }));
    registry.publish("@s/c", "1.0.0", json!({ "dependencies": { "b": "2" } }));
    let project = Project::new(&registry, json!({}));
    (registry, project)
}

#[test]
fn files_come_without_any_folder() {
    let (_registry, project) = packages();
    let wanted = VirtualProject::of([("a", "^1"), ("@s/c", "latest")]);
    let tree = project
        .install_virtual(&wanted, &Limits::default(), &Allow::All)
        .unwrap();
    let paths: Vec<&str> = tree.files.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "node_modules/@s/c/index.js",
            "node_modules/@s/c/package.json",
            "node_modules/a/index.js",
            "node_modules/a/node_modules/b/index.js",
            "node_modules/a/node_modules/b/package.json",
            "node_modules/a/package.json",
            "node_modules/b/index.js",
            "node_modules/b/package.json",
        ]
    );
    assert_eq!(
        tree.files["node_modules/b/index.js"],
        "module.exports = \"b@2.0.0\";\n"
    );
    assert_eq!(
        tree.packages["node_modules/a/node_modules/b"],
        ("b".to_owned(), "1.0.0".to_owned())
    );
    assert!(!project.path().join("node_modules").exists());
}

#[test]
fn a_lock_file_gives_the_same_again_without_a_registry() {
    let (registry, project) = packages();
    let mut wanted = VirtualProject::of([("b", "*")]);
    let limits = Limits::default();
    let first = project
        .install_virtual(&wanted, &limits, &Allow::All)
        .unwrap();
    registry.publish("b", "3.0.0", json!({}));
    registry.take_asked();
    wanted.lock = Some(first.lock.clone());
    let second = project
        .install_virtual(&wanted, &limits, &Allow::All)
        .unwrap();
    assert_eq!((&first.files, &first.lock), (&second.files, &second.lock));
    assert!(registry.take_asked().is_empty());
    wanted.lock = None;
    let third = project
        .install_virtual(&wanted, &limits, &Allow::All)
        .unwrap();
    assert_eq!(third.packages["node_modules/b"].1, "3.0.0");
}

#[test]
fn what_is_not_allowed_is_not_even_asked_for() {
    let (registry, project) = packages();
    let limits = Limits::default();
    let refuse = |project: &Project, wanted: &VirtualProject, allow: &Allow| {
        project
            .install_virtual(wanted, &limits, allow)
            .unwrap_err()
            .to_string()
    };
    let wanted = VirtualProject::of([("a", "1"), ("@s/c", "1")]);
    assert_eq!(
        refuse(&project, &wanted, &Allow::only(["a"])),
        "the package @s/c is not allowed here (wanted by the project)"
    );
    assert_eq!(
        refuse(&project, &wanted, &Allow::only(["a", "@s/*"])),
        "the package b is not allowed here (wanted by @s/c@1.0.0)"
    );
    assert!(registry.take_asked().iter().all(|asked| asked.path != "/b"));
    let alias = VirtualProject::of([("a", "npm:b@1")]);
    assert_eq!(
        refuse(&project, &alias, &Allow::only(["a"])),
        "the package b is not allowed here (wanted by the project)"
    );
    let tree = project
        .install_virtual(&wanted, &limits, &Allow::only(["a", "b", "@s/*"]))
        .unwrap();
    // A lock file allows nothing either.
    let locked = VirtualProject {
        lock: Some(tree.lock),
        ..wanted
    };
    assert!(
        refuse(&project, &locked, &Allow::only(["a", "@s/*"]))
            .starts_with("the package b is not allowed here")
    );
}

#[test]
fn limits_hold_for_all_packages_together() {
    let (_registry, project) = packages();
    let wanted = VirtualProject::of([("a", "1"), ("@s/c", "1")]);
    let refuse = |change: &dyn Fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        project
            .install_virtual(&wanted, &limits, &Allow::All)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refuse(&|limits| limits.packages = 3),
        "packages of a project: at most 3 packages"
    );
    assert_eq!(
        refuse(&|limits| limits.files = 5),
        "files of all packages: at most 5 files"
    );
    assert_eq!(
        refuse(&|limits| limits.bytes = 100),
        "files of all packages: at most 100 bytes"
    );
}

#[test]
fn there_are_no_folders() {
    let (_registry, project) = packages();
    for (manifest, message) in [
        (
            r#"{ "dependencies": { "x": "file:../x" } }"#,
            "is a folder, and there are no folders here",
        ),
        (
            r#"{ "dependencies": { "x": "workspace:*" } }"#,
            "in a workspace",
        ),
        (r#"{ "workspaces": ["*"] }"#, "there are none here"),
        (
            r#"{ "dependencies": { "x": "o/x" } }"#,
            "is a git repository",
        ),
        ("[]", "it is not an object"),
    ] {
        let wanted = VirtualProject {
            manifest: manifest.to_owned(),
            lock: None,
        };
        let error = project
            .install_virtual(&wanted, &Limits::default(), &Allow::All)
            .unwrap_err()
            .to_string();
        assert!(error.contains(message), "{error}");
    }
}
