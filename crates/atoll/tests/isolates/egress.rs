//! Egress policies: what they let through, what they add, what they refuse and how they say so.

use std::sync::Arc;

use host::Policy;
use tokio::net::TcpListener;

use crate::outside::*;
use crate::workers::*;

/// What `run` gives as JSON, with `say(work)` for the text of a response or an error, and `origin` in reach.
async fn gives(policy: Arc<Policy>, origin: &str, run: &str) -> String {
    let code = format!(
        "const origin = '{origin}'; const say = async (work) => {{ try {{ const answer = await work(); \
         return answer instanceof Response ? `${{answer.status}} ${{await answer.text()}}` : answer; }} \
         catch (error) {{ return `${{error.name}}: ${{error.message}}`; }} }}; \
         const get = (path, init) => say(() => env.OUT.fetch(path.includes('://') ? path : origin + path, init)); \
         return Response.json(await (async () => {{ {run} }})());"
    );
    let app = App::fetch(&code).without_powers().service("OUT", policy);
    let app = app.loader("LOADER", runtime().await.loader());
    text(&app.deploy().await, "/").await
}

fn lines(answer: &str) -> Vec<String> {
    serde_json::from_str(answer).unwrap()
}

#[test]
fn what_no_rule_allows_is_refused_by_name_and_with_the_reason() {
    run(async {
        let server = Outside::start().await;
        let origin = server.origin();
        let policy = policy("acme", vec![rule(&format!("{origin}/repos/acme/"))]);
        let answer = gives(
            policy,
            &origin,
            "return [await get('/repos/acme/x?q=secret'), await get('/repos/other/x?q=secret'), await get('/repos/acme/x', { method: 'DELETE' }), \
             await get('https://example.com/'), await get(origin.replace('127.0.0.1', 'localhost') + '/repos/acme/x')];",
        )
        .await;
        let lines = lines(&answer);
        assert!(
            lines[0].starts_with("200 get /repos/acme/x?q=secret http/1.1"),
            "{lines:?}"
        );
        assert_eq!(
            lines[1..],
            [
                format!("TypeError: Egress policy \"acme\" refused GET {origin}/repos/other/x: no rule allows it."),
                format!(
                    "TypeError: Egress policy \"acme\" refused DELETE {origin}/repos/acme/x: only GET, HEAD are allowed for \
                     {origin}/repos/acme/."
                ),
                "TypeError: Egress policy \"acme\" refused GET https://example.com/: no rule allows it.".to_owned(),
                format!(
                    "TypeError: Egress policy \"acme\" refused GET http://localhost:{}/repos/acme/x: no rule allows it.",
                    server.port()
                ),
            ]
        );
        assert_eq!(server.seen().len(), 1);
    });
}

#[test]
fn a_policy_is_the_only_way_out_of_code_that_gets_it_as_its_network() {
    run(async {
        let server = Outside::start().await;
        let origin = server.origin();
        let policy = policy("acme", vec![rule(&format!("{origin}/ok/"))]);
        let answer = gives(
            policy,
            &origin,
            r#"
            const source = `export default { async fetch(request, env) {
              const seen = [];
              for (const path of ["/ok/a", "/no"]) try { seen.push((await fetch("${origin}" + path)).status); } catch (error) { seen.push(error.message); }
              seen.push((await env.OUT.fetch("${origin}/ok/b")).status);
              return Response.json(seen);
            } }`;
            const code = { compatibilityDate: "2026-06-11", mainModule: "a.js", modules: { "a.js": source }, env: { OUT: env.OUT } };
            const run = async (globalOutbound) => (await env.LOADER.load({ ...code, globalOutbound }).getEntrypoint().fetch("http://x/")).json();
            return [await run(env.OUT), (await run(null))[0]];"#,
        )
        .await;
        assert_eq!(
            answer,
            format!(
                "[[200,\"Egress policy \\\"acme\\\" refused GET {origin}/no: no rule allows it.\",200],\"This worker is not \
                 permitted to access the internet via global functions like fetch(). It must use capabilities (such as \
                 bindings in 'env') to talk to the outside world.\"]"
            )
        );
        let global = crate::outside::policy("acme", vec![rule(&format!("{origin}/ok/"))]);
        let app = App::fetch(&format!("return fetch('{origin}/ok/c');")).outbound(global);
        assert_eq!(get(&app.deploy().await, "/").await.status, 200);
    });
}

