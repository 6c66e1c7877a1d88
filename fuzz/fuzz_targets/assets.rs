//! Whatever `_headers`, `_redirects` and `.assetsignore` say and whatever is asked for, a folder of assets answers, and
//! never with a file from elsewhere.
//!
//! The first byte says how the folder is served, the first line is the request, the rest up to a zero byte is `_headers`,
//! then `_redirects`, then `.assetsignore`.
#![no_main]

mod in_memory;

use std::fs;
use std::sync::LazyLock;

use gateway::assets::{Assets, Config, HtmlHandling, NotFoundHandling};
use host::{Body, Fetcher};
use http_body_util::BodyExt;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("there is room")
});

fuzz_target!(|bytes: &[u8]| {
    let Some((how, rest)) = bytes.split_first() else {
        return;
    };
    let (line, files) = match rest.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&rest[..end], &rest[end + 1..]),
        None => (rest, &rest[..0]),
    };
    let around = in_memory::folder();
    let folder = around.path().join("public");
    let write = |name: &str, content: &[u8]| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("it is inside")).expect("there is room");
        fs::write(path, content).expect("there is room");
    };
    for name in [
        "index.html",
        "404.html",
        "about.html",
        "blog/index.html",
        "a b.txt",
    ] {
        write(name, b"inside");
    }
    fs::write(around.path().join("secret.html"), b"outside").expect("there is room");
    for (name, content) in ["_headers", "_redirects", ".assetsignore"]
        .iter()
        .zip(files.split(|byte| *byte == 0))
    {
        write(name, content);
    }
    let assets = Assets::open(&Config {
        directory: folder,
        html_handling: match how & 3 {
            0 => HtmlHandling::AutoTrailingSlash,
            1 => HtmlHandling::ForceTrailingSlash,
            2 => HtmlHandling::DropTrailingSlash,
            _ => HtmlHandling::None,
        },
        not_found_handling: match how >> 2 & 3 {
            0 => NotFoundHandling::None,
            1 => NotFoundHandling::NotFoundPage,
            _ => NotFoundHandling::SinglePageApplication,
        },
        fresh: how & 16 == 0,
    });
    let Ok(assets) = assets else { return };
    let mut parts = line.split(|byte| *byte == b' ');
    let path = parts.next().unwrap_or_default();
    let uri = [b"http://localhost", path].concat();
    let Some(mut request) = request_for(&uri) else {
        return;
    };
    let names = [
        "if-none-match",
        "range",
        "if-modified-since",
        "accept-encoding",
    ];
    for (name, value) in names.iter().zip(parts) {
        if let Ok(value) = value.try_into() {
            request.headers_mut().insert(*name, value);
        }
    }
    RUNTIME.block_on(async {
        let Ok(response) = assets.fetch(request).await else {
            return;
        };
        if let Ok(body) = response.into_body().collect().await {
            assert_ne!(&*body.to_bytes(), b"outside");
        }
    });
});

fn request_for(uri: &[u8]) -> Option<host::Request> {
    let uri: http::Uri = uri.try_into().ok()?;
    let mut request = host::Request::new(Body::empty());
    *request.uri_mut() = uri;
    Some(request)
}
