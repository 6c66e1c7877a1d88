//! Projects of several folders.

use npm::{Options, Status};
use serde_json::json;

use crate::project::Project;
use crate::registry::Registry;

#[test]
fn workspaces_are_linked_and_share_what_they_can() {
    let registry = Registry::start();
    registry.publish("b", "1.0.0", json!({}));
    registry.publish("b", "2.0.0", json!({}));
    let project = Project::new(
        &registry,
        json!({ "name": "p", "workspaces": ["packages/*", "!packages/no"], "dependencies": { "b": "2" } }),
    );
    project.write(
        "packages/one/package.json",
        r#"{ "name": "one", "version": "1.0.0", "dependencies": { "@s/two": "^1", "b": "1" } }"#,
    );
    project.write(
        "packages/two/package.json",
        r#"{ "name": "@s/two", "version": "1.2.0", "dependencies": { "b": "2" } }"#,
    );
    project.write(
        "packages/no/package.json",
        r#"{ "name": "no", "dependencies": { "nothing": "1" } }"#,
    );
    project.install();
    project.expect(
        "node_modules/@s/two -> ../../packages/two
         node_modules/b 2.0.0
         node_modules/one -> ../packages/one
         packages/one/node_modules/b 1.0.0",
    );
    let lock = project.lock();
    assert_eq!(
        lock["packages"]["node_modules/@s/two"],
        json!({ "resolved": "packages/two", "link": true })
    );
    assert_eq!(lock["packages"]["packages/two"]["name"], "@s/two");
    assert_eq!(
        lock["packages"]["packages/one/node_modules/b"]["version"],
        "1.0.0"
    );
    // What is linked has no entry of its own that would have to fit.
    let frozen = Options {
        frozen: true,
        ..Options::default()
    };
    let report = project.try_install(&frozen).unwrap();
    assert_eq!((report.written, report.removed, report.lock), (0, 0, None));
    let inside = project.path().join("packages/one");
    assert_eq!(npm::project_of(&inside.join("src")), Some(project.path()));
    assert_eq!(
        npm::project_of(&project.path().join("packages/no")),
        Some(project.path().join("packages/no"))
    );
    assert_eq!(npm::status(&project.path()).unwrap(), Status::Fresh);
    std::fs::remove_dir_all(inside.join("node_modules")).unwrap();
    assert!(matches!(
        npm::status(&project.path()).unwrap(),
        Status::Stale(_)
    ));
}

