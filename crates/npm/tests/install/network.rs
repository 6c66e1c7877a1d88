//! Registries that are far, slow, private, or gone.

use npm::Options;
use serde_json::json;

use crate::project::Project;
use crate::registry::Registry;

#[test]
fn without_a_registry_it_says_what_is_missing_and_where_it_looked() {
    let registry = Registry::start();
    for name in ["a", "b", "c"] {
        registry.publish(name, "1.0.0", json!({}));
    }
    let mut project = Project::new(&registry, json!({ "dependencies": { "a": "1" } }));
    project.install();
    project.write(
        "package.json",
        r#"{ "dependencies": { "a": "1", "b": "1", "c": "1" } }"#,
    );
    project.set("npm_config_offline", "true");
    let error = project.try_install(&Options::default()).unwrap_err();
    assert_eq!(
        error.hint().as_deref(),
        Some("run it once without --offline")
    );
    assert!(!error.is_mistake());
    let error = project.refuse();
    assert!(
        error.contains("missing: b")
            && error.contains("looked in the cache in FOLDER/cache; the registry was not asked"),
        "{error}"
    );
    project.set("npm_config_offline", "false");
    registry.stop();
    let error = project.refuse();
    assert!(
        error.contains("missing: b")
            && error.contains(&format!("and {}; ", registry.url()))
            && error.contains("cannot be reached"),
        "{error}"
    );
}

#[test]
fn all_archives_that_are_missing_are_named() {
    let registry = Registry::start();
    for name in ["a", "b", "c"] {
        registry.publish(name, "1.0.0", json!({}));
    }
    let mut project = Project::new(
        &registry,
        json!({ "dependencies": { "a": "1", "b": "1", "c": "1" } }),
    );
    project.install();
    std::fs::remove_dir_all(project.cache().join("packages")).unwrap();
    std::fs::remove_dir_all(project.path().join("node_modules")).unwrap();
    project.set("npm_config_offline", "true");
    assert!(
        project
            .refuse()
            .starts_with("3 missing: a@1.0.0, b@1.0.0, c@1.0.0; looked in the cache")
    );
}

#[test]
fn what_the_cache_knows_is_enough_when_that_is_asked_for() {
    let registry = Registry::start();
    registry.publish("a", "1.0.0", json!({}));
    let mut project = Project::new(&registry, json!({ "dependencies": { "a": "*" } }));
    let anew = |project: &Project| {
        std::fs::remove_dir_all(project.path().join("node_modules")).unwrap();
        std::fs::remove_file(project.path().join("package-lock.json")).unwrap();
        project.install()
    };
    project.install();
    registry.publish("a", "2.0.0", json!({}));
    for name in ["npm_config_prefer_offline", "npm_config_offline"] {
        project.set(name, "true");
        anew(&project);
        project.expect("node_modules/a 1.0.0");
        project.set(name, "false");
    }
    anew(&project);
    project.expect("node_modules/a 2.0.0");
    // A registry that is gone is as good as one that was not asked, with a word about it.
    registry.stop();
    let report = anew(&project);
    assert_eq!(
        report.warnings,
        [format!(
            "{} cannot be asked; used what the cache knew",
            registry.url()
        )]
    );
}

#[test]
fn a_registry_is_asked_only_whether_something_changed() {
    let registry = Registry::start();
    registry.publish("@s/a", "1.0.0", json!({}));
    let project = Project::new(&registry, json!({ "dependencies": { "@s/a": "*" } }));
    project.install();
    let asked = registry.take_asked();
    assert_eq!(asked[0].path, "/@s%2fa");
    assert!(asked[0].headers["accept"].starts_with("application/vnd.npm.install-v1+json"));
    std::fs::remove_file(project.path().join("package-lock.json")).unwrap();
    assert_eq!(project.install().downloaded, 0);
    let asked = registry.take_asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].headers.contains_key("if-none-match"));
    registry.publish("@s/a", "1.1.0", json!({}));
    std::fs::remove_file(project.path().join("package-lock.json")).unwrap();
    project.install();
    project.expect("node_modules/@s/a 1.1.0");
}

