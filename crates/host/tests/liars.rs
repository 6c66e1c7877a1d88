//! Isolates whose frames lie. The real host forks them from a program that speaks the protocol and breaks it on demand:
//! each lie ends the isolate that told it, its caller gets the documented error, and another takes its place.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(
    clippy::print_stdout,
    reason = "this test has no harness to print for it"
)]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use host::{Body, Cache, Capability, Deployment, FetchError, Fetcher, Limits, Options, Runtime};
use http_body_util::BodyExt;
use jail::{Control, Role, Started};
use protocol::limits::{MAX_CAPABILITIES, MAX_FRAME_BYTES, STREAM_WINDOW_BYTES};
use protocol::{
    Body as WireBody, Call, CallId, Code, CodeLimits, DERIVED, Derive, Entrypoint, EntrypointKind,
    Event, Exports, FacetChange, FrameBuffer, FromIsolate, Headers, Invocation, Outbound, Parcel,
    Passed, Program, Redirect, Request, Response, Returned, SocketPart, SocketRef, StreamPart,
    ToIsolate, encode_into,
};

/// Writes one lie about an event.
type Lie = fn(u32, &mut Vec<u8>);

/// Each is the path of a request and what it makes the isolate say.
const LIES: &[(&str, Lie)] = &[
    ("a capability that it does not have", |event, out| {
        encode_into(&call(1, 99, event), out);
    }),
    ("the highest capability number", |event, out| {
        encode_into(&call(1, u32::MAX, event), out);
    }),
    ("a call that the capability does not have", |event, out| {
        encode_into(&call(1, 0, event), out);
    }),
    ("a method of what has none", |event, out| {
        let call = Call::Rpc(invocation(&["x"], Vec::new()));
        encode_into(&use_capability(1, 0, event, call), out);
    }),
    ("a method with a path that is too long", |event, out| {
        let path = vec!["x"; 65];
        encode_into(
            &use_capability(1, 1, event, Call::Rpc(invocation(&path, Vec::new()))),
            out,
        );
    }),
    (
        "a value that mentions a capability that it does not have",
        |event, out| {
            let call = Call::Rpc(invocation(&["x"], vec![Passed::Capability(77)]));
            encode_into(&use_capability(1, 1, event, call), out);
        },
    ),
    ("a value that mentions too much", |event, out| {
        let refers = vec![Passed::Capability(1); 1001];
        encode_into(
            &use_capability(1, 1, event, Call::Rpc(invocation(&["x"], refers))),
            out,
        );
    }),
    (
        "a value with a stream number that is in use",
        |event, out| {
            let stream = Passed::Stream {
                id: 3,
                length: None,
            };
            let call = Call::Rpc(invocation(&["x"], vec![stream.clone(), stream]));
            encode_into(&use_capability(1, 1, event, call), out);
        },
    ),
    ("a result of no event", |event, out| {
        let returned = Returned::Thrown(b"");
        encode_into(&FromIsolate::Return(event + 1, returned), out);
    }),
    ("a release of what it was made with", |_, out| {
        encode_into(&FromIsolate::Release(1), out);
    }),
    ("a release of no capability", |_, out| {
        encode_into(&FromIsolate::Release(DERIVED), out);
    }),
    ("a capability that it has let go", |event, out| {
        encode_into(&FromIsolate::Derive(DERIVED, export()), out);
        encode_into(&FromIsolate::Release(DERIVED), out);
        let call = Call::Rpc(invocation(&["x"], Vec::new()));
        encode_into(&use_capability(1, DERIVED, event, call), out);
    }),
    ("a capability that it lets go twice", |_, out| {
        encode_into(&FromIsolate::Derive(DERIVED, export()), out);
        for _ in 0..2 {
            encode_into(&FromIsolate::Release(DERIVED), out);
        }
    }),
    ("a derived capability with the host's number", |_, out| {
        encode_into(&FromIsolate::Derive(5, export()), out);
    }),
    (
        "a derived capability with a number that is in use",
        |_, out| {
            for _ in 0..2 {
                encode_into(&FromIsolate::Derive(DERIVED, export()), out);
            }
        },
    ),
    ("an object of what is no namespace", |_, out| {
        let derive = Derive::Object {
            from: 1,
            id: [0; 32],
            name: None,
        };
        encode_into(&FromIsolate::Derive(DERIVED, derive), out);
    }),
    ("a worker of what is no loader", |_, out| {
        let code = Code {
            main: "a.js",
            compatibility_date: "",
            compatibility_flags: Vec::new(),
            modules: Vec::new(),
            env: None,
            outbound: Outbound::Nothing,
            tails: Vec::new(),
            limits: CodeLimits::default(),
        };
        let derive = Derive::Worker {
            from: 1,
            id: None,
            code: Box::new(code),
        };
        encode_into(&FromIsolate::Derive(DERIVED, derive), out);
    }),
    ("an entrypoint of what is no worker", |_, out| {
        let derive = Derive::Entrypoint {
            from: 1,
            name: None,
            props: None,
            limits: CodeLimits::default(),
        };
        encode_into(&FromIsolate::Derive(DERIVED, derive), out);
    }),
    ("a class of what is no worker", |_, out| {
        let derive = Derive::Class {
            from: 1,
            name: "Class",
            props: None,
            limits: CodeLimits::default(),
        };
        encode_into(&FromIsolate::Derive(DERIVED, derive), out);
    }),
    ("a facet of an object that it does not have", |_, out| {
        let derive = Derive::Facet {
            object: 1,
            name: "guessed",
        };
        encode_into(&FromIsolate::Derive(DERIVED, derive), out);
    }),
    ("a facet with a name that is too long", |_, out| {
        let derive = Derive::Facet {
            object: 1,
            name: &"x".repeat(257),
        };
        encode_into(&FromIsolate::Derive(DERIVED, derive), out);
    }),
    ("the deletion of facets of no object", |_, out| {
        let change = FacetChange::DeleteAll;
        encode_into(&FromIsolate::ChangeFacet { object: 1, change }, out);
    }),
    ("more capabilities than a table has room for", |_, out| {
        for number in 0..=u32::try_from(MAX_CAPABILITIES).unwrap() {
            encode_into(&FromIsolate::Derive(DERIVED + number, export()), out);
        }
    }),
    ("a call number that is in use", |event, out| {
        for _ in 0..2 {
            encode_into(&call(1, 1, event), out);
        }
    }),
    ("a call with a URL that is none", |event, out| {
        encode_into(&ask(1, 1, event, "not a url \u{0}", "GET"), out);
    }),
    ("a call with a method that is none", |event, out| {
        encode_into(&ask(1, 1, event, "http://x.test/", "A B"), out);
    }),
    ("a URL that is too long", |event, out| {
        let url = format!("http://x.test/{}", "a".repeat(70_000));
        encode_into(&ask(1, 1, event, &url, "GET"), out);
    }),
    ("a response to no event", |event, out| {
        respond(event + 1, 200, WireBody::None, out);
    }),
    ("a second response", |event, out| {
        respond(event, 200, stream(1), out);
        respond(event, 200, WireBody::None, out);
    }),
    ("a status of zero", |event, out| {
        respond(event, 0, WireBody::None, out);
    }),
    ("a status that ends nothing", |event, out| {
        respond(event, 100, WireBody::None, out);
    }),
    ("a status that is too high", |event, out| {
        respond(event, 999, WireBody::None, out);
    }),
    ("an upgrade without a socket", |event, out| {
        respond(event, 101, WireBody::None, out);
    }),
    ("a stream number that is in use", |event, out| {
        encode_into(&upload(1, event), out);
        respond(event, 200, stream(7), out);
    }),
    ("more bytes than were granted", |event, out| {
        respond(event, 200, stream(1), out);
        let bytes = vec![0; 64 * 1024];
        for _ in 0..=STREAM_WINDOW_BYTES as usize / bytes.len() {
            encode_into(&FromIsolate::Stream(1, StreamPart::Data(&bytes)), out);
        }
    }),
    ("a forward of no stream", |event, out| {
        respond(event, 200, WireBody::Forward(5), out);
    }),
    ("the end of no event", |event, out| {
        encode_into(
            &FromIsolate::Done {
                id: event + 1,
                outcome: Ok(()),
                cpu_us: 0,
            },
            out,
        );
    }),
    ("being a template", |_, out| {
        encode_into(&FromIsolate::Evaluated(Ok(Exports::default())), out);
    }),
    ("a message that is too long for a socket", |event, out| {
        upgrade(event, 3, out);
        let bytes = vec![0; 33 * 1024 * 1024];
        encode_into(
            &FromIsolate::Socket(SocketRef::Isolate(3), SocketPart::Binary(&bytes)),
            out,
        );
    }),
    ("an error that only the host tells", |event, out| {
        upgrade(event, 3, out);
        encode_into(
            &FromIsolate::Socket(SocketRef::Isolate(3), SocketPart::Refused("mine")),
            out,
        );
    }),
    ("a socket number that is in use", |event, out| {
        upgrade(event, 3, out);
        upgrade(event + 1, 3, out);
    }),
    ("too many headers", |event, out| {
        let headers = Headers(vec![(b"x".as_slice(), b"y".as_slice()); 513]);
        let response = Response {
            headers,
            ..plain(200, WireBody::None)
        };
        encode_into(&FromIsolate::Respond(event, response), out);
    }),
    ("a frame that is too long", |_, out| {
        let length = u32::try_from(MAX_FRAME_BYTES + 1).unwrap();
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&[0; 64]);
    }),
    ("a frame of no kind", |_, out| {
        out.extend_from_slice(&[4, 0, 0, 0, 255, 255, 255, 255]);
    }),
    ("an empty frame", |_, out| {
        out.extend_from_slice(&[0, 0, 0, 0]);
    }),
    ("a frame with bytes too many", |event, out| {
        let start = out.len();
        encode_into(&FromIsolate::CancelCall(event), out);
        out.push(0);
        let length = u32::try_from(out.len() - start - 4).unwrap();
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    }),
    ("text that is not UTF-8", |_, out| {
        let start = out.len();
        encode_into(
            &FromIsolate::Socket(SocketRef::Isolate(1), SocketPart::Text("aaaa")),
            out,
        );
        let end = out.len();
        out[end - 4..].fill(0xff);
        assert!(start < end);
    }),
];

