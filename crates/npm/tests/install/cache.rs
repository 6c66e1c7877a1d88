//! The cache of the machine.

use std::path::{Path, PathBuf};

use npm::{Cache, Client, Options, Settings};
use serde_json::json;

use crate::project::Project;
use crate::registry::{Registry, read};

/// All files of a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn again(project: &Project) {
    std::fs::remove_dir_all(project.path().join("node_modules")).unwrap();
}

#[test]
fn who_edits_node_modules_does_not_edit_the_cache() {
    let registry = Registry::start();
    registry.publish("a", "1.0.0", json!({}));
    let project = Project::new(&registry, json!({ "dependencies": { "a": "1" } }));
    project.install();
    project.write("node_modules/a/index.js", "edited");
    assert_eq!(project.install().written, 0, "what somebody edited stays");
    assert_eq!(project.read("node_modules/a/index.js"), "edited");
    again(&project);
    let report = project.install();
    assert_eq!((report.written, report.downloaded), (1, 0));
    assert_eq!(
        project.read("node_modules/a/index.js"),
        "module.exports = \"a@1.0.0\";\n"
    );
}

#[test]
fn entries_that_are_not_whole_are_downloaded_again() {
    let registry = Registry::start();
    registry.publish("a", "1.0.0", json!({}));
    let mut project = Project::new(&registry, json!({ "dependencies": { "a": "1" } }));
    project.install();
    let entry = files(&project.cache().join("packages")).remove(0);
    let whole = std::fs::read(&entry).unwrap();
    let mut changed = whole.clone();
    changed[3] ^= 1;
    for damaged in [&whole[..whole.len() / 2], &[], &changed] {
        std::fs::write(&entry, damaged).unwrap();
        again(&project);
        assert_eq!(project.install().downloaded, 1);
        assert_eq!(std::fs::read(&entry).unwrap(), whole);
    }
    // Without a registry that is an error, and nothing wrong is written.
    std::fs::write(&entry, &changed).unwrap();
    again(&project);
    project.set("npm_config_offline", "true");
    let error = project.refuse();
    assert!(
        error.starts_with("1 missing: a@1.0.0; looked in the cache in FOLDER/cache"),
        "{error}"
    );
    assert_eq!(project.read("node_modules/a/index.js"), "");
}

#[test]
fn what_registries_said_is_checked_as_well() {
    let registry = Registry::start();
    registry.publish("a", "1.0.0", json!({}));
    let mut project = Project::new(&registry, json!({ "dependencies": { "a": "1" } }));
    project.install();
    let entry = files(&project.cache().join("packuments")).remove(0);
    let text = read(&entry).replace("1.0.0", "6.6.6");
    std::fs::write(&entry, text).unwrap();
    std::fs::remove_file(project.path().join("package-lock.json")).unwrap();
    again(&project);
    project.set("npm_config_prefer_offline", "true");
    project.install();
    project.expect("node_modules/a 1.0.0");
}

#[test]
fn many_at_once_share_one_cache_and_one_project() {
    let registry = Registry::start();
    let mut dependencies = serde_json::Map::new();
    for number in 0..30 {
        let name = format!("p{number}");
        registry.publish(&name, "1.0.0", json!({}));
        dependencies.insert(name, "1".into());
    }
    let project = Project::new(&registry, json!({ "dependencies": dependencies }));
    let install = || {
        let settings = Settings::load_with(&project.path(), &project.environment).unwrap();
        let client = Client::new(settings, Cache::open(project.cache()).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime
            .block_on(client.install(&project.path(), &Options::default()))
            .unwrap()
    };
    let written: Vec<usize> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..4).map(|_| scope.spawn(install)).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap().written)
            .collect()
    });
    // They wait for each other: one does everything.
    assert_eq!(written.iter().sum::<usize>(), 30);
    assert_eq!(project.packages().len(), 30);
    assert!(files(&project.cache().join("making")).is_empty());
}

#[test]
fn what_a_killed_process_left_is_completed() {
    let registry = Registry::start();
    registry.publish("a", "1.0.0", json!({ "dependencies": { "b": "1" } }));
    registry.publish("b", "1.0.0", json!({}));
    let project = Project::new(&registry, json!({ "dependencies": { "a": "1" } }));
    project.install();
    // As if it had been killed between two files: half a package, no word that all is there, an unfinished entry.
    std::fs::remove_file(project.path().join("node_modules/.package-lock.json")).unwrap();
    std::fs::remove_file(project.path().join("node_modules/b/index.js")).unwrap();
    let making = project.cache().join("making/1-0");
    std::fs::write(&making, "half").unwrap();
    let day_before =
        std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 24 * 60 * 60);
    std::fs::File::options()
        .write(true)
        .open(&making)
        .unwrap()
        .set_modified(day_before)
        .unwrap();
    assert_eq!(project.install().written, 2);
    assert!(project.read("node_modules/b/index.js").contains("b@1.0.0"));
    assert!(!making.exists());
}

#[test]
fn the_cache_belongs_to_its_user() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path().join("deep/cache")).unwrap();
    let mode = std::fs::metadata(cache.folder().join("packages"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn projects_that_come_and_go_leave_no_more_than_4096_locks() {
    let registry = Registry::start();
    let project = Project::new(&registry, json!({}));
    project.install();
    let locks = files(&project.cache().join("locks"));
    assert_eq!(locks.len(), 1);
    let name = locks[0].file_name().unwrap().to_str().unwrap();
    assert!(name.len() == 3 && name.bytes().all(|byte| byte.is_ascii_hexdigit()));
    project.write("package.json", "{\"name\": \"another\"}");
    project.install();
    assert_eq!(files(&project.cache().join("locks")), locks);
}