#[test]
fn what_fails_in_passing_is_asked_for_again_and_not_forever() {
    let registry = Registry::start();
    registry.publish("a", "1.0.0", json!({}));
    let project = Project::new(&registry, json!({ "dependencies": { "a": "1" } }));
    let busy = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 21\r\n\r\n{\"error\":\"come later\"}";
    let busy = busy.replace("21", &"{\"error\":\"come later\"}".len().to_string());
    registry.answer("/a", 1, &busy);
    // An archive that breaks off in the middle.
    registry.answer(
        "/a/-/a-1.0.0.tgz",
        1,
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1000\r\n\r\nhalf",
    );
    assert_eq!(project.install().downloaded, 1);
    let paths: Vec<String> = registry
        .take_asked()
        .into_iter()
        .map(|asked| asked.path)
        .collect();
    assert_eq!(paths, ["/a", "/a", "/a/-/a-1.0.0.tgz", "/a/-/a-1.0.0.tgz"]);

    let project = Project::new(&registry, json!({ "dependencies": { "a": "1" } }));
    registry.answer("/a", 100, &busy);
    let error = project.refuse();
    assert!(
        error.starts_with("1 missing: a; ") && error.ends_with("/a answers 503: come later"),
        "{error}"
    );
}

#[test]
fn secrets_go_to_their_registry_and_nowhere_else() {
    let (own, other) = (Registry::start(), Registry::start());
    own.publish("@s/a", "1.0.0", json!({ "dependencies": { "b": "1" } }));
    other.publish("b", "1.0.0", json!({}));
    let project = Project::new(&other, json!({ "dependencies": { "@s/a": "1" } }));
    project.write(
        ".npmrc",
        &format!(
            "@s:registry={}\n//{}/:_authToken=${{TOKEN}}\n",
            own.url(),
            own.authority()
        ),
    );
    let mut project = project;
    project.set("TOKEN", "t0ken");
    // It even leads elsewhere, with the archive.
    let elsewhere = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}@s/a/-/a-1.0.0.tgz\r\nContent-Length: 0\r\n\r\n",
        other.url()
    );
    own.answer("/@s/a/-/a-1.0.0.tgz", 1, &elsewhere);
    other.answer(
        "/@s/a/-/a-1.0.0.tgz",
        1,
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    );
    assert!(project.try_install(&Options::default()).is_err());
    project.install();
    let asked = own.take_asked();
    assert!(
        asked.len() >= 3
            && asked
                .iter()
                .all(|asked| asked.headers["authorization"] == "Bearer t0ken"),
        "{asked:?}"
    );
    let asked = other.take_asked();
    assert!(
        asked.len() >= 3
            && asked
                .iter()
                .all(|asked| !asked.headers.contains_key("authorization")),
        "{asked:?}"
    );
}