#[test]
fn folders_are_linked() {
    let registry = Registry::start();
    registry.publish("b", "1.0.0", json!({}));
    let project = Project::new(
        &registry,
        json!({ "dependencies": { "in": "file:libs/in", "out": "link:../out", "alias": "./libs/in" } }),
    );
    project.write("libs/in/package.json", r#"{ "name": "in", "version": "0.0.1", "dependencies": { "b": "1", "deep": "file:../deep" } }"#);
    project.write(
        "libs/deep/package.json",
        r#"{ "name": "deep", "bin": "run.sh" }"#,
    );
    project.write("libs/deep/run.sh", "#!/bin/sh\n");
    project.write(
        "../out/package.json",
        r#"{ "name": "out", "dependencies": { "nothing": "1" } }"#,
    );
    project.install();
    project.expect(
        "node_modules/alias -> ../libs/in
         node_modules/b 1.0.0
         node_modules/deep -> ../libs/deep
         node_modules/in -> ../libs/in
         node_modules/out -> ../../out",
    );
    let program = project.path().join("node_modules/.bin/deep");
    assert_eq!(
        std::fs::read_link(program).unwrap().to_str(),
        Some("../../libs/deep/run.sh")
    );
    let report = project.install();
    assert_eq!((report.written, report.lock), (0, None));
    project.write(
        "package.json",
        r#"{ "dependencies": { "in": "file:libs/gone" } }"#,
    );
    assert!(
        project
            .refuse()
            .contains("cannot read FOLDER/project/libs/gone/package.json")
    );
}

#[test]
fn links_in_node_modules_are_not_written_through() {
    let registry = Registry::start();
    registry.publish("a", "1.0.0", json!({ "dependencies": { "b": "2" } }));
    registry.publish("b", "1.0.0", json!({}));
    registry.publish("b", "2.0.0", json!({}));
    let project = Project::new(&registry, json!({ "dependencies": { "a": "1", "b": "1" } }));
    project.write("../mine/package.json", "mine");
    std::fs::create_dir_all(project.path().join("node_modules")).unwrap();
    for name in ["a", "b", "other"] {
        std::os::unix::fs::symlink("../../mine", project.path().join("node_modules").join(name))
            .unwrap();
    }
    project.install();
    project
        .expect("node_modules/a 1.0.0\nnode_modules/a/node_modules/b 2.0.0\nnode_modules/b 1.0.0");
    assert_eq!(project.read("../mine/package.json"), "mine");
    assert_eq!(
        std::fs::read_dir(project.path().join("../mine"))
            .unwrap()
            .count(),
        1
    );
}

#[test]
fn what_another_program_laid_out_is_left_alone() {
    let registry = Registry::start();
    let project = Project::new(&registry, json!({ "dependencies": { "a": "1" } }));
    project.write("node_modules/.modules.yaml", "");
    assert!(
        project
            .refuse()
            .contains("pnpm has laid it out in a way of its own")
    );
    let missing = Status::Foreign {
        tool: "pnpm",
        missing: "a is not there".to_owned(),
    };
    assert_eq!(npm::status(&project.path()).unwrap(), missing);
    project.write(
        "node_modules/a/package.json",
        r#"{ "name": "a", "version": "1.0.0" }"#,
    );
    assert_eq!(npm::status(&project.path()).unwrap(), Status::Fresh);
}

#[test]
fn of_a_workspace_that_another_program_laid_out_only_what_runs_is_looked_at() {
    let registry = Registry::start();
    let project = Project::new(&registry, json!({ "workspaces": ["*"] }));
    project.write("node_modules/.modules.yaml", "");
    let member = |folder: &str, needs: &str| {
        project.write(
            &format!("{folder}/package.json"),
            &format!(
                r#"{{ "name": "{folder}", "version": "1.0.0", "dependencies": {{ {needs} }} }}"#
            ),
        );
    };
    member("app", r#""library": "workspace:*""#);
    member("library", r#""a": "1""#);
    member("elsewhere", r#""b": "1""#);
    let link = project.path().join("app/node_modules");
    std::fs::create_dir_all(&link).unwrap();
    std::os::unix::fs::symlink("../../library", link.join("library")).unwrap();
    let status = |folder: &str| {
        let used = [project.path().join(folder)].into();
        npm::status_for(&project.path(), Some(&used)).unwrap()
    };
    let missing = |name: &str| Status::Foreign {
        tool: "pnpm",
        missing: format!("{name} is not there"),
    };
    assert_eq!(status("app"), missing("a"));
    assert_eq!(status("elsewhere"), missing("b"));
    project.write(
        "library/node_modules/a/package.json",
        r#"{ "name": "a", "version": "1.0.0" }"#,
    );
    assert_eq!(status("app"), Status::Fresh);
    assert_eq!(status("elsewhere"), missing("b"));
    assert_eq!(npm::status(&project.path()).unwrap(), missing("b"));
}

#[test]
fn bundled_dependencies_come_with_their_package() {
    let registry = Registry::start();
    registry.publish("other", "1.0.0", json!({}));
    registry.publish_files(
        "a",
        "1.0.0",
        json!({ "dependencies": { "inner": "9", "other": "1" }, "bundleDependencies": ["inner"] }),
        &[(
            "node_modules/inner/package.json",
            br#"{ "name": "inner", "version": "9.0.0" }"#,
            0o644,
        )],
    );
    let project = Project::new(&registry, json!({ "dependencies": { "a": "1" } }));
    project.install();
    project.expect(
        "node_modules/a 1.0.0\nnode_modules/a/node_modules/inner 9.0.0\nnode_modules/other 1.0.0",
    );
    assert_eq!(project.install().removed, 0);
}

#[test]
fn projects_without_packages_need_nothing() {
    let registry = Registry::start();
    let project = Project::new(
        &registry,
        json!({ "name": "p", "devDependencies": { "types": "1" } }),
    );
    assert_eq!(npm::status(&project.path()).unwrap(), Status::Fresh);
    let project = Project::new(&registry, json!({}));
    assert_eq!(project.install().packages, 0);
    assert!(!project.path().join("node_modules").exists());
    for (text, message) in [
        ("[]", "it is not an object"),
        ("{", "EOF"),
        (
            r#"{"dependencies":{"../x":"1"}}"#,
            "cannot be the name of a package",
        ),
    ] {
        project.write("package.json", text);
        let error = project.refuse();
        assert!(
            error.starts_with("FOLDER/project/package.json: ") && error.contains(message),
            "{error}"
        );
    }
}