fn plain<'a>(status: u16, body: WireBody<'a>) -> Response<'a> {
    Response {
        status,
        status_text: "",
        headers: Headers::default(),
        body,
        url: "",
        redirected: false,
        socket: None,
    }
}

fn stream<'a>(id: u32) -> WireBody<'a> {
    WireBody::Stream { id, length: None }
}

fn respond(event: u32, status: u16, body: WireBody<'_>, out: &mut Vec<u8>) {
    encode_into(&FromIsolate::Respond(event, plain(status, body)), out);
}

fn upgrade(event: u32, socket: u32, out: &mut Vec<u8>) {
    let response = Response {
        socket: Some(SocketRef::Isolate(socket)),
        ..plain(101, WireBody::None)
    };
    encode_into(&FromIsolate::Respond(event, response), out);
}

fn call<'a>(id: CallId, capability: u32, event: u32) -> FromIsolate<'a> {
    ask(id, capability, event, "http://x.test/", "GET")
}

fn ask<'a>(
    id: CallId,
    capability: u32,
    event: u32,
    url: &'a str,
    method: &'a str,
) -> FromIsolate<'a> {
    FromIsolate::Call {
        id,
        capability,
        event: Some(event),
        cpu_us: 0,
        call: Call::Fetch(Request {
            method,
            url,
            headers: Headers::default(),
            body: WireBody::None,
            cf: None,
            redirect: Redirect::Follow,
            websocket: false,
        }),
    }
}