#[test]
fn a_registry_that_refuses_is_told_with_what_it_says() {
    let registry = Registry::start();
    let project = Project::new(&registry, json!({ "dependencies": { "a": "1" } }));
    let body = "{\"error\":\"you must log in\"}";
    let answer = format!(
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    registry.answer("/a", 9, &answer);
    let error = project.try_install(&Options::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{}a answers 401: you must log in", registry.url())
    );
    assert!(error.hint().unwrap().contains("_authToken"));
}

#[test]
fn proxies_are_used_except_where_they_are_not() {
    let proxy = Registry::start();
    proxy.publish("a", "1.0.0", json!({}));
    proxy.change("a", "1.0.0", |manifest| {
        manifest["dist"]["tarball"] = "http://registry.test/a/-/a-1.0.0.tgz".into();
    });
    let mut project = Project::new(&proxy, json!({ "dependencies": { "a": "1" } }));
    project.set("npm_config_registry", "http://registry.test/");
    project.set("npm_config_proxy", &proxy.url());
    project.install();
    let paths: Vec<String> = proxy
        .take_asked()
        .into_iter()
        .map(|asked| asked.path)
        .collect();
    assert_eq!(
        paths,
        [
            "http://registry.test/a",
            "http://registry.test/a/-/a-1.0.0.tgz"
        ]
    );
    // The other way round: the registry is reached though the proxy is nowhere.
    let mut project = Project::new(&proxy, json!({ "dependencies": { "a": "1" } }));
    project.set("HTTP_PROXY", "http://127.0.0.1:1");
    assert!(project.refuse().contains("cannot be reached"));
    project.set("NO_PROXY", "localhost,127.0.0.1");
    proxy.change("a", "1.0.0", |manifest| {
        manifest["dist"]["tarball"] = format!("{}a/-/a-1.0.0.tgz", proxy.url()).into();
    });
    project.install();
}

#[test]
fn a_proxy_is_asked_for_a_tunnel_to_what_is_secure() {
    let proxy = Registry::start();
    proxy.answer(
        "registry.test:443",
        9,
        "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
    );
    let mut project = Project::new(&proxy, json!({ "dependencies": { "a": "1" } }));
    project.set("npm_config_registry", "https://registry.test/");
    project.set(
        "HTTPS_PROXY",
        &format!("http://me:s%40cret@{}", proxy.authority()),
    );
    let error = project.refuse();
    assert!(
        error.contains("the proxy answers \"HTTP/1.1 407"),
        "{error}"
    );
    let asked = proxy.take_asked();
    // me:s@cret
    assert!(
        asked
            .iter()
            .all(|asked| asked.headers["proxy-authorization"] == "Basic bWU6c0BjcmV0"),
        "{asked:?}"
    );
}

#[test]
fn a_proxy_is_told_who_asks_and_named_when_it_is_not_there() {
    let proxy = Registry::start();
    proxy.publish("a", "1.0.0", json!({}));
    proxy.change("a", "1.0.0", |manifest| {
        manifest["dist"]["tarball"] = "http://registry.test/a/-/a-1.0.0.tgz".into();
    });
    let mut project = Project::new(&proxy, json!({ "dependencies": { "a": "1" } }));
    project.set("npm_config_registry", "http://registry.test/");
    let address = format!("http://me:s%40cret@{}", proxy.authority());
    project.set("HTTP_PROXY", &address);
    project.install();
    let asked = proxy.take_asked();
    assert_eq!(asked.len(), 2);
    // me:s@cret
    let is_told = |header: Option<&String>| header.is_some_and(|text| text == "Basic bWU6c0BjcmV0");
    let mut headers = asked
        .iter()
        .map(|asked| asked.headers.get("proxy-authorization"));
    assert!(headers.all(is_told), "{asked:?}");
    let mut project = Project::new(&proxy, json!({ "dependencies": { "a": "1" } }));
    project.set("npm_config_registry", "https://registry.test/");
    project.set("HTTPS_PROXY", "http://me:s%40cret@127.0.0.1:1");
    let error = project.refuse();
    assert!(error.contains("the proxy http://127.0.0.1:1: "), "{error}");
    assert!(!error.contains("cret"), "{error}");
}

#[test]
fn hosts_that_are_reached_without_a_proxy_may_have_a_port() {
    let registry = Registry::start();
    registry.publish("a", "1.0.0", json!({}));
    let manifest = json!({ "dependencies": { "a": "1" } });
    let mut project = Project::new(&registry, manifest);
    project.set("HTTP_PROXY", "http://127.0.0.1:1");
    project.set("NO_PROXY", "127.0.0.1:1,[::1]:80,::1");
    assert!(project.refuse().contains("cannot be reached"));
    project.set(
        "NO_PROXY",
        &format!("127.0.0.1:1, {}", registry.authority()),
    );
    project.install();
}
