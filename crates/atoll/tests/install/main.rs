//! Packages: installed by a command of their own, and by those that need them. The registry is on this machine.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../support/authority.rs"]
mod authority;
mod certificates;
mod programs;
#[path = "../../../npm/tests/install/registry.rs"]
#[allow(dead_code, reason = "its own tests use more of it")]
mod registry;
#[path = "../support/mod.rs"]
mod support;

use registry::Registry;
use serde_json::json;
use support::Project;

/// A worker that says what its package says, and a registry that has that package.
fn worker() -> (Registry, Project) {
    let registry = Registry::start();
    let code: (&str, &[u8], u32) = ("index.js", b"export const word = \"hello\";\n", 0o644);
    let fields =
        json!({ "type": "module", "main": "index.js", "scripts": { "postinstall": "touch ran" } });
    registry.publish_files("greeting", "1.2.0", fields, &[code]);
    let project = Project::of(
        "import { word } from 'greeting';\n\
         export default { fetch() { return new Response(word) } };\n\
         export const greets = { test() { if (word !== 'hello') throw new Error(word) } };\n",
    );
    project.write(
        ".npmrc",
        &format!("registry={}\nfetch-retries=0\n", registry.url()),
    );
    project.write(
        "package.json",
        r#"{ "name": "w", "dependencies": { "greeting": "^1.0.0" } }"#,
    );
    (registry, project)
}

#[test]
fn dev_installs_what_is_missing() {
    let (registry, project) = worker();
    let server = project.start(&["dev"], "ready in");
    assert_eq!(server.get("/"), (200, "hello".to_owned()));
    assert_eq!(server.stop().0, Some(0));
    // It is there now, so nobody is asked.
    registry.stop();
    let server = project.start(&["serve"], "isolates are held by");
    drop(server);
    let (code, stdout, _) = project.run(&["test"]);
    assert_eq!(
        (code, stdout.as_str()),
        (0, "✓ w › greets TIME\n1 passed, 0 failed\n")
    );
}

#[test]
fn install_says_what_it_did() {
    let (_registry, project) = worker();
    let (code, stdout, stderr) = project.run(&["install"]);
    assert_eq!((code, stdout.as_str()), (0, ""));
    assert_eq!(
        stderr,
        "note: greeting@1.2.0 has an install script; such scripts are never run, and few packages need theirs\nnote: wrote package-lock.json\n\
         installed 1 package, 1 written, 1 downloaded in TIME\n"
    );
    // It is not told again of what it has.
    let (code, _, stderr) = project.run(&["install"]);
    assert_eq!(
        (code, stderr.as_str()),
        (0, "installed 1 package in TIME\n")
    );
    std::fs::remove_dir_all(project.path().join("node_modules")).unwrap();
    let (code, _, stderr) =
        project.run(&["install", "-c", "wrangler.json", "--frozen", "--offline"]);
    assert_eq!(
        (code, stderr.as_str()),
        (
            0,
            "note: greeting@1.2.0 has an install script; such scripts are never run, and few packages need theirs\ninstalled 1 package, 1 written in TIME\n"
        )
    );
}

#[test]
fn what_cannot_be_installed_ends_the_command() {
    let (registry, project) = worker();
    let (code, _, stderr) = project.run(&["install", "--offline"]);
    assert_eq!(
        (code, stderr.as_str()),
        (
            1,
            "error: 1 missing: greeting; looked in the cache in FOLDER/.cache/npm; the registry was not asked, since this is offline\n  \
             hint: run it once without --offline\n"
        )
    );
    registry.stop();
    let (code, _, stderr) = project.run(&["serve", "--port", "0"]);
    assert_eq!(code, 1);
    let start = format!(
        "note: installing packages: greeting is not there\nerror: 1 missing: greeting; looked in the cache in FOLDER/.cache/npm and {}; ",
        registry.url()
    );
    assert!(stderr.starts_with(&start), "{stderr}");
    let (code, _, stderr) = Project::of("export default {}").run(&["install"]);
    assert_eq!(code, 2);
    assert!(
        stderr.starts_with("error: there is no package.json in FOLDER or above\n"),
        "{stderr}"
    );
}

#[test]
fn lock_files_that_are_broken_or_of_another_program_are_told() {
    let (_registry, project) = worker();
    project.write("yarn.lock", "# yarn lockfile v1\n");
    let (code, _, stderr) = project.run(&["install"]);
    assert_eq!(code, 0);
    let told = "note: wrote package-lock.json\nnote: yarn.lock is not read: versions were chosen from package.json alone\n";
    assert!(stderr.contains(told), "{stderr}");
    for (text, told) in [
        (
            "{\n<<<<<<< HEAD\n\"a\": 1\n=======\n\"a\": 2\n>>>>>>> b\n}\n",
            "it has the marks of a merge that is not finished\n  hint: take one of the two versions whole, and run `atoll install`\n",
        ),
        (
            "{ \"lockfileVersion\": 3,",
            "it is no JSON: expected a value at byte 23\n  hint: bring it back from where it was whole, or delete it: \
             `atoll install` then chooses versions anew\n",
        ),
    ] {
        project.write("package-lock.json", text);
        let (code, _, stderr) = project.run(&["install"]);
        let expected = format!("error: FOLDER/package-lock.json: {told}");
        assert_eq!((code, stderr), (2, expected));
    }
}