/// A call whose body is stream 7.
fn upload<'a>(id: CallId, event: u32) -> FromIsolate<'a> {
    let FromIsolate::Call {
        id,
        capability,
        event,
        call: Call::Fetch(request),
        ..
    } = ask(id, 1, event, "http://x.test/", "POST")
    else {
        unreachable!("it is a fetch");
    };
    FromIsolate::Call {
        id,
        capability,
        event,
        cpu_us: 0,
        call: Call::Fetch(Request {
            body: stream(7),
            ..request
        }),
    }
}

fn use_capability(id: CallId, capability: u32, event: u32, call: Call<'_>) -> FromIsolate<'_> {
    FromIsolate::Call {
        id,
        capability,
        event: Some(event),
        cpu_us: 0,
        call,
    }
}

fn invocation<'a>(path: &[&'a str], refers: Vec<Passed>) -> Invocation<'a, Passed> {
    Invocation {
        path: path.to_vec(),
        arguments: Some(Parcel { value: b"", refers }),
    }
}

fn export<'a>() -> Derive<'a> {
    Derive::Export {
        id: 1,
        object: None,
    }
}

/// What the host starts as its zygote.
fn liar() -> ! {
    let control = jail::zygote().unwrap();
    let Started { role, socket } = jail::serve(control, || ());
    let socket = match role {
        Role::Isolate | Role::Threaded | Role::ThreadedTemplate => socket,
        Role::Template => {
            evaluate(&socket);
            jail::serve(Control::from(socket), || ()).socket
        }
    };
    lie(socket)
}