#[test]
fn credentials_go_where_their_rule_says_and_nowhere_else() {
    run(async {
        let (_folder, secrets) = secret("TOKEN", "s3cr3t");
        let other = Outside::start().await;
        let server = Outside::with(Answers::from([
            (
                "/api/away",
                redirect("302 Found", &format!("{}/plain", other.origin())),
            ),
            ("/api/near", redirect("302 Found", "/open/x")),
            ("/open/back", redirect("307 Temporary Redirect", "/api/x")),
        ]))
        .await;
        let origin = server.origin();
        let with = |path: &str| {
            with_secret(
                rule(&format!("{origin}{path}")),
                "authorization",
                "Bearer ",
                "TOKEN",
            )
        };
        let mut options = options(
            "api",
            vec![
                with("/api/"),
                rule(&format!("{origin}/open/")),
                rule(&format!("{}/", other.origin())),
            ],
        );
        options.secrets = Some(secrets);
        let answer = gives(
            Arc::new(Policy::new(options)),
            &origin,
            "return [await get('/api/x', { headers: { authorization: 'Basic own', 'x-echo': '{{secret:TOKEN}}' } }), \
             await get('/open/x', { headers: { authorization: 'Basic own' } }), await get('/api/away'), await get('/api/near'), await get('/open/back')];",
        )
        .await;
        let lines = lines(&answer);
        assert!(
            lines[0].contains("\r\nauthorization: bearer s3cr3t\r\n"),
            "{lines:?}"
        );
        assert!(
            lines[0].contains("\r\nx-echo: {{secret:token}}\r\n"),
            "{lines:?}"
        );
        assert!(!lines[0].contains("basic own"), "{lines:?}");
        assert!(
            lines[1].contains("authorization: basic own") && !lines[1].contains("s3cr3t"),
            "{lines:?}"
        );
        assert!(
            !lines[2].contains("s3cr3t") && !lines[3].contains("s3cr3t"),
            "{lines:?}"
        );
        assert!(
            lines[4].contains("authorization: bearer s3cr3t"),
            "{lines:?}"
        );
        assert!(other.seen().iter().all(|head| !head.contains("s3cr3t")));
    });
}

#[test]
fn a_secret_that_is_changed_counts_at_once_and_one_that_is_missing_is_named() {
    run(async {
        let (_folder, secrets) = secret("TOKEN", "first");
        let server = Outside::start().await;
        let origin = server.origin();
        let rules = vec![with_secret(
            rule(&format!("{origin}/")),
            "x-key",
            "",
            "TOKEN",
        )];
        let mut options = options("api", rules);
        options.secrets = Some(Arc::clone(&secrets));
        let policy = Arc::new(Policy::new(options));
        let ask = || gives(Arc::clone(&policy), &origin, "return [await get('/')];");
        assert!(ask().await.contains("x-key: first"));
        secrets.put("TOKEN", "second").unwrap();
        assert!(ask().await.contains("x-key: second"));
        secrets.delete("TOKEN").unwrap();
        assert!(
            ask().await.contains("refused GET")
                && ask().await.contains("its secret TOKEN is not set.")
        );
    });
}

#[test]
fn sizes_and_rates_are_bounded() {
    run(async {
        let server = Outside::with(Answers::from([(
            "/long",
            plain("200 OK", "", &[b'x'; 3000]),
        )]))
        .await;
        let origin = server.origin();
        let mut options = options("small", vec![any_method(rule(&format!("{origin}/")))]);
        options.max_request_bytes = Some(1000);
        options.max_response_bytes = Some(2000);
        options.requests_per_minute = Some(5);
        let answer = gives(
            Arc::new(Policy::new(options)),
            &origin,
            "const stream = (length) => { const { readable, writable } = new TransformStream(); const writer = writable.getWriter(); \
             (async () => { for (let left = length; left > 0; left -= 100) await writer.write(new Uint8Array(100)); await writer.close(); })().catch(() => {}); return readable; }; \
             const put = (body) => get('/', { method: 'PUT', body }); const short = (line) => line.slice(0, 3) === '200' ? '200' : line; \
             return [await put('x'.repeat(1000)), await put('x'.repeat(1001)), await put(stream(5000)), await get('/long'), await get('/'), await get('/'), await get('/')].map(short);",
        )
        .await;
        let refused = |method: &str, reason: &str| {
            format!("TypeError: Egress policy \"small\" refused {method} {origin}/: {reason}.")
        };
        assert_eq!(
            lines(&answer),
            [
                "200".to_owned(),
                refused(
                    "PUT",
                    "its body is longer than 1000 bytes (maxRequestBytes)"
                ),
                refused(
                    "PUT",
                    "its body is longer than 1000 bytes (maxRequestBytes)"
                ),
                format!(
                    "Error: Egress policy \"small\" cut off the response to GET {origin}/long: it is longer than 2000 bytes \
                     (maxResponseBytes)."
                ),
                "200".to_owned(),
                "200".to_owned(),
                refused(
                    "GET",
                    "there were more than 5 requests in a minute (requestsPerMinute)"
                ),
            ]
        );
    });
}

#[test]
fn web_sockets_go_through_a_policy() {
    run(async {
        use futures_util::{SinkExt, StreamExt};
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
                while let Some(Ok(message)) = socket.next().await {
                    if message.is_close() {
                        break;
                    }
                    socket.send(message).await.unwrap();
                }
            }
        });
        let mut sockets_only = rule(&format!("http://{address}/socket"));
        sockets_only.sockets_only = true;
        let answer = gives(
            policy("live", vec![sockets_only]),
            &format!("http://{address}"),
            "const open = (path) => env.OUT.fetch(origin + path, { headers: { upgrade: 'websocket' } }); \
             const { webSocket } = await open('/socket/a'); webSocket.accept(); webSocket.send('there'); \
             const message = await new Promise((resolve) => webSocket.addEventListener('message', ({ data }) => resolve(data))); webSocket.close(); \
             return [message, await say(() => open('/other')), await get('/socket/a')];",
        )
        .await;
        assert_eq!(
            lines(&answer),
            [
                "there".to_owned(),
                format!(
                    "TypeError: Egress policy \"live\" refused GET http://{address}/other: no rule allows it."
                ),
                format!(
                    "TypeError: Egress policy \"live\" refused GET http://{address}/socket/a: no rule allows it."
                ),
            ]
        );
    });
}
