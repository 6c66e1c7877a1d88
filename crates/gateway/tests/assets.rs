//! What static assets promise, as requests and responses.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;

use gateway::assets::{Assets, Config, HtmlHandling, NotFoundHandling};
use gateway::{RunWorkerFirst, Site};
use host::{Body, Fetcher, Request, Response};
use http_body_util::BodyExt;
use support::*;
use tempfile::TempDir;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn open(folder: &TempDir, not_found: NotFoundHandling, fresh: bool) -> Arc<Assets> {
    Arc::new(
        Assets::open(&Config {
            directory: folder.path().to_owned(),
            html_handling: HtmlHandling::default(),
            not_found_handling: not_found,
            fresh,
        })
        .unwrap(),
    )
}

async fn ask(fetcher: &dyn Fetcher, line: &str) -> Response {
    let mut parts = line.split(' ');
    let mut request = Request::new(Body::empty());
    *request.method_mut() = parts.next().unwrap().parse().unwrap();
    *request.uri_mut() = format!("http://h{}", parts.next().unwrap())
        .parse()
        .unwrap();
    for header in parts {
        let (name, value) = header.split_once(':').unwrap();
        let name: http::HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    fetcher.fetch(request).await.unwrap()
}

/// Status, location or body.
async fn outcome(fetcher: &dyn Fetcher, line: &str) -> (u16, String) {
    let response = ask(fetcher, line).await;
    let status = response.status().as_u16();
    let text = match response.headers().get("location") {
        Some(location) => format!("→ {}", location.to_str().unwrap()),
        None => {
            let body = response.into_body().collect().await.unwrap().to_bytes();
            String::from_utf8_lossy(&body).into_owned()
        }
    };
    (status, text)
}

async fn check(fetcher: &dyn Fetcher, cases: &[(&str, u16, &str)]) {
    for (line, status, text) in cases {
        let got = outcome(fetcher, line).await;
        assert_eq!(got, (*status, (*text).to_owned()), "{line}");
    }
}

#[tokio::test]
async fn files_have_a_type_a_validator_and_are_always_asked_for_again() {
    let folder = folder(&[("a.css", "body {}")]);
    let assets = open(&folder, NotFoundHandling::None, false);
    let response = ask(&*assets, "GET /a.css").await;
    let headers = response.headers();
    assert_eq!(headers["content-type"], "text/css; charset=utf-8");
    assert_eq!(
        headers["cache-control"],
        "public, max-age=0, must-revalidate"
    );
    let etag = headers["etag"].to_str().unwrap().to_owned();
    check(
        &*assets,
        &[
            (&format!("GET /a.css if-none-match:{etag}"), 304, ""),
            (&format!("GET /a.css if-none-match:W/{etag}"), 304, ""),
            ("GET /a.css if-none-match:\"other\"", 200, "body {}"),
            ("POST /a.css", 405, ""),
            ("GET /none.css", 404, ""),
        ],
    )
    .await;
    let authorized = ask(&*assets, "GET /a.css authorization:x").await;
    assert!(!authorized.headers().contains_key("cache-control"));
}

#[tokio::test]
async fn nothing_outside_of_the_folder_is_served() {
    let outside = folder(&[("secret.txt", "secret")]);
    let folder = folder(&[
        ("public/in.txt", "in"),
        ("public/.assetsignore", "*.key"),
        ("public/private.key", "key"),
        ("public/with space.txt", "space"),
        ("beside.txt", "beside"),
    ]);
    let public = folder.path().join("public");
    symlink(outside.path(), public.join("out")).unwrap();
    symlink(outside.path().join("secret.txt"), public.join("link.txt")).unwrap();
    symlink(public.join("in.txt"), public.join("alias.txt")).unwrap();
    for fresh in [true, false] {
        let assets = Assets::open(&Config {
            directory: public.clone(),
            html_handling: HtmlHandling::default(),
            not_found_handling: NotFoundHandling::None,
            fresh,
        })
        .unwrap();
        for path in [
            "/../beside.txt",
            "/%2e%2e/beside.txt",
            "/..%2fbeside.txt",
            "/..%5cbeside.txt",
            "/x/../../beside.txt",
            "/in.txt%00",
            "/in.txt/",
            "/out/secret.txt",
            "/link.txt",
            "/private.key",
            "/.assetsignore",
        ] {
            let got = outcome(&assets, &format!("GET {path}")).await;
            assert_eq!(got, (404, String::new()), "{path}, fresh: {fresh}");
        }
        check(
            &assets,
            &[
                ("GET /in.txt", 200, "in"),
                ("GET /alias.txt", 200, "in"),
                ("GET /with%20space.txt", 200, "space"),
                ("GET //in.txt?q", 307, "→ /in.txt?q"),
                ("GET /%69n.txt", 307, "→ /in.txt"),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn large_files_arrive_whole() {
    let content = "0123456789abcdef".repeat(20_000);
    let folder = folder(&[("large.txt", &content)]);
    let assets = open(&folder, NotFoundHandling::None, true);
    assert_eq!(outcome(&*assets, "GET /large.txt").await, (200, content));
}

#[tokio::test]
async fn redirects_come_first_and_headers_last() {
    let folder = folder(&[
        ("page.html", "page"),
        ("_redirects", "/old/* /new/:splat 301\n/show /page 200\n"),
        ("_headers", "/*\n  X-All: yes\n"),
    ]);
    let assets = open(&folder, NotFoundHandling::None, false);
    check(
        &*assets,
        &[
            ("GET /old/a?q=1", 301, "→ /new/a?q=1"),
            ("GET /show", 200, "page"),
            ("GET /_headers", 404, ""),
        ],
    )
    .await;
    for path in ["/page", "/old/x", "/none"] {
        let response = ask(&*assets, &format!("GET {path}")).await;
        assert_eq!(response.headers()["x-all"], "yes", "{path}");
    }
}

fn worker() -> Arc<dyn Fetcher> {
    fetcher(|request: Request| async move { text(format!("worker {}", request.uri().path())) })
}

#[tokio::test]
async fn files_come_before_the_worker_unless_it_runs_first() {
    let folder = folder(&[
        ("index.html", "app"),
        ("404.html", "lost"),
        ("api/doc", "doc"),
        ("a.txt", "a"),
    ]);
    let site = |not_found, run_worker_first| Site {
        assets: open(&folder, not_found, true),
        worker: Some(worker()),
        run_worker_first,
    };
    let patterns = |patterns: &[&str]| {
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        RunWorkerFirst::patterns(&patterns)
    };
    check(
        &site(
            NotFoundHandling::SinglePageApplication,
            RunWorkerFirst::Never,
        ),
        &[
            ("GET /a.txt", 200, "a"),
            ("GET /deep/link", 200, "worker /deep/link"),
            ("GET /deep/link sec-fetch-mode:navigate", 200, "app"),
            (
                "GET /deep/link sec-fetch-mode:cors",
                200,
                "worker /deep/link",
            ),
            ("POST /form", 200, "worker /form"),
        ],
    )
    .await;
    check(
        &site(NotFoundHandling::NotFoundPage, RunWorkerFirst::Always),
        &[
            ("GET /a.txt", 200, "worker /a.txt"),
            ("GET /none sec-fetch-mode:navigate", 200, "worker /none"),
        ],
    )
    .await;
    check(
        &site(
            NotFoundHandling::NotFoundPage,
            patterns(&["/api/*", "!/api/doc"]).unwrap(),
        ),
        &[
            ("GET /api/x", 200, "worker /api/x"),
            ("GET /api/doc", 200, "doc"),
            ("GET /a.txt", 200, "a"),
            ("GET /none", 404, "lost"),
        ],
    )
    .await;
    for wrong in [&["api/*"][..], &["!/api/*"], &["/", "x"]] {
        assert!(patterns(wrong).is_err(), "{wrong:?}");
    }
}