#[test]
fn dependencies_of_another_form_are_a_mistake() {
    let (_registry, project) = worker();
    for (manifest, told) in [
        (
            r#"{ "dependencies": ["greeting"] }"#,
            r#"`dependencies` is no object: write { "NAME": "VERSION" }"#,
        ),
        (
            r#"{ "devDependencies": { "greeting": 1 } }"#,
            r#"the version of "greeting" in `devDependencies` is no text: write "greeting": "^1.0.0""#,
        ),
    ] {
        project.write("package.json", manifest);
        let (code, _, stderr) = project.run(&["install"]);
        let expected = format!("error: FOLDER/package.json: {told}\n");
        assert_eq!((code, stderr), (2, expected));
    }
}

#[test]
fn serve_takes_what_is_locked_or_nothing() {
    let (_registry, project) = worker();
    project.run(&["install"]);
    std::fs::remove_dir_all(project.path().join("node_modules")).unwrap();
    project.write(
        "package.json",
        r#"{ "name": "w", "dependencies": { "greeting": "^1.3.0" } }"#,
    );
    let (code, _, stderr) = project.run(&["serve", "--port", "0"]);
    assert_eq!(
        (code, stderr.as_str()),
        (
            2,
            "note: installing packages: greeting is not there\nerror: FOLDER/package-lock.json: it does not fit: package.json wants \
             greeting@^1.3.0, and it has greeting@1.2.0\n  hint: run `atoll install`, and commit the lock file\n"
        )
    );
}

#[test]
fn packages_that_are_named_are_added_to_package_json() {
    let (registry, project) = worker();
    registry.publish("word", "2.0.0", json!({}));
    registry.publish("@s/tool", "1.4.0", json!({}));
    registry.publish("@s/tool", "1.5.0", json!({}));
    let read = |name: &str| std::fs::read_to_string(project.path().join(name)).unwrap();
    project.write(
        "package.json",
        "{\n\t\"name\": \"w\", \"files\": [\"a\", \"b\"],\n\t\"dependencies\": {\n\t\t\"greeting\": \"^1.0.0\"\n\t}\n}",
    );
    let (code, stdout, stderr) = project.run(&["install", "word", "@s/tool@1.4.0"]);
    assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
    assert!(
        stderr.ends_with("added word@^2.0.0\nadded @s/tool@1.4.0\n"),
        "{stderr}"
    );
    let added = "{\n\t\"name\": \"w\", \"files\": [\"a\", \"b\"],\n\t\"dependencies\": {\n\t\t\"@s/tool\": \"1.4.0\",\n\t\t\"greeting\": \"^1.0.0\",\n\t\t\"word\": \"^2.0.0\"\n\t}\n}";
    assert_eq!(read("package.json"), added);
    assert!(read("package-lock.json").contains("\"@s/tool\": \"1.4.0\""));
    assert!(read("node_modules/@s/tool/index.js").contains("@s/tool@1.4.0"));
    // What cannot be had is not wanted either.
    for (wanted, why) in [
        ("nothing", "there is no package nothing in"),
        ("word@^9", "word has no version that is ^9"),
        ("word@next", "word has no version that is next"),
        ("../word", "not the name of a package"),
        ("word@o/word", "is a git repository"),
    ] {
        let (code, _, stderr) = project.run(&["install", wanted]);
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains(why), "{stderr}");
        assert_eq!(read("package.json"), added);
    }
    let (code, _, stderr) = project.run(&["install", "--save-dev", "word@2"]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(
        read("package.json"),
        added.replace("\"word\": \"^2.0.0\"", "\"word\": \"2\"")
    );
}

#[test]
fn who_has_no_package_json_gets_one_for_what_is_named() {
    let (_registry, project) = worker();
    std::fs::remove_file(project.path().join("package.json")).unwrap();
    // What cannot be had leaves nothing behind.
    for wanted in [
        "greeting@badtag",
        "greeting@^9",
        "nothing",
        "greeting@o/word",
    ] {
        let (code, _, stderr) = project.run(&["install", wanted]);
        assert_eq!(code, 2, "{stderr}");
        assert!(!stderr.contains("wrote"), "{stderr}");
        for file in ["package.json", "package-lock.json", "node_modules"] {
            assert!(!project.path().join(file).exists(), "{wanted}: {file}");
        }
    }
    let (code, _, stderr) = project.run(&["install", "greeting"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stderr.ends_with("note: wrote package.json\nadded greeting@^1.2.0\n"),
        "{stderr}"
    );
    let manifest = std::fs::read_to_string(project.path().join("package.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(
        manifest,
        json!({ "private": true, "type": "module", "dependencies": { "greeting": "^1.2.0" } })
    );
    let server = project.start(&["serve"], "isolates are held by");
    assert_eq!(server.get("/"), (200, "hello".to_owned()));
}

/// What a link leads to belongs to another project.
#[test]
fn nothing_is_installed_through_a_link() {
    let (_registry, project) = worker();
    let elsewhere = tempfile::tempdir().unwrap();
    let link = project.path().join("node_modules");
    std::os::unix::fs::symlink(elsewhere.path(), link).unwrap();
    let (code, _, stderr) = project.run(&["install"]);
    assert_eq!(code, 2);
    let start = format!(
        "error: FOLDER/node_modules: it is a link to {}, and what is there belongs to another project: install there, or delete the link\n",
        elsewhere.path().display()
    );
    assert_eq!(stderr, start);
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}
