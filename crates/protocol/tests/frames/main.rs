//! Frames survive the trip, however they are cut, and no bytes at all make the decoder panic.

mod rpc;
mod traces;

use proptest::collection::vec;
use proptest::prelude::*;
use protocol::limits::{MAX_FRAME_BYTES, MAX_HEADERS};
use protocol::{
    AlarmChange, Body, Bounds, Call, CallError, Commit, DecodeError, Event, FacetChange, FacetId,
    FacetStart, Failure, FailureKind, Flow, FrameBuffer, FromIsolate, Headers, KeptSocket,
    LogLevel, ObjectCall, Opening, Redirect, Reply, Request, Response, Returned, SocketPart,
    SocketRef, StorageCall, StreamPart, Target, ToIsolate, decode, encode_into,
};

/// What frames are made of: a frame borrows, so its parts are kept here.
#[derive(Clone, Debug)]
struct Parts {
    choice: u8,
    body: u8,
    id: u32,
    other: u32,
    number: f64,
    flag: bool,
    text: String,
    more: String,
    bytes: Vec<u8>,
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

fn parts() -> impl Strategy<Value = Parts> {
    let numbers = (
        any::<u8>(),
        any::<u8>(),
        any::<u32>(),
        any::<u32>(),
        -1e15..1e15_f64,
        any::<bool>(),
    );
    let data = (".{0,40}", ".{0,40}", vec(any::<u8>(), 0..200));
    let pairs = vec((vec(any::<u8>(), 0..20), vec(any::<u8>(), 0..40)), 0..12);
    (numbers, data, pairs).prop_map(
        |((choice, body, id, other, number, flag), (text, more, bytes), pairs)| Parts {
            choice,
            body,
            id,
            other,
            number,
            flag,
            text,
            more,
            bytes,
            pairs,
        },
    )
}

impl Parts {
    fn headers(&self) -> Headers<'_> {
        Headers(
            self.pairs
                .iter()
                .map(|(name, value)| (name.as_slice(), value.as_slice()))
                .collect(),
        )
    }

