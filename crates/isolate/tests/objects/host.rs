//! A host with a notebook: it keeps what objects commit, and writes down what an isolate says.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU32, Ordering};

use isolate::{Isolate, Sources, Turn};
use protocol::pages::{PAGE_BYTES, changes};
use protocol::*;

const NAMESPACE: u32 = 5;
const OUTSIDE: u32 = 6;
const KEY: &str = "tests:Room";

/// What is stored of one object.
#[derive(Default)]
struct Stored {
    pages: Vec<[u8; PAGE_BYTES]>,
    alarm: Option<f64>,
    /// The isolate has a descriptor of its file.
    filed: bool,
    number: u64,
}

pub(crate) struct Host {
    /// Like the process that it lives in, it is never taken apart.
    isolate: ManuallyDrop<Isolate>,
    stored: BTreeMap<ObjectId, Stored>,
    open: BTreeMap<ObjectNumber, ObjectId>,
    events: EventId,
    pub(crate) now_ms: f64,
    pub(crate) wake: Option<f64>,
    pub(crate) condemned: bool,
}

/// Runs `test` with an isolate of `source`, on a thread with the stack that a process would have.
pub(crate) fn with_host(source: &'static str, test: impl FnOnce(&mut Host) + Send + 'static) {
    std::thread::Builder::new()
        .stack_size(8 * 1024 * 1024)
        .spawn(move || test(&mut Host::new(source)))
        .unwrap()
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

impl Host {
    fn new(source: &str) -> Self {
        let isolate = Isolate::new(Sources::Embedded).unwrap();
        let binding = |name: &str, value| Binding {
            name: name.to_owned(),
            value,
        };
        let program = Program {
            name: "tests".to_owned(),
            main: "main.js".to_owned(),
            modules: vec![Module {
                name: "main.js".to_owned(),
                kind: ModuleKind::EsModule,
                content: source.into(),
            }],
            compatibility_date: "2026-06-11".to_owned(),
            compatibility_flags: vec![],
            env: vec![
                binding(
                    "ROOM",
                    BindingValue::Namespace {
                        capability: NAMESPACE,
                        key: namespace_key(KEY),
                    },
                ),
                binding("OUTSIDE", BindingValue::Fetcher(OUTSIDE)),
            ],
            ..Program::default()
        };
        let settings = Settings {
            memory_bytes: limits::DEFAULT_MEMORY_BYTES,
            cpu_ms: 300,
            startup_cpu_ms: 5_000,
            global_fetch: None,
            cache: None,
            loopback: None,
            bundler: None,
            is_followed: false,
        };
        isolate.evaluate(program, settings).unwrap();
        isolate.receive(ToIsolate::Start {
            seed: [1; 32],
            now_ms: 1000.0,
        });
        Self {
            isolate: ManuallyDrop::new(isolate),
            stored: BTreeMap::new(),
            open: BTreeMap::new(),
            events: 0,
            now_ms: 1000.0,
            wake: None,
            condemned: false,
        }
    }

    /// Opens the object of a name, from what is stored of it.
    pub(crate) fn open(&mut self, object: ObjectNumber, name: &str) {
        let id = id_from_name(&namespace_key(KEY), name, None);
        self.open.insert(object, id);
        let stored = self.stored.entry(id).or_default();
        stored.number = 0;
        stored.filed = !stored.pages.is_empty();
        let (page_count, file, alarm) = (stored.pages.len() as u32, stored.filed, stored.alarm);
        if file {
            self.isolate
                .hold_descriptor(file_of(&self.stored[&id].pages));
        }
        let said = self.say(ToIsolate::Open(Opening {
            object,
            class: "Room",
            id,
            name: Some(name),
            text_id: None,
            props: None,
            depth: 0,
            page_count,
            max_pages: 1000,
            read_only: false,
            file,
            alarm,
        }));
        assert!(said.is_empty(), "{said:?}");
    }

    pub(crate) fn event(&mut self, object: ObjectNumber, event: Event<'_>) -> Vec<String> {
        self.events += 1;
        let (id, now_ms) = (self.events, self.now_ms);
        self.say(ToIsolate::Event {
            id,
            now_ms,
            object: Some(object),
            bounds: protocol::Bounds::default(),
            event,
        })
    }

    pub(crate) fn fetch(&mut self, object: ObjectNumber, path: &str) -> Vec<String> {
        self.event(object, fetch_event(&format!("http://object/{path}")))
    }

    /// An event of the worker itself.
    pub(crate) fn fetch_worker(&mut self, path: &str) -> Vec<String> {
        self.events += 1;
        let (id, now_ms) = (self.events, self.now_ms);
        self.say(ToIsolate::Event {
            id,
            now_ms,
            object: None,
            bounds: protocol::Bounds::default(),
            event: fetch_event(&format!("http://worker/{path}")),
        })
    }

    pub(crate) fn alarm(&mut self, object: ObjectNumber, retry_count: u32) -> Vec<String> {
        let scheduled_ms = self.stored[&self.open[&object]].alarm.unwrap();
        self.event(
            object,
            Event::Alarm {
                scheduled_ms,
                retry_count,
            },
        )
    }

    pub(crate) fn answer(&mut self, call: CallId, reply: Reply<'_>) -> Vec<String> {
        let now_ms = self.now_ms;
        self.say(ToIsolate::Result {
            call,
            now_ms,
            result: Ok(reply),
        })
    }

    /// Answers a `fetch()` with a text.
    pub(crate) fn respond(&mut self, call: CallId, text: &str) -> Vec<String> {
        self.answer(
            call,
            Reply::Response(Response {
                status: 200,
                status_text: "OK",
                headers: Headers::default(),
                body: Body::Inline(text.as_bytes()),
                url: "",
                redirected: false,
                socket: None,
            }),
        )
    }

    pub(crate) fn tick(&mut self) -> Vec<String> {
        self.now_ms = self.wake.take().unwrap();
        let now_ms = self.now_ms;
        self.say(ToIsolate::Tick { now_ms })
    }

    /// Writes what was committed to the object's file.
    pub(crate) fn checkpoint(&mut self, object: ObjectNumber) {
        let stored = self.stored.get_mut(&self.open[&object]).unwrap();
        // What is read from the file from now on is a copy of this moment: the real one only has such pages changed as
        // the isolate still has in memory.
        self.isolate.hold_descriptor(file_of(&stored.pages));
        stored.filed = true;
        let commit = stored.number;
        let said = self.say(ToIsolate::Checkpointed {
            object,
            commit,
            file: true,
        });
        assert!(said.is_empty(), "{said:?}");
    }

    /// What was committed of a page.
    pub(crate) fn pages(&self, object: ObjectNumber) -> usize {
        self.stored[&self.open[&object]].pages.len()
    }

    pub(crate) fn say(&mut self, message: ToIsolate<'_>) -> Vec<String> {
        self.condemned = self.isolate.receive(message) == Turn::Condemned;
        let mut frames = FrameBuffer::default();
        frames.extend(&self.isolate.take_outbox());
        let mut said = Vec::new();
        while let Some(payload) = frames.next_frame().unwrap() {
            said.extend(self.note(decode(payload).unwrap()));
        }
        said
    }

    fn note(&mut self, frame: FromIsolate<'_>) -> Option<String> {
        Some(match frame {
            FromIsolate::Commit(commit) => {
                self.commit(&commit);
                if commit.more {
                    return None;
                }
                let alarm = match commit.alarm {
                    Some(AlarmChange::Set(at_ms)) => format!(" alarm {at_ms}"),
                    Some(AlarmChange::Delete) => " no alarm".to_owned(),
                    None => String::new(),
                };
                format!("commit {}#{}{alarm}", commit.object, commit.number)
            }
            FromIsolate::Respond(id, response) => match response.body {
                Body::Inline(bytes) => format!("{id}: {}", String::from_utf8_lossy(bytes)),
                body => format!("{id}: {} {body:?}", response.status),
            },
            FromIsolate::Return(id, outcome) => {
                let word = match outcome {
                    protocol::Returned::Value(_) => "returns",
                    protocol::Returned::Thrown(_) => "throws",
                };
                format!("{id} {word}")
            }
            FromIsolate::Done { id, outcome, .. } => match outcome {
                Ok(()) => format!("{id} done"),
                Err(failure) => format!("{id} failed: {failure}"),
            },
            FromIsolate::Log { message, .. } => format!("log: {message}"),
            FromIsolate::Broken { object, failure } => {
                self.open.remove(&object);
                format!("broken {object}: {failure}")
            }
            FromIsolate::Slept(object) => {
                self.open.remove(&object);
                format!("slept {object}")
            }
            FromIsolate::CancelCall(id) => format!("cancels {id}"),
            FromIsolate::Busy(object) => format!("busy {object}"),
            FromIsolate::StorageCall { id, call, .. } => format!("asks {id}: {call:?}"),
            FromIsolate::Call { id, call, .. } => match call {
                Call::Fetch(request) => format!("calls {id}: {}", request.url),
                other => format!("calls {id}: {other:?}"),
            },
            FromIsolate::Unhandled(_, failure) => format!("unhandled: {failure}"),
            FromIsolate::Wake(at_ms) => {
                self.wake = at_ms;
                return None;
            }
            other => format!("{other:?}"),
        })
    }

    fn commit(&mut self, commit: &Commit<'_>) {
        let stored = self.stored.get_mut(&self.open[&commit.object]).unwrap();
        assert!(commit.number == stored.number + 1 || commit.number == stored.number);
        stored.number = commit.number;
        stored
            .pages
            .resize(commit.page_count as usize, [0; PAGE_BYTES]);
        for change in changes(commit.changes).unwrap() {
            change.apply(&mut stored.pages[change.number as usize - 1]);
        }
        match commit.alarm {
            Some(AlarmChange::Set(at_ms)) => stored.alarm = Some(at_ms),
            Some(AlarmChange::Delete) => stored.alarm = None,
            None => {}
        }
    }
}

fn fetch_event(url: &str) -> Event<'_> {
    Event::Fetch {
        entrypoint: None,
        props: None,
        request: Request {
            method: "GET",
            url,
            headers: Headers::default(),
            body: Body::None,
            cf: None,
            redirect: Redirect::Manual,
            websocket: false,
        },
    }
}

/// A file of pages that nobody else can open.
fn file_of(pages: &[[u8; PAGE_BYTES]]) -> std::os::fd::OwnedFd {
    static FILES: AtomicU32 = AtomicU32::new(0);
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("atoll-pages-{}-{number}", std::process::id()));
    let mut file = File::create(&path).unwrap();
    for page in pages {
        file.write_all(page).unwrap();
    }
    let file = File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    file.into()
}
