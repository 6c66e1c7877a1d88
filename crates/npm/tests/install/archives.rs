//! Archives and registries that lie.

use npm::{Error, Options};
use serde_json::json;

use crate::project::Project;
use crate::registry::{Entry, Registry, archive, tar, zip};

fn manifest(name: &str, version: &str) -> Entry {
    let text = json!({ "name": name, "version": version }).to_string();
    Entry::file("package/package.json", text.as_bytes(), 0o644)
}

/// The error of an archive with these entries beside an honest package.json.
fn refuse(entries: &[Entry]) -> String {
    let mut all = vec![manifest("a", "1.0.0")];
    all.extend(entries.iter().cloned());
    refuse_bytes(archive(&all), &Options::default())
}

fn refuse_bytes(bytes: Vec<u8>, options: &Options) -> String {
    let registry = Registry::start();
    registry.publish_archive("a", "1.0.0", json!({}), bytes);
    let project = Project::new(&registry, json!({ "dependencies": { "a": "1" } }));
    let error = project.try_install(options).unwrap_err();
    assert!(!project.path().join("node_modules/a").exists(), "{error}");
    assert!(error.is_mistake());
    error.to_string()
}

#[test]
fn paths_that_lead_out_are_refused() {
    for path in [
        "package/../../up",
        "package/a/../../../up",
        "../up",
        "/etc/up",
        "package/..",
    ] {
        let error = refuse(&[Entry::file(path, b"x", 0o644)]);
        assert_eq!(
            error,
            format!("the archive of a@1.0.0 has a path that leads out of it: {path:?}")
        );
    }
    // A long name comes in an entry of its own, in either of two forms.
    let long = format!("package/{}/../../../up", "x".repeat(120));
    let gnu = Entry {
        kind: b'L',
        ..Entry::file("././@LongLink", format!("{long}\0").as_bytes(), 0o644)
    };
    let record = format!(" path={long}\n");
    let record = format!("{}{record}", record.len() + 3);
    let pax = Entry {
        kind: b'x',
        ..Entry::file("PaxHeader/x", record.as_bytes(), 0o644)
    };
    for first in [gnu, pax] {
        let error = refuse(&[first, Entry::file("package/short", b"x", 0o644)]);
        assert!(
            error.starts_with("the archive of a@1.0.0 has a path that leads out of it"),
            "{error}"
        );
    }
}

/// What an old npm wrote before each file.
fn sized(path: &str, size: usize) -> Entry {
    let lines: String = [
        " NODETAR.depth=1".to_owned(),
        format!(" path={path}"),
        format!(" size={size}"),
    ]
    .iter()
    .map(|line| format!("{}{line}\n", line.len() + 3))
    .collect();
    Entry {
        kind: b'x',
        ..Entry::file("PaxHeader/x", lines.as_bytes(), 0o644)
    }
}

#[test]
fn a_size_may_be_told_twice_but_not_in_two_ways() {
    let registry = Registry::start();
    let entries = [
        manifest("a", "1.0.0"),
        sized("package/lib/a.js", 6),
        Entry::file("package/short", b"inside", 0o644),
    ];
    registry.publish_archive("a", "1.0.0", json!({}), archive(&entries));
    let project = Project::new(&registry, json!({ "dependencies": { "a": "1" } }));
    project.install();
    assert_eq!(project.read("node_modules/a/lib/a.js"), "inside");
    for size in [0, 5, 512, 1024] {
        let error = refuse(&[
            sized("package/lib/a.js", size),
            Entry::file("package/short", b"inside", 0o644),
        ]);
        assert_eq!(
            error,
            "the archive of a@1.0.0 has a file whose size is told in two ways"
        );
    }
}

