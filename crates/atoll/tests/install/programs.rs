//! Packages of programs that a worker builds: found by the host, for a worker that has no network of its own.

use serde_json::{Value, json};

use crate::registry::{Entry, Registry, archive, integrity};
use crate::support::{Project, Server};

/// A worker that builds a program of what it is asked for, and gives what became of it.
const WORKER: &str = r#"
import { createWorker } from "@cloudflare/worker-bundler";
export default { async fetch(request, env) {
  const { dependencies, registry } = JSON.parse(decodeURIComponent(new URL(request.url).search.slice(1)));
  const names = Object.keys(dependencies);
  const imports = names.map((name, index) => `import p${index} from ${JSON.stringify(name)};`);
  const words = names.map((_, index) => `p${index}`);
  const files = { "package.json": JSON.stringify({ dependencies }),
    "index.js": `${imports.join("\n")} export default { fetch: () => Response.json([${words}]) };` };
  try {
    const { mainModule, modules, warnings = [] } = await createWorker({ files, registry });
    const installed = warnings.filter((warning) => !warning.startsWith('Could not resolve "'));
    if (installed.length < warnings.length) return Response.json({ warnings: installed });
    const inner = env.LOADER.load({ compatibilityDate: "2026-06-11", mainModule, modules, globalOutbound: null });
    return Response.json({ words: await (await inner.getEntrypoint().fetch("http://x/")).json(), warnings });
  } catch (error) {
    return Response.json({ error: error.message });
  }
} };
"#;

/// A project whose worker builds programs, before a registry with some packages.
fn builder(settings: &Value) -> (Registry, Project) {
    let registry = Registry::start();
    let word = |name: &str, version: &str, fields: Value, code: &str| {
        registry.publish_files(
            name,
            version,
            fields,
            &[("index.js", code.as_bytes(), 0o644)],
        );
    };
    word("leaf", "1.0.0", json!({}), "export default 'leaf';");
    let needs = || json!({ "type": "module", "dependencies": { "leaf": "^1" } });
    for version in ["1.0.0", "1.1.0"] {
        let code = format!("import leaf from 'leaf'; export default `tree {version}, ${{leaf}}`;");
        word("tree", version, needs(), &code);
    }
    let project = Project::new(&[
        ("index.js", WORKER),
        (
            "wrangler.json",
            r#"{ "name": "w", "main": "index.js", "compatibility_date": "2026-06-11",
                 "worker_loaders": [{ "binding": "LOADER" }] }"#,
        ),
    ]);
    let mut settings = settings.clone();
    // What asks has no network: packages are not its own business.
    settings["globalOutbound"] = Value::Null;
    project.write("atoll.jsonc", &settings.to_string());
    let lines = format!("registry={}\nfetch-retries=0\n", registry.url());
    project.write(".npmrc", &lines);
    (registry, project)
}

fn serve(project: &Project) -> Server {
    project.start(&["serve"], "isolates are held by")
}

/// What becomes of a program that wants these packages.
fn ask(server: &Server, wanted: &Value) -> Value {
    let wanted: String = wanted
        .to_string()
        .bytes()
        .fold(String::new(), |text, byte| format!("{text}%{byte:02x}"));
    let (status, answer) = server.get(&format!("/?{wanted}"));
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str(&answer).unwrap()
}

fn asks(server: &Server, dependencies: Value) -> Value {
    ask(server, &json!({ "dependencies": dependencies }))
}

fn words(words: &[&str]) -> Value {
    json!({ "words": words, "warnings": [] })
}

#[test]
fn programs_get_packages_at_given_and_latest_versions() {
    let (registry, project) = builder(&json!({}));
    let server = serve(&project);
    let given = asks(&server, json!({ "tree": "1.0.0" }));
    assert_eq!(given, words(&["tree 1.0.0, leaf"]));
    let latest = asks(&server, json!({ "tree": "latest", "leaf": "*" }));
    assert_eq!(latest, words(&["tree 1.1.0, leaf", "leaf"]));
    // What is asked for again is there already.
    registry.take_asked();
    assert_eq!(asks(&server, json!({ "tree": "1.0.0" })), given);
    assert!(registry.take_asked().is_empty());
    let some = asks(
        &server,
        json!({ "leaf": "^1", "absent": "1", "tree": "^7" }),
    );
    assert_eq!(
        some["warnings"],
        json!([
            format!(
                "Failed to install absent: Registry returned 404 Not Found for \"absent\" at {}absent (package not found — \
                 check the name in package.json or set the `registry` option if it lives on a private registry)",
                registry.url()
            ),
            "Could not resolve version for tree@^7",
        ])
    );
}