fn evaluate(mut socket: &UnixStream) {
    let mut length = [0; 4];
    socket.read_exact(&mut length).unwrap();
    let mut payload = vec![0; u32::from_le_bytes(length) as usize];
    socket.read_exact(&mut payload).unwrap();
    let exports = Exports {
        entrypoints: vec![Entrypoint {
            name: "default".to_owned(),
            kind: EntrypointKind::Handlers,
            handlers: vec!["fetch".to_owned()],
        }],
    };
    let mut out = Vec::new();
    encode_into(&FromIsolate::Evaluated(Ok(exports)), &mut out);
    socket.write_all(&out).unwrap();
}

fn lie(mut socket: UnixStream) -> ! {
    let mut frames = FrameBuffer::default();
    loop {
        let read = frames.fill(64 * 1024, |buffer| socket.read(buffer));
        match read {
            Ok(1..) => {}
            // It has heard nothing for a while.
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            _ => std::process::exit(0),
        }
        let mut out = Vec::new();
        while let Some(payload) = frames.next_frame().unwrap() {
            let Ok(ToIsolate::Event {
                id,
                event: Event::Fetch { request, .. },
                ..
            }) = protocol::decode(payload)
            else {
                continue;
            };
            let number = request.url.rsplit('/').next().unwrap_or_default();
            match number.parse::<usize>() {
                Ok(number) => LIES[number].1(id, &mut out),
                Err(_) => {
                    respond(id, 200, WireBody::Inline(b"true"), &mut out);
                    encode_into(
                        &FromIsolate::Done {
                            id,
                            outcome: Ok(()),
                            cpu_us: 0,
                        },
                        &mut out,
                    );
                }
            }
        }
        if socket.write_all(&out).is_err() {
            std::process::exit(0);
        }
    }
}

/// Something that takes requests and never answers.
struct Silent;

impl Fetcher for Silent {
    fn fetch(
        &self,
        request: host::Request,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<host::Response, FetchError>> + Send + '_>>
    {
        Box::pin(async move {
            let _request = request;
            std::future::pending().await
        })
    }
}

async fn open(worker: &host::Worker, path: &str) -> Result<Body, FetchError> {
    let request = http::Request::builder()
        .uri(format!("http://worker.test/{path}"))
        .body(Body::empty())
        .unwrap();
    Ok(worker.fetch(request).await?.into_body())
}

async fn ask_for(worker: &host::Worker, path: &str) -> Result<Vec<u8>, FetchError> {
    let bytes = open(worker, path)
        .await?
        .collect()
        .await
        .map_err(|error| FetchError::Network(error.0))?;
    Ok(bytes.to_bytes().to_vec())
}

async fn deploy(runtime: &Runtime, name: &str) -> host::Worker {
    let deployment = Deployment {
        program: Program {
            name: name.to_owned(),
            ..Program::default()
        },
        capabilities: vec![
            Capability::Cache(Arc::new(Cache::default())),
            Capability::Fetch(Arc::new(Silent)),
        ],
        global_fetch: None,
        cache: None,
        bundler: None,
        limits: Limits::default(),
        classes: Vec::new(),
        object_isolates: false,
        drops_sockets: false,
        tails: Vec::new(),
    };
    runtime.deploy(deployment).await.unwrap()
}

async fn test() {
    let mut zygote = Command::new(std::env::current_exe().unwrap());
    zygote.arg("--zygote");
    let runtime = Runtime::start(Options {
        zygote,
        processes: 1,
    })
    .await
    .unwrap();
    let worker = deploy(&runtime, "liar").await;
    let neighbour = deploy(&runtime, "neighbour").await;
    let [next_door] = neighbour.processes()[..] else {
        panic!("one isolate each")
    };
    for (number, (name, _)) in LIES.iter().enumerate() {
        let before = worker.processes();
        // A lie after a response breaks its body, which nobody reads meanwhile: reading would grant more.
        let outcome = open(&worker, &number.to_string()).await;
        if let Err(error) = &outcome {
            assert_eq!(error.to_string(), "Network connection lost.", "{name}");
        }
        loop {
            match ask_for(&worker, "fine").await {
                Ok(text) => {
                    assert_eq!(text, b"true", "{name}");
                    if worker.processes() != before {
                        break;
                    }
                }
                Err(FetchError::Lost { .. }) => {}
                Err(error) => panic!("{name}: {error:?}"),
            }
        }
        println!("test {name} ... ok");
    }
    assert_eq!(neighbour.processes(), [next_door]);
    assert_eq!(ask_for(&neighbour, "fine").await.unwrap(), b"true");
    runtime.stop();
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("--zygote") {
        liar();
    }
    // Tools ask test programs what they hold.
    if std::env::args().any(|argument| argument == "--list") {
        println!("liars: test");
        return;
    }
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            tokio::time::timeout(Duration::from_secs(60), test())
                .await
                .expect("the test should not take that long");
        });
}