    fn body(&self) -> Body<'_> {
        match self.body % 4 {
            0 => Body::None,
            1 => Body::Inline(&self.bytes),
            2 => Body::Stream {
                id: self.id,
                length: self.flag.then_some(u64::from(self.other)),
            },
            _ => Body::Forward(self.other),
        }
    }

    fn request(&self) -> Request<'_> {
        Request {
            method: &self.text,
            url: &self.more,
            headers: self.headers(),
            body: self.body(),
            cf: self.flag.then_some(self.text.as_str()),
            redirect: [Redirect::Follow, Redirect::Manual, Redirect::Error]
                [usize::from(self.body % 3)],
            websocket: self.flag,
        }
    }

    fn response(&self) -> Response<'_> {
        Response {
            status: self.id as u16,
            status_text: &self.text,
            headers: self.headers(),
            body: self.body(),
            url: &self.more,
            redirected: self.flag,
            socket: self.flag.then(|| self.socket().0),
        }
    }

    fn failure(&self) -> Failure {
        Failure {
            kind: [
                FailureKind::Exception,
                FailureKind::WallTime,
                FailureKind::Hung,
            ][usize::from(self.body % 3)],
            name: self.text.clone(),
            message: self.more.clone(),
            stack: self.text.clone(),
        }
    }

    fn stream(&self) -> StreamPart<'_> {
        match self.body % 3 {
            0 => StreamPart::Data(&self.bytes),
            1 => StreamPart::End,
            _ => StreamPart::Abort(&self.text),
        }
    }

    fn socket(&self) -> (SocketRef, SocketPart<'_>) {
        let socket = if self.flag {
            SocketRef::Host(self.id)
        } else {
            SocketRef::Isolate(self.id)
        };
        let part = match self.body % 5 {
            0 => SocketPart::Text(&self.text),
            1 => SocketPart::Binary(&self.bytes),
            2 => SocketPart::Close {
                code: self.flag.then_some(self.other as u16),
                reason: &self.more,
            },
            3 => SocketPart::Broken(&self.more),
            _ => SocketPart::Refused(&self.more),
        };
        (socket, part)
    }

    fn flow(&self) -> Flow {
        if self.flag {
            Flow::Grant(self.other)
        } else {
            Flow::Cancel
        }
    }

    fn of_host(&self) -> ToIsolate<'_> {
        let entrypoint = self.flag.then_some(self.text.as_str());
        let event = |event| ToIsolate::Event {
            id: self.id,
            now_ms: self.number,
            object: self.flag.then_some(self.other),
            bounds: Bounds {
                cpu_ms: self.flag.then_some(self.other),
                memory_bytes: self.flag.then_some(self.id.into()),
            },
            event,
        };
        let result = |result| ToIsolate::Result {
            call: self.id,
            now_ms: self.number,
            result,
        };
        match self.choice % 26 {
            0 => ToIsolate::Start {
                seed: [self.body; 32],
                now_ms: self.number,
            },
            1 => event(Event::Fetch {
                entrypoint,
                props: self.flag.then(|| self.given()),
                request: self.request(),
            }),
            2 => event(Event::Scheduled {
                entrypoint,
                cron: &self.more,
                scheduled_ms: self.number,
            }),
            3 => event(Event::Test { entrypoint }),
            4 => ToIsolate::CancelEvent(self.id, self.number),
            23 => ToIsolate::Release(self.other),
            24 if self.flag => event(Event::Facet {
                name: &self.text,
                question: self.other,
            }),
            24 => ToIsolate::StartFacet(self.other),
            25 => event(Event::Tail {
                entrypoint,
                props: self.flag.then(|| self.given()),
                traces: vec![self.trace(); usize::from(self.body % 3)],
            }),
            5 => result(Ok(Reply::Response(self.response()))),
            6 => result(Ok(if self.flag {
                Reply::Nothing
            } else {
                Reply::Flag(true)
            })),
            7 => result(Err(CallError {
                name: self.text.clone(),
                remote: self.flag,
                ..CallError::default()
            })),
            8 => ToIsolate::Stream(self.id, self.number, self.stream()),
            9 => ToIsolate::Flow(self.id, self.number, self.flow()),
            10 => {
                let (socket, part) = self.socket();
                ToIsolate::Socket(socket, self.number, part)
            }
            11 => ToIsolate::Open(Opening {
                object: self.id,
                class: &self.text,
                id: [self.body; 32],
                name: self.flag.then_some(self.more.as_str()),
                text_id: self.flag.then_some(self.text.as_str()),
                props: self.flag.then(|| self.given()),
                depth: self.choice,
                page_count: self.other,
                max_pages: self.id,
                read_only: self.flag,
                file: self.flag,
                alarm: self.flag.then_some(self.number),
            }),
            12 => ToIsolate::Checkpointed {
                object: self.id,
                commit: u64::from(self.other),
                file: self.flag,
            },
            13 => ToIsolate::Sleep(self.id),
            14 => ToIsolate::Reset {
                object: self.id,
                reason: &self.text,
            },
            15 => event(Event::Rpc {
                target: match self.body % 3 {
                    0 => Target::Object,
                    1 => Target::Export(self.other),
                    _ => Target::Entrypoint {
                        name: entrypoint,
                        props: self.flag.then(|| self.given()),
                    },
                },
                invocation: self.invocation(self.given()),
            }),
            16 => event(Event::Alarm {
                scheduled_ms: self.number,
                retry_count: self.other,
            }),
            19 => ToIsolate::Sockets {
                object: self.id,
                auto_response: self.flag.then_some((&self.text, &self.more)),
                sockets: vec![
                    KeptSocket {
                        number: self.other,
                        tags: vec![&self.text, &self.more],
                        attachment: self.flag.then_some(&self.bytes),
                        answered_ms: self.flag.then_some(self.number),
                        closed: self.flag,
                    };
                    usize::from(self.body % 3)
                ],
            },
            20 => ToIsolate::Answered {
                object: self.id,
                socket: self.other,
                at_ms: self.number,
            },
            21 => event(Event::Socket {
                socket: self.other,
                part: self.socket().1,
            }),
            17 => result(Ok(if self.flag {
                Reply::Text(&self.text)
            } else {
                Reply::Capability(Some(self.other))
            })),
            18 => result(Ok(if self.flag {
                Reply::Returned(self.given())
            } else {
                Reply::Thrown(&self.bytes)
            })),
            _ => ToIsolate::Tick {
                now_ms: self.number,
            },
        }
    }

    fn of_isolate(&self) -> FromIsolate<'_> {
        let cache = self.flag.then_some(self.text.as_str());
        let event = self.flag.then_some(self.other);
        let call = |call| FromIsolate::Call {
            id: self.id,
            capability: self.other,
            event,
            cpu_us: u64::from(self.id),
            call,
        };
        match self.choice % 32 {
            0 => FromIsolate::Respond(self.id, self.response()),
            1 => FromIsolate::Done {
                id: self.id,
                outcome: Err(self.failure()),
                cpu_us: u64::from(self.other),
            },
            2 => call(Call::Fetch(self.request())),
            3 => call(Call::CacheMatch {
                cache,
                request: self.request(),
                ignore_method: self.flag,
            }),
            4 => call(Call::CachePut {
                cache,
                request: self.request(),
                response: self.response(),
            }),
            5 => FromIsolate::CancelCall(self.id),
            6 => FromIsolate::Stream(self.id, self.stream()),
            7 => FromIsolate::Flow(self.id, self.flow()),
            8 => {
                let (socket, part) = self.socket();
                FromIsolate::Socket(socket, part)
            }
            9 => FromIsolate::Log {
                event,
                level: LogLevel::Warn,
                message: &self.text,
                arguments: self.flag.then_some(self.more.as_str()),
            },
            10 => FromIsolate::Wake(self.flag.then_some(self.number)),
            11 => FromIsolate::Return(
                self.id,
                if self.flag {
                    Returned::Value(self.passed())
                } else {
                    Returned::Thrown(&self.bytes)
                },
            ),
            12 => FromIsolate::Commit(Commit {
                object: self.id,
                number: u64::from(self.other),
                page_count: self.other,
                changes: &self.bytes,
                alarm: match self.body % 3 {
                    0 => None,
                    1 => Some(AlarmChange::Set(self.number)),
                    _ => Some(AlarmChange::Delete),
                },
                more: self.flag,
            }),
            13 => FromIsolate::StorageCall {
                id: self.id,
                object: self.other,
                event,
                call: match self.body % 3 {
                    0 => StorageCall::Bookmark,
                    1 => StorageCall::BookmarkForTime(self.number),
                    _ => StorageCall::RestoreOnNextSession(&self.text),
                },
            },
            14 => FromIsolate::Slept(self.id),
            15 => FromIsolate::Busy(self.id),
            16 => FromIsolate::Broken {
                object: self.id,
                failure: self.failure(),
            },
            17 => call(Call::Object {
                id: [self.body; 32],
                name: self.flag.then_some(self.text.as_str()),
                call: if self.flag {
                    ObjectCall::Fetch(self.request())
                } else {
                    ObjectCall::Rpc(self.invocation(self.passed()))
                },
            }),
            18 => FromIsolate::Listen(self.id),
            27 => FromIsolate::StartFacet(
                self.id,
                match self.body % 3 {
                    0 => Err(self.failure()),
                    1 => Ok(FacetStart {
                        class: self.other,
                        id: FacetId::Text(&self.text),
                    }),
                    _ => Ok(FacetStart {
                        class: self.other,
                        id: FacetId::Object {
                            id: [self.body; 32],
                            name: self.flag.then_some(self.more.as_str()),
                        },
                    }),
                },
            ),
            28 => FromIsolate::ChangeFacet {
                object: self.id,
                change: match self.body % 4 {
                    0 => FacetChange::Abort {
                        name: &self.text,
                        reason: &self.more,
                    },
                    1 => FacetChange::Delete { name: &self.text },
                    2 => FacetChange::DeleteAll,
                    _ => FacetChange::Clone {
                        from: &self.text,
                        to: &self.more,
                    },
                },
            },
            24 => FromIsolate::Release(self.id),
            25 => FromIsolate::Derive(self.id, self.derive()),
            26 => call(if self.flag {
                Call::Rpc(self.invocation(self.passed()))
            } else {
                Call::FindWorker(&self.text)
            }),
            19 => FromIsolate::Accept {
                object: self.id,
                end: self.other,
                socket: self.id,
                tags: vec![&self.text; usize::from(self.body % 3)],
                attachment: self.flag.then_some(&self.bytes),
            },
            20 => FromIsolate::Cast {
                object: self.id,
                sockets: vec![self.other; usize::from(self.body % 3)],
                part: self.socket().1,
            },
            21 => FromIsolate::Attach {
                object: self.id,
                socket: self.other,
                attachment: &self.bytes,
            },
            22 => FromIsolate::AutoResponse {
                object: self.id,
                pair: self.flag.then_some((&self.text, &self.more)),
            },
            29 => self.arrived(event),
            30 => self.pass_on(),
            31 => FromIsolate::Handled(self.id),
            _ => FromIsolate::Unhandled(event, self.failure()),
        }
    }
}