#[test]
fn the_same_build_works_when_the_registry_is_gone() {
    let (registry, project) = builder(&json!({}));
    let wanted = || json!({ "tree": "latest" });
    let server = serve(&project);
    let before = asks(&server, wanted());
    drop(server);
    registry.stop();
    let server = serve(&project);
    let after = asks(&server, wanted());
    assert_eq!(after["words"], before["words"]);
    assert_eq!(
        after["warnings"],
        json!([format!(
            "{} cannot be asked; used what the cache knew",
            registry.url()
        )])
    );
    let other = asks(&server, json!({ "other": "1" }));
    let warning = other["warnings"][0].as_str().unwrap();
    assert!(
        warning.starts_with("Failed to install other: other cannot be had: "),
        "{warning}"
    );
    // Where the cache is, is nobody's business who writes programs.
    assert!(!warning.contains(".cache"), "{warning}");
    drop(server);
    project.write(
        ".npmrc",
        &format!("registry={}\noffline=true\n", registry.url()),
    );
    assert_eq!(asks(&serve(&project), wanted()), before);
}

#[test]
fn only_packages_that_are_allowed_are_asked_for() {
    let (registry, project) = builder(&json!({ "builds": { "packages": ["tree", "@s/*"] } }));
    registry.publish("@s/one", "1.0.0", json!({}));
    let server = serve(&project);
    let refused = asks(
        &server,
        json!({ "tree": "1", "@s/one": "1", "secret": "1" }),
    );
    assert_eq!(
        refused["warnings"],
        json!([
            "Failed to install secret: the package secret is not allowed here (wanted by the project)",
            "Failed to install tree: the package leaf is not allowed here (wanted by tree@1.1.0)",
        ])
    );
    let asked = registry.take_asked();
    assert!(
        asked
            .iter()
            .all(|asked| asked.path != "/leaf" && asked.path != "/secret")
    );
    assert_eq!(
        asks(&server, json!({ "@s/one": "1" })),
        words(&["@s/one@1.0.0"])
    );
}

#[test]
fn programs_name_no_other_registry_than_the_settings_do() {
    let (own, project) = builder(&json!({}));
    let other = Registry::start();
    other.publish("theirs", "1.0.0", json!({}));
    let wanted =
        |registry: &str| json!({ "dependencies": { "theirs": "1" }, "registry": registry });
    let server = serve(&project);
    assert_eq!(
        ask(&server, &wanted(&other.url())),
        json!({ "error": format!("The registry {} is not one that programs may use here: see `builds.registries` in atoll.jsonc.", other.url()) })
    );
    assert!(other.take_asked().is_empty());
    // The one that the npm package asks stands for the one that is used here.
    let leaf = |registry: &str| json!({ "dependencies": { "leaf": "1" }, "registry": registry });
    let usual = ask(&server, &leaf("https://registry.npmjs.org"));
    assert_eq!(usual, words(&["leaf"]));
    assert_eq!(ask(&server, &leaf(&own.url())), usual);
    drop(server);
    let builds = json!({ "builds": { "registries": [other.url()] } });
    project.write("atoll.jsonc", &builds.to_string());
    let server = serve(&project);
    assert_eq!(
        ask(&server, &wanted(&other.url())),
        words(&["theirs@1.0.0"])
    );
}