#[test]
fn links_are_left_out_and_devices_refused() {
    let registry = Registry::start();
    let entries = [
        manifest("a", "1.0.0"),
        Entry::special("package/soft", b'2', "/etc/passwd"),
        Entry::special("package/hard", b'1', "/etc/passwd"),
        Entry::special("package/out", b'2', "../../.."),
        Entry::file("package/out/x.js", b"inside", 0o755),
    ];
    registry.publish_archive("a", "1.0.0", json!({}), archive(&entries));
    let project = Project::new(&registry, json!({ "dependencies": { "a": "1" } }));
    project.install();
    let files = |folder: &str| {
        let mut names: Vec<String> = std::fs::read_dir(project.path().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(files("node_modules/a"), ["out", "package.json"]);
    assert_eq!(project.read("node_modules/a/out/x.js"), "inside");
    for kind in *b"346" {
        let error = refuse(&[Entry::special("package/device", kind, "")]);
        assert_eq!(error, "the archive of a@1.0.0 has a device in it");
    }
    assert_eq!(
        refuse(&[Entry::special("package/x", b'Q', "")]),
        "the archive of a@1.0.0 has an entry of an unknown kind"
    );
}

#[test]
fn bombs_end_early() {
    let zeros = vec![0; 64 << 20];
    let mut options = Options::default();
    options.limits.archive.ratio = 40;
    let bytes = archive(&[
        manifest("a", "1.0.0"),
        Entry::file("package/zeros", &zeros, 0o644),
    ]);
    assert_eq!(
        refuse_bytes(bytes, &options),
        "the archive of a@1.0.0 unpacks to more than 40 times its size"
    );

    let mut options = Options::default();
    options.limits.archive.unpacked_bytes = 1 << 20;
    let bytes = archive(&[
        manifest("a", "1.0.0"),
        Entry::file("package/x", &zeros[..2 << 20], 0o644),
    ]);
    assert_eq!(
        refuse_bytes(bytes, &options),
        "the archive of a@1.0.0 unpacks to more than 1048576 bytes"
    );

    // A header that promises what never comes.
    let mut bytes = tar(&[manifest("a", "1.0.0"), Entry::file("package/x", b"", 0o644)]);
    let header = 1024;
    bytes[header + 124..header + 135].copy_from_slice(b"77777777777");
    bytes[header + 148..header + 156].copy_from_slice(b"        ");
    let sum: u32 = bytes[header..header + 512]
        .iter()
        .map(|byte| u32::from(*byte))
        .sum();
    bytes[header + 148..header + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let error = refuse_bytes(zip(&bytes), &Options::default());
    assert!(error.starts_with("the archive of a@1.0.0 "), "{error}");

    // A name without end is not taken into memory.
    let endless = Entry {
        kind: b'L',
        ..Entry::file("././@LongLink", &zeros[..1 << 20], 0o644)
    };
    assert_eq!(
        refuse(&[endless]),
        "the archive of a@1.0.0 has a name without end"
    );

    let mut options = Options::default();
    options.limits.archive.packed_bytes = 100;
    let bytes = archive(&[manifest("a", "1.0.0")]);
    assert!(bytes.len() > 100);
    assert_eq!(
        refuse_bytes(bytes, &options),
        "the archive of a@1.0.0 has more than 100 bytes"
    );
}

#[test]
fn too_many_files_and_paths_that_are_too_long_are_refused() {
    let mut options = Options::default();
    options.limits.archive.files = 10;
    let mut entries = vec![manifest("a", "1.0.0")];
    entries.extend((0..20).map(|number| Entry::file(&format!("package/{number}"), b"", 0o644)));
    assert!(refuse_bytes(archive(&entries), &options).contains("more than 10 files"));
    let deep = format!("package/{}x", "a/".repeat(40));
    options.limits.archive.path_depth = 20;
    let bytes = archive(&[manifest("a", "1.0.0"), Entry::file(&deep, b"", 0o644)]);
    assert!(refuse_bytes(bytes, &options).contains("a path that is too deep"));
    options.limits.archive.path_bytes = 50;
    let bytes = archive(&[
        manifest("a", "1.0.0"),
        Entry::file(&format!("package/{}", "x".repeat(80)), b"", 0o644),
    ]);
    assert!(refuse_bytes(bytes, &options).contains("a path that is too long"));
    let error = refuse(&[
        Entry::file("package/x", b"", 0o644),
        Entry::file("package/x/y", b"", 0o644),
    ]);
    assert!(error.contains("both as a file and as a folder"), "{error}");
}

#[test]
fn what_is_no_archive_is_refused() {
    let whole = archive(&[manifest("a", "1.0.0")]);
    for bytes in [
        b"<html>".to_vec(),
        Vec::new(),
        whole[..whole.len() / 2].to_vec(),
        zip(b"no archive"),
        zip(&[0; 1024]),
    ] {
        let error = refuse_bytes(bytes, &Options::default());
        assert!(error.starts_with("the archive of a@1.0.0 "), "{error}");
    }
}

#[test]
fn a_package_has_to_be_the_one_it_is_said_to_be() {
    for (entry, message) in [
        (manifest("b", "1.0.0"), "is that of b@1.0.0"),
        (manifest("a", "6.6.6"), "is that of a@6.6.6"),
        (Entry::file("package/x", b"", 0o644), "has no package.json"),
        (
            Entry::file("package/package.json", b"{", 0o644),
            "has a package.json that cannot be used",
        ),
        (
            Entry::file(
                "package/package.json",
                br#"{"name":"a","version":"1.0.0","dependencies":{"../x":"1"}}"#,
                0o644,
            ),
            "has a package.json that cannot be used",
        ),
    ] {
        let error = refuse_bytes(archive(&[entry]), &Options::default());
        assert!(
            error.starts_with(&format!("the archive of a@1.0.0 {message}")),
            "{error}"
        );
    }
}

#[test]
fn bytes_that_are_not_those_that_were_promised_are_not_kept() {
    let registry = Registry::start();
    registry.publish("a", "1.0.0", json!({}));
    let right = registry.integrity("a", "1.0.0");
    let wrong = crate::registry::integrity(b"something else");
    registry.change("a", "1.0.0", |manifest| {
        manifest["dist"]["integrity"] = wrong.clone().into()
    });
    let project = Project::new(&registry, json!({ "dependencies": { "a": "1" } }));
    assert_eq!(
        project.refuse(),
        format!("a@1.0.0 is not what it should be: expected {wrong}, found {right}")
    );
    let kept = std::fs::read_dir(project.cache().join("packages"))
        .unwrap()
        .count();
    let making = std::fs::read_dir(project.cache().join("making"))
        .unwrap()
        .count();
    assert_eq!((kept, making), (0, 0));
}

#[test]
fn registries_that_lie_are_not_believed() {
    type Lie<'a> = (&'a str, &'a dyn Fn(&mut serde_json::Value));
    let lies: [Lie; 5] = [
        ("it is about b@1.0.0", &|manifest| {
            manifest["name"] = "b".into()
        }),
        ("it is about a@2.0.0", &|manifest| {
            manifest["version"] = "2.0.0".into()
        }),
        ("its archive is not at an address of the web", &|manifest| {
            manifest["dist"]["tarball"] = "file:///etc/passwd".into()
        }),
        ("it does not say where the archive is", &|manifest| {
            manifest["dist"] = json!({})
        }),
        ("cannot be the name of a package", &|manifest| {
            manifest["dependencies"] = json!({ "../../up": "1" })
        }),
    ];
    for (message, lie) in lies {
        let registry = Registry::start();
        registry.publish("a", "1.0.0", json!({}));
        registry.change("a", "1.0.0", |manifest| lie(manifest));
        let project = Project::new(&registry, json!({ "dependencies": { "a": "1" } }));
        let error = project.try_install(&Options::default()).unwrap_err();
        assert!(matches!(error, Error::Packument { .. }), "{error}");
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn trees_without_end_reach_a_limit() {
    let registry = Registry::start();
    for number in 0..40 {
        let next = format!("p{}", number + 1);
        registry.publish(
            &format!("p{number}"),
            "1.0.0",
            json!({ "dependencies": { next: "1" } }),
        );
    }
    registry.publish("p40", "1.0.0", json!({ "dependencies": { "p0": "1" } }));
    let project = Project::new(&registry, json!({ "dependencies": { "p0": "1" } }));
    let mut options = Options::default();
    options.limits.packages = 20;
    let error = project.try_install(&options).unwrap_err().to_string();
    assert_eq!(error, "packages of a project: at most 20 packages");
    assert_eq!(project.install().packages, 41);
    let mut options = Options::default();
    options.limits.files = 10;
    std::fs::remove_dir_all(project.path().join("node_modules")).unwrap();
    let error = project.try_install(&options).unwrap_err().to_string();
    assert_eq!(error, "files of all packages: at most 10 files");
}
