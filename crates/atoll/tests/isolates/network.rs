//! The global `fetch()`, against a server of a few lines.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::workers::*;

/// `hello gzip`, compressed.
const GZIP: &[u8] = &[
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 72, 205, 201, 201, 87, 72, 175, 202, 44, 0, 0, 25, 106,
    210, 223, 10, 0, 0, 0,
];

/// A server on a port of its own. It tells when a connection that it keeps open has gone.
async fn serve() -> (String, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (gone, told) = mpsc::channel(8);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(BufReader::new(stream), gone.clone()));
        }
    });
    (origin, told)
}

async fn answer(mut stream: BufReader<TcpStream>, gone: mpsc::Sender<()>) {
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    let mut parts = line.split(' ');
    let (method, path) = (
        parts.next().unwrap_or("").to_owned(),
        parts.next().unwrap_or("").to_owned(),
    );
    let (mut length, mut headers) = (0, String::new());
    loop {
        let mut header = String::new();
        if stream.read_line(&mut header).await.unwrap() == 0 {
            return;
        }
        if header == "\r\n" {
            break;
        }
        let lower = header.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        headers.push_str(&lower);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let plain = |status: &str, extra: &str, body: &[u8]| {
        let mut out = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{extra}\r\n",
            body.len()
        )
        .into_bytes();
        out.extend_from_slice(body);
        out
    };
    let out = match path.as_str() {
        "/gzip" => plain("200 OK", "content-encoding: gzip\r\n", GZIP),
        "/redirect" => plain("302 Found", "location: /echo\r\n", b""),
        "/keep" => plain("307 Temporary Redirect", "location: /echo\r\n", b""),
        "/loop" => plain("302 Found", "location: /loop\r\n", b""),
        "/cut" => b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort".to_vec(),
        "/hang" => {
            let mut rest = Vec::new();
            drop(stream.read_to_end(&mut rest).await);
            let _ = gone.send(()).await;
            return;
        }
        "/clock" => {
            let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nLater: ";
            stream.write_all(head).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            now.as_millis().to_string().into_bytes()
        }
        "/headers" => plain("200 Fine", "x-seen: yes\r\n", headers.as_bytes()),
        _ => {
            let text = format!("{method} {path} {}", String::from_utf8_lossy(&body));
            plain(
                "200 OK",
                "x-a: 1\r\nset-cookie: a\r\nset-cookie: b\r\n",
                text.as_bytes(),
            )
        }
    };
    stream.write_all(&out).await.unwrap();
    stream.shutdown().await.unwrap();
}

/// What a handler with this body answers, with `origin` in reach.
async fn ask(origin: &str, code: &str) -> String {
    let worker = App::fetch(&format!("const origin = '{origin}'; {code}"))
        .deploy()
        .await;
    get(&worker, "/").await.text()
}

#[test]
fn requests_go_out_and_responses_come_back() {
    run(async {
        let (origin, _) = serve().await;
        let answer = ask(
            &origin,
            "const answer = await fetch(origin + '/path?q=1', { method: 'POST', body: 'sent' }); \
             return Response.json([answer.status, answer.statusText, answer.url === origin + '/path?q=1', answer.redirected, \
             answer.headers.get('x-a'), answer.headers.getSetCookie(), await answer.text()]);",
        )
        .await;
        assert_eq!(
            answer,
            r#"[200,"OK",true,false,"1",["a","b"],"POST /path?q=1 sent"]"#
        );
    });
}

#[test]
fn time_goes_on_with_what_is_read() {
    run(async {
        let (origin, _) = serve().await;
        let answer = ask(
            &origin,
            "const answer = await fetch(origin + '/clock'); const before = Date.now(); const text = await answer.text(); \
             const sent = Number(text.replace('Later: ', '')); \
             return Response.json([text.startsWith('Later: 1'), Date.now() >= sent, before <= Date.now()]);",
        )
        .await;
        assert_eq!(answer, "[true,true,true]");
    });
}

#[test]
fn redirects_are_followed_shown_or_refused() {
    run(async {
        let (origin, _) = serve().await;
        let answer = ask(
            &origin,
            "const seen = []; const note = async (path, init) => { try { const answer = await fetch(origin + path, init); \
             seen.push(`${answer.status} ${answer.redirected} ${new URL(answer.url).pathname} ${await answer.text()}`); } \
             catch (error) { seen.push(error.name); } }; \
             await note('/redirect', { method: 'POST', body: 'x' }); await note('/keep', { method: 'POST', body: 'x' }); \
             await note('/redirect', { redirect: 'manual' }); await note('/redirect', { redirect: 'error' }); await note('/loop'); \
             return Response.json(seen);",
        )
        .await;
        assert_eq!(
            answer,
            r#"["200 true /echo GET /echo ","200 true /echo POST /echo x","302 false /redirect ","TypeError","TypeError"]"#
        );
    });
}

