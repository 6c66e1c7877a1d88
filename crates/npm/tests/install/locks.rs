//! Lock files: honest ones stay as they are, others are errors.

use npm::Options;
use serde_json::{Value, json};

use crate::project::Project;
use crate::registry::Registry;

/// A registry with a few packages, and a project that is installed from it.
fn installed() -> (Registry, Project) {
    let registry = Registry::start();
    for version in ["1.0.0", "1.1.0"] {
        registry.publish(
            "b",
            version,
            json!({ "license": "MIT", "engines": { "node": ">=18" } }),
        );
    }
    registry.publish("a", "1.0.0", json!({ "dependencies": { "b": "^1.0.0" } }));
    registry.publish("evil", "1.0.0", json!({}));
    let project = Project::new(
        &registry,
        json!({ "name": "p", "dependencies": { "a": "1" } }),
    );
    project.install();
    (registry, project)
}

#[test]
fn what_is_locked_is_taken_and_the_rest_of_the_file_stays() {
    let (registry, project) = installed();
    // In somebody's own style, with an older version than there is.
    let text = project
        .read("package-lock.json")
        .replace("1.1.0", "1.0.0")
        .replace("  ", "\t");
    let text = text.replace(
        &registry.integrity("b", "1.1.0"),
        &registry.integrity("b", "1.0.0"),
    );
    let text = text.replace("\"license\": \"MIT\"", "\"license\":   \"MIT\"");
    project.write("package-lock.json", &text);
    assert_eq!(project.install().lock, None);
    assert_eq!(project.read("package-lock.json"), text);
    project.expect("node_modules/a 1.0.0\nnode_modules/b 1.0.0");
    // One more dependency is one more entry, and one more line for the project.
    registry.publish("c", "1.0.0", json!({}));
    project.write(
        "package.json",
        r#"{ "name": "p", "dependencies": { "a": "1", "c": "1" } }"#,
    );
    assert!(project.install().lock.is_some());
    let after = project.read("package-lock.json");
    let added: Vec<&str> = after
        .lines()
        .filter(|line| !text.lines().any(|before| before == *line))
        .collect();
    assert!(
        after.contains("\"license\":   \"MIT\"") && after.contains("\n\t\t\"node_modules/c\": {"),
        "{after}"
    );
    assert_eq!(added.len(), 5, "{added:?}");
    project.expect("node_modules/a 1.0.0\nnode_modules/b 1.0.0\nnode_modules/c 1.0.0");
    // What does not fit any more is chosen again, and nothing else.
    project.write(
        "package.json",
        r#"{ "name": "p", "dependencies": { "a": "1", "b": "1.1.0" } }"#,
    );
    project.install();
    project.expect("node_modules/a 1.0.0\nnode_modules/b 1.1.0");
}

#[test]
fn a_lock_file_of_version_two_stays_as_long_as_it_fits() {
    let (_registry, project) = installed();
    let mut lock = project.lock();
    lock["lockfileVersion"] = 2.into();
    lock["dependencies"] = json!({ "a": {}, "b": {} });
    let text = lock.to_string();
    project.write("package-lock.json", &text);
    assert_eq!(project.install().lock, None);
    assert_eq!(project.read("package-lock.json"), text);
}

#[test]
fn a_frozen_lock_file_has_to_fit() {
    let (_registry, project) = installed();
    let frozen = Options {
        frozen: true,
        ..Options::default()
    };
    let refuse = || project.try_install(&frozen).unwrap_err().to_string();
    assert_eq!(project.try_install(&frozen).unwrap().lock, None);
    project.write(
        "package.json",
        r#"{ "name": "p", "dependencies": { "a": "2" } }"#,
    );
    assert!(refuse().ends_with(
        "package-lock.json: it does not fit: package.json wants a@2, and it has a@1.0.0"
    ));
    project.write(
        "package.json",
        r#"{ "name": "p", "dependencies": { "a": "1", "new": "1" } }"#,
    );
    assert!(refuse().ends_with(
        "package-lock.json: it does not fit: package.json wants new@1, and it has none"
    ));
    std::fs::remove_file(project.path().join("package-lock.json")).unwrap();
    assert!(refuse().ends_with("package-lock.json: there is none"));
}