fn payload(frame: &[u8]) -> &[u8] {
    &frame[4..]
}

proptest! {
    #[test]
    fn what_is_sent_to_an_isolate_arrives(parts in parts()) {
        let message = parts.of_host();
        let mut frame = Vec::new();
        encode_into(&message, &mut frame);
        prop_assert_eq!(decode::<ToIsolate<'_>>(payload(&frame)).unwrap(), message);
    }

    #[test]
    fn what_an_isolate_sends_arrives(parts in parts()) {
        let message = parts.of_isolate();
        let mut frame = Vec::new();
        encode_into(&message, &mut frame);
        prop_assert_eq!(decode::<FromIsolate<'_>>(payload(&frame)).unwrap(), message);
    }

    #[test]
    fn any_cut_gives_the_same_frames(all in vec(parts(), 1..8), cuts in vec(1..64_usize, 1..40)) {
        let mut bytes = Vec::new();
        for parts in &all {
            encode_into(&parts.of_isolate(), &mut bytes);
        }
        let mut frames = FrameBuffer::default();
        let mut seen = 0;
        let mut rest = bytes.as_slice();
        let mut sizes = cuts.iter().cycle();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
            rest = after;
            frames.extend(piece);
            while let Some(payload) = frames.next_frame().unwrap() {
                prop_assert_eq!(decode::<FromIsolate<'_>>(payload).unwrap(), all[seen].of_isolate());
                seen += 1;
            }
        }
        prop_assert_eq!(seen, all.len());
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in vec(any::<u8>(), 0..400)) {
        // Only the absence of a panic counts: most bytes are no frame.
        let _ = decode::<FromIsolate<'_>>(&bytes);
        let _ = decode::<ToIsolate<'_>>(&bytes);
        let mut frames = FrameBuffer::default();
        frames.extend(&bytes);
        while let Ok(Some(payload)) = frames.next_frame() {
            let _ = decode::<FromIsolate<'_>>(payload);
        }
    }

    #[test]
    fn a_changed_byte_makes_no_panic(parts in parts(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut frame = Vec::new();
        encode_into(&parts.of_isolate(), &mut frame);
        let at = 4 + at.index(frame.len() - 4);
        frame[at] = byte;
        let _ = decode::<FromIsolate<'_>>(payload(&frame));
    }

    #[test]
    fn bytes_after_a_message_are_refused(parts in parts(), extra in 1..20_usize) {
        let mut frame = Vec::new();
        encode_into(&parts.of_isolate(), &mut frame);
        frame.resize(frame.len() + extra, 0);
        prop_assert_eq!(decode::<FromIsolate<'_>>(payload(&frame)), Err(DecodeError::TrailingBytes(extra)));
    }
}

#[test]
fn a_length_above_the_limit_is_refused_before_its_bytes_arrive() {
    let mut frames = FrameBuffer::default();
    frames.extend(&u32::MAX.to_le_bytes());
    assert_eq!(
        frames.next_frame(),
        Err(DecodeError::TooLong(u32::MAX as usize))
    );
    let mut frames = FrameBuffer::default();
    frames.extend(&u32::try_from(MAX_FRAME_BYTES).unwrap().to_le_bytes());
    assert_eq!(frames.next_frame(), Ok(None));
}

#[test]
fn headers_are_bounded() {
    let pairs = vec![(b"a".as_slice(), b"b".as_slice()); MAX_HEADERS + 1];
    let response = |headers| {
        FromIsolate::Respond(
            1,
            Response {
                status: 200,
                status_text: "",
                headers,
                body: Body::None,
                url: "",
                redirected: false,
                socket: None,
            },
        )
    };
    let mut frame = Vec::new();
    encode_into(&response(Headers(pairs[1..].to_vec())), &mut frame);
    assert!(decode::<FromIsolate<'_>>(payload(&frame)).is_ok());
    frame.clear();
    encode_into(&response(Headers(pairs)), &mut frame);
    assert!(decode::<FromIsolate<'_>>(payload(&frame)).is_err());
}

#[test]
fn a_long_list_that_is_not_there_costs_no_memory() {
    // A list of two thousand million headers in eleven bytes.
    let bytes = [0, 1, 200, 1, 0, 0xff, 0xff, 0xff, 0xff, 7, 0];
    assert!(decode::<FromIsolate<'_>>(&bytes).is_err());
}