#[test]
fn compressed_responses_are_unpacked() {
    run(async {
        let (origin, _) = serve().await;
        let answer = ask(
            &origin,
            "const answer = await fetch(origin + '/gzip'); return new Response(await answer.text());",
        )
        .await;
        assert_eq!(answer, "hello gzip");
        // What is only passed on stays as it came, and who asks for the bytes gets them.
        for init in ["{}", "{ encodeResponseBody: 'manual' }"] {
            let passed = App::fetch(&format!("return fetch('{origin}/gzip', {init});"));
            let answer = get(&passed.deploy().await, "/").await;
            assert_eq!(answer.header("content-encoding").as_deref(), Some("gzip"));
            assert_eq!(answer.body, GZIP, "{init}");
        }
        let manual = format!(
            "const answer = await fetch('{origin}/gzip', {{ encodeResponseBody: 'manual' }}); \
             return new Response((await answer.bytes()).length);"
        );
        let manual = App::fetch(&manual).deploy().await;
        assert_eq!(text(&manual, "/").await, GZIP.len().to_string());
    });
}

#[test]
fn failures_are_errors() {
    run(async {
        let (origin, _) = serve().await;
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = closed.local_addr().unwrap().port();
        drop(closed);
        let answer = ask(
            &origin,
            &format!(
                "const seen = []; for (const work of [() => fetch('http://127.0.0.1:{port}/'), () => fetch('nonsense'), \
                 () => fetch('ftp://x.test/'), async () => (await fetch(origin + '/cut')).text()]) \
                 try {{ await work(); seen.push('no error'); }} catch (error) {{ seen.push(error instanceof Error && error.message.length > 5); }} \
                 return Response.json(seen);"
            ),
        )
        .await;
        assert_eq!(answer, "[true,true,true,true]");
    });
}

#[test]
fn a_signal_ends_a_request() {
    run(async {
        let (origin, mut gone) = serve().await;
        let answer = ask(
            &origin,
            "try { await fetch(origin + '/hang', { signal: AbortSignal.timeout(30) }); return new Response('no error'); } \
             catch (error) { return new Response(`${error.name}: ${error.message}`); }",
        )
        .await;
        assert_eq!(
            answer,
            "TimeoutError: The operation was aborted due to timeout"
        );
        gone.recv().await.unwrap();
    });
}

#[test]
fn what_goes_out_names_no_connection_headers_of_the_caller() {
    run(async {
        let (origin, _) = serve().await;
        let answer = ask(
            &origin,
            "const answer = await fetch(origin + '/headers', { headers: { 'x-mine': '1', 'transfer-encoding': 'chunked', te: 'x' } }); \
             return new Response(`${answer.statusText}\\n${await answer.text()}`);",
        )
        .await;
        assert!(
            answer.starts_with("Fine\n") || answer.starts_with("OK\n"),
            "{answer}"
        );
        assert!(answer.contains("x-mine: 1\r\n"), "{answer}");
        assert!(!answer.contains("transfer-encoding"), "{answer}");
        assert!(!answer.contains("\nte:"), "{answer}");
    });
}

#[test]
fn bodies_stream_out() {
    run(async {
        let (origin, _) = serve().await;
        let worker = App::fetch(&format!(
            "return fetch('{origin}/up', {{ method: 'PUT', body: request.body, headers: {{ 'content-length': '6' }} }});"
        ))
        .deploy()
        .await;
        let answer = post(&worker, "/", host::Body::full(Bytes::from("stream"))).await;
        assert_eq!(answer.text(), "PUT /up stream");
    });
}

#[test]
fn requests_of_node_http_go_out_as_well() {
    run(async {
        let (origin, _) = serve().await;
        let answer = ask(
            &origin,
            "const { default: http } = await import('node:http'); \
             const send = (path, options, body) => new Promise((resolve) => { \
               const sent = http.request(origin + path, options, (message) => { const chunks = []; \
                 message.on('data', (chunk) => chunks.push(chunk)); \
                 message.on('end', () => resolve([message.statusCode, message.statusMessage, message.headers['x-a'] ?? null, message.headers['set-cookie'] ?? null, String(Buffer.concat(chunks)), message.complete])); }); \
               sent.on('error', (error) => resolve([error.code ?? null, error.message])); \
               if (body) for (const part of body) sent.write(part); sent.end(); }); \
             const aborted = new Promise((resolve) => { const sent = http.get(origin + '/hang'); sent.on('error', (error) => resolve(error.code)); setTimeout(() => sent.destroy(), 20); }); \
             return Response.json([await send('/path?q=1', { method: 'POST', headers: { 'x-mine': '1' } }, ['one ', Buffer.from('two')]), \
               await send('/gzip', {}), await send('/redirect', {}), await aborted]);",
        )
        .await;
        assert_eq!(
            answer,
            r#"[[200,"OK","1",["a","b"],"POST /path?q=1 one two",true],[200,"OK",null,null,"hello gzip",true],[302,"Found",null,null,"",true],"ECONNRESET"]"#
        );
    });
}

#[test]
fn a_body_that_nobody_reads_goes_with_the_event_that_asked_for_it() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (gone, mut noticed) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let gone = gone.clone();
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    assert_ne!(stream.read(&mut request).await.unwrap(), 0);
                    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n";
                    stream.write_all(head).await.unwrap();
                    // It goes on for as long as somebody wants it.
                    while stream.write_all(&[b'x'; 64 * 1024]).await.is_ok() {}
                    gone.send(()).ok();
                });
            }
        });
        let worker = App::fetch(&format!(
            "const response = await fetch('http://{address}/'); return new Response(String(response.status));"
        ));
        let worker = worker.deploy().await;
        for _ in 0..3 {
            assert_eq!(text(&worker, "/").await, "200");
            noticed.recv().await.unwrap();
        }
    });
}