#[test]
fn lock_files_that_lie_are_refused() {
    let (registry, project) = installed();
    let honest = project.lock();
    let outside = project.path().parent().unwrap().join("up");
    let evil = honest["packages"]["node_modules/b"]["resolved"]
        .as_str()
        .unwrap()
        .replace("/b/-/b-1.1.0", "/evil/-/evil-1.0.0");
    type Lie = (&'static str, Box<dyn Fn(&mut Value)>);
    let cases: Vec<Lie> = vec![
        (
            "b@1.1.0 is not what it should be",
            Box::new(|packages| {
                packages["node_modules/b"]["integrity"] = crate::registry::integrity(b"x").into()
            }),
        ),
        (
            "has an integrity that cannot be read",
            Box::new(|packages| packages["node_modules/b"]["integrity"] = "sha512-nothing".into()),
        ),
        (
            "is in no registry that .npmrc names",
            Box::new(|packages| {
                packages["node_modules/b"]["resolved"] =
                    "https://evil.example/b/-/b-1.1.0.tgz".into()
            }),
        ),
        (
            "is not an archive of a registry",
            Box::new(|packages| {
                packages["node_modules/b"]["resolved"] =
                    "git+ssh://git@evil.example/b.git#abc".into()
            }),
        ),
        (
            "is not an archive of a registry",
            Box::new(|packages| {
                packages["node_modules/b"]["resolved"] = "file:///etc/passwd".into()
            }),
        ),
        ("is that of evil@1.0.0", {
            let (integrity, evil) = (registry.integrity("evil", "1.0.0"), evil.clone());
            Box::new(move |packages| {
                packages["node_modules/b"]["integrity"] = integrity.clone().into();
                packages["node_modules/b"]["resolved"] = evil.clone().into();
            })
        }),
        (
            "is no place of a package",
            Box::new(|packages| packages["node_modules/../../up"] = json!({ "version": "1.0.0" })),
        ),
        (
            "is no place of a package",
            Box::new(|packages| {
                packages["node_modules/@s/../../up"] = json!({ "version": "1.0.0" })
            }),
        ),
        (
            "is no place of a package",
            Box::new(|packages| packages["node_modules/.bin"] = json!({ "version": "1.0.0" })),
        ),
        (
            "is no place of a package",
            Box::new(|packages| {
                packages["node_modules/a/node_modules"] = json!({ "version": "1.0.0" })
            }),
        ),
        (
            "lies in a package that is not there",
            Box::new(|packages| {
                packages["../../up/node_modules/x"] = json!({ "version": "1.0.0" })
            }),
        ),
        (
            "lies in a package that is not there",
            Box::new(|packages| {
                packages["node_modules/gone/node_modules/x"] = json!({ "version": "1.0.0" })
            }),
        ),
        (
            "lies too deep",
            Box::new(|packages| {
                packages[format!("node_modules/a{}", "/node_modules/a".repeat(60))] =
                    json!({ "version": "1.0.0" })
            }),
        ),
        (
            "has a name that cannot be the name of a package",
            Box::new(|packages| packages["node_modules/b"]["name"] = "../up".into()),
        ),
        (
            "cannot be the name of a package",
            Box::new(|packages| {
                packages["node_modules/b"]["dependencies"] = json!({ "../up": "1" })
            }),
        ),
        (
            "has no version that can be read",
            Box::new(|packages| packages["node_modules/b"]["version"] = "newest".into()),
        ),
        (
            "invalid type",
            Box::new(|packages| packages["node_modules/b"] = json!([])),
        ),
    ];
    for (message, lie) in cases {
        let mut lock = honest.clone();
        lie(&mut lock["packages"]);
        project.write("package-lock.json", &lock.to_string());
        let _ = std::fs::remove_dir_all(project.path().join("node_modules"));
        // What is in the cache is not believed either.
        let error = project.refuse();
        assert!(error.contains(message), "{message}: {error}");
        assert!(!outside.exists());
    }
    let text = honest.to_string();
    let text = text.replacen(
        "\"node_modules/a\"",
        "\"node_modules/b\":{},\"node_modules/a\"",
        1,
    );
    for (text, message) in [
        (text.as_str(), "it has node_modules/b twice"),
        ("{", "expected"),
        ("{}", "version 1 of npm's lock files"),
        (r#"{"lockfileVersion":3}"#, "it has no `packages`"),
        (r#"{"lockfileVersion":9,"packages":{}}"#, "version 9"),
    ] {
        project.write("package-lock.json", text);
        let error = project.refuse();
        assert!(
            error.starts_with("FOLDER/project/package-lock.json: ") && error.contains(message),
            "{error}"
        );
    }
}

#[test]
fn links_in_a_lock_file_lead_nowhere_unless_package_json_says_so() {
    let (_registry, project) = installed();
    let mut lock = project.lock();
    lock["packages"]["node_modules/etc"] = json!({ "resolved": "../../../../etc", "link": true });
    lock["packages"]["node_modules/a"]["dependencies"]["etc"] = "*".into();
    lock["packages"]["../../../../etc"] = json!({ "version": "1.0.0" });
    project.write("package-lock.json", &lock.to_string());
    // The link is not believed, so what needs it is looked for where it would be.
    assert!(project.refuse().starts_with("there is no package etc in "));
    assert!(!project.path().join("node_modules/etc").exists());
}

#[test]
fn packages_that_need_each_other_are_no_trouble() {
    let registry = Registry::start();
    registry.publish(
        "a",
        "1.0.0",
        json!({ "dependencies": { "b": "1" }, "peerDependencies": { "c": "1" } }),
    );
    registry.publish("b", "1.0.0", json!({ "dependencies": { "a": "1" } }));
    registry.publish(
        "c",
        "1.0.0",
        json!({ "peerDependencies": { "a": "1", "c": "1" } }),
    );
    let project = Project::new(
        &registry,
        json!({ "name": "a-project", "dependencies": { "a": "1" } }),
    );
    project.install();
    project.expect("node_modules/a 1.0.0\nnode_modules/b 1.0.0\nnode_modules/c 1.0.0");
    assert_eq!(project.install().lock, None);
}

#[test]
fn a_lock_file_without_addresses_or_checksums_is_enough() {
    let (registry, mut project) = installed();
    let mut lock = project.lock();
    for name in ["node_modules/a", "node_modules/b"] {
        lock["packages"][name]
            .as_object_mut()
            .unwrap()
            .remove("resolved");
    }
    lock["packages"]["node_modules/a"]
        .as_object_mut()
        .unwrap()
        .remove("integrity");
    project.write("package-lock.json", &lock.to_string());
    std::fs::remove_dir_all(project.path().join("node_modules")).unwrap();
    std::fs::remove_dir_all(project.cache()).unwrap();
    registry.take_asked();
    assert_eq!(project.install().downloaded, 2);
    let asked: Vec<String> = registry
        .take_asked()
        .into_iter()
        .map(|asked| asked.path)
        .collect();
    assert!(asked.iter().all(|path| path.ends_with(".tgz")), "{asked:?}");
    // What was learned of the address lasts.
    project.set("npm_config_offline", "true");
    std::fs::remove_dir_all(project.path().join("node_modules")).unwrap();
    assert_eq!(project.install().written, 2);
}

#[test]
fn pnpm_chooses_the_versions_of_its_projects() {
    let (registry, project) = installed();
    std::fs::remove_file(project.path().join("package-lock.json")).unwrap();
    std::fs::remove_dir_all(project.path().join("node_modules")).unwrap();
    let lock = |b: &str| {
        format!(
            "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a:\n        specifier: '1'\n        version: 1.0.0\n\
             packages:\n  a@1.0.0:\n    resolution: {{integrity: {}}}\n  b@1.0.0:\n    resolution: {{integrity: {b}}}\n\
             snapshots:\n  a@1.0.0:\n    dependencies:\n      b: 1.0.0\n  b@1.0.0: {{}}\n",
            registry.integrity("a", "1.0.0")
        )
    };
    project.write("pnpm-lock.yaml", &lock(&registry.integrity("b", "1.0.0")));
    registry.take_asked();
    let report = project.install();
    assert_eq!((report.lock, report.downloaded), (None, 1));
    project.expect("node_modules/a 1.0.0\nnode_modules/b 1.0.0");
    assert!(
        registry
            .take_asked()
            .iter()
            .all(|asked| asked.path.ends_with("b-1.0.0.tgz"))
    );
    assert!(!project.path().join("package-lock.json").exists());
    project.write("pnpm-lock.yaml", &lock(&crate::registry::integrity(b"x")));
    std::fs::remove_dir_all(project.path().join("node_modules")).unwrap();
    assert!(
        project
            .refuse()
            .starts_with("b@1.0.0 is not what it should be")
    );
    project.write("pnpm-lock.yaml", "lockfileVersion: '5.4'\n");
    assert!(
        project
            .refuse()
            .contains("version 5.4 of pnpm's lock files")
    );
}