/// Who writes a program shall not get what only the one who runs it may have.
#[test]
fn credentials_are_used_for_packages_that_were_named() {
    let (registry, project) = builder(&json!({}));
    let lines = format!(
        "registry={}\nfetch-retries=0\n//{}/:_authToken=key\n",
        registry.url(),
        registry.authority()
    );
    project.write(".npmrc", &lines);
    let told = |registry: &Registry| {
        let asked = registry.take_asked();
        assert!(!asked.is_empty());
        let mut all = asked.iter();
        all.any(|asked| asked.headers.contains_key("authorization"))
    };
    assert_eq!(
        asks(&serve(&project), json!({ "leaf": "1" })),
        words(&["leaf"])
    );
    assert!(!told(&registry));
    // What the project itself was told with its credentials is no answer for others.
    let manifest = r#"{ "name": "w", "dependencies": { "tree": "1" } }"#;
    project.write("package.json", manifest);
    assert_eq!(project.run(&["install"]).0, 0);
    assert!(told(&registry));
    registry.stop();
    let private = asks(&serve(&project), json!({ "tree": "1" }));
    let warning = private["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("Failed to install tree: "), "{warning}");
    project.write("atoll.jsonc", r#"{ "builds": { "packages": ["*"] } }"#);
    let named = asks(&serve(&project), json!({ "tree": "1" }));
    assert_eq!(named["words"], json!(["tree 1.1.0, leaf"]));
}

/// Each is refused by itself; the next program is built as if nothing had been.
#[test]
fn packages_and_manifests_that_lie_hurt_nobody() {
    let (registry, project) = builder(&json!({}));
    let manifest = |name: &str| {
        let text = json!({ "name": name, "version": "1.0.0" }).to_string();
        Entry::file("package/package.json", text.as_bytes(), 0o644)
    };
    let publish = |name: &str, entries: &[Entry]| {
        registry.publish_archive(name, "1.0.0", json!({}), archive(entries));
    };
    let escape = Entry::file("package/../../../../../escaped.js", b"", 0o644);
    publish("escape", &[manifest("escape"), escape]);
    let link = Entry::special("package/index.js", b'2', "/etc/passwd");
    publish("link", &[manifest("link"), link]);
    let zeros = Entry::file("package/zeros.js", &vec![0; 80 << 20], 0o644);
    publish("bomb", &[manifest("bomb"), zeros]);
    publish("mask", &[manifest("leaf")]);
    publish("changed", &[manifest("changed")]);
    registry.change("changed", "1.0.0", |manifest| {
        manifest["dist"]["integrity"] = integrity(b"something else").into();
    });
    registry.publish(
        "deep",
        "1.0.0",
        json!({ "dependencies": { "../../../escape": "1" } }),
    );
    registry.publish("bad", "1.0.0", json!({}));
    registry.answer(
        "/bad",
        9,
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n[1,2]",
    );
    let server = serve(&project);
    // A link is left out of its package, as npm has it, and nobody follows it.
    assert_eq!(
        asks(&server, json!({ "link": "1" })),
        json!({ "warnings": [] })
    );
    for name in ["escape", "bomb", "mask", "changed", "deep", "bad"] {
        let answer = asks(&server, json!({ name: "1" }));
        let warning = answer["warnings"][0].as_str().unwrap_or_default();
        let start = format!("Failed to install {name}: ");
        assert!(warning.starts_with(&start), "{name}: {answer}");
    }
    for (name, spec) in [
        ("../../escape", "1"),
        ("leaf", "file:../../etc"),
        ("leaf", "http://127.0.0.1:1/leaf.tgz"),
        ("leaf", "git+ssh://127.0.0.1/leaf"),
        ("leaf", "npm:../leaf@1"),
    ] {
        let answer = asks(&server, json!({ name: spec }));
        let warning = answer["warnings"][0].as_str().unwrap_or_default();
        assert!(
            warning.starts_with("Failed to install"),
            "{name}@{spec}: {answer}"
        );
    }
    let many: serde_json::Map<String, Value> = (0..257)
        .map(|number| (format!("p{number}"), "1".into()))
        .collect();
    assert_eq!(
        asks(&server, many.into()),
        json!({ "error": "The program wants 257 packages, which is more than 256." })
    );
    assert_eq!(asks(&server, json!({ "leaf": "1" })), words(&["leaf"]));
    assert!(!project.path().join("escaped.js").exists());
}

/// A chain of packages without end is followed to a bound.
#[test]
fn packages_that_need_ever_more_packages_come_to_an_end() {
    let (registry, project) = builder(&json!({}));
    for number in 0..=1000 {
        let next = format!("chain{}", number + 1);
        registry.publish(
            &format!("chain{number}"),
            "1.0.0",
            json!({ "dependencies": { next: "1" } }),
        );
    }
    let server = serve(&project);
    assert_eq!(
        asks(&server, json!({ "chain0": "1" }))["warnings"],
        json!(["Failed to install chain0: packages of a project: at most 1000 packages"])
    );
    assert_eq!(asks(&server, json!({ "leaf": "1" })), words(&["leaf"]));
}
