//! WebSockets of objects byte for byte: what a client may send that no library would, and what both sides hear of it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use serde_json::{Value, json};

use super::{PATIENCE, atoll, get, oracle, workerd};

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const DISCONNECTED: &str = "WebSocket disconnected without sending Close frame.";

/// A frame with a mask of zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ ..126 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0xff);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// The longest payload of a close frame.
const MAX_CLOSE_BYTES: usize = 125;

fn close(code: u16, reason: &str) -> Vec<u8> {
    frame(CLOSE, &[&code.to_be_bytes(), reason.as_bytes()].concat())
}

/// Reads a server's frames up to a close frame or the end, as JSON.
fn frames(stream: &mut TcpStream) -> Value {
    let mut seen = Vec::new();
    let mut read = |length: usize| {
        let mut bytes = vec![0; length];
        match stream.read_exact(&mut bytes) {
            Ok(()) => Some(bytes),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => None,
            Err(error) => panic!("{error}"),
        }
    };
    while let Some(head) = read(2) {
        let length = match head[1] {
            126 => usize::from(u16::from_be_bytes(read(2).unwrap().try_into().unwrap())),
            length => usize::from(length),
        };
        let payload = read(length).unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        if head[0] == CLOSE {
            let code = u16::from_be_bytes([payload[0], payload[1]]);
            // RFC 6455 allows no more, which workerd does not keep to.
            let reason = &payload[2..payload.len().min(MAX_CLOSE_BYTES)];
            seen.push(json!(["close", code, text(reason)]));
            break;
        }
        seen.push(json!([head[0], text(&payload)]));
    }
    Value::Array(seen)
}

/// What a client does, what it sees of it, and what the object hears.
struct Case {
    kind: &'static str,
    what: &'static str,
    sends: Vec<u8>,
    /// The client ends its half of the connection.
    ends: bool,
    sees: Value,
    hears: Value,
}

fn converse(address: &str, case: &Case, number: usize) -> (Value, Value) {
    let kind = case.kind.replace(' ', "%20");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let handshake = format!(
        "GET /wire/{number}?kind={kind} HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    );
    stream.write_all(handshake.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    // workerd stops reading what is too large.
    let mut sending = stream.try_clone().unwrap();
    let (sends, ends) = (case.sends.clone(), case.ends);
    let sender = std::thread::spawn(move || {
        let _ = sending.write_all(&sends);
        if ends {
            sending.shutdown(Shutdown::Write).unwrap();
        }
    });
    let seen = frames(&mut stream);
    let heard = loop {
        let heard = get(address, &format!("heard/{number}")).unwrap();
        if heard.as_array().is_none_or(|heard| !heard.is_empty()) {
            break heard;
        }
    };
    let _ = stream.shutdown(Shutdown::Both);
    sender.join().unwrap();
    (seen, heard)
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |kind, what, sends, ends, sees, hears| {
        cases.push(Case {
            kind,
            what,
            sends,
            ends,
            sees,
            hears,
        });
    };
    for (what, sends, code, reason) in [
        ("an opcode", frame(0x83, b"x"), 1002, "Unknown opcode 3"),
        (
            "a reserved bit",
            frame(TEXT | 0x20, b"x"),
            1002,
            "Received frame had RSV bits 2 or 3 set",
        ),
        (
            "a compressed message",
            frame(TEXT | 0x40, b"x"),
            1002,
            "Received a WebSocket frame whose compression bit was set, but the compression extension was not negotiated \
             for this connection.",
        ),
        (
            "a lone continuation",
            frame(0x80, b"x"),
            1002,
            "Unexpected continuation frame",
        ),
        (
            "interleaved fragments",
            [frame(0x01, b"x"), frame(TEXT, b"x")].concat(),
            1002,
            "Missing continuation frame",
        ),
        (
            "a fragment of a ping",
            frame(0x09, b"x"),
            1002,
            "Received fragmented control frame",
        ),
        (
            "33 MiB",
            frame(BINARY, &vec![0; 33 * 1024 * 1024]),
            1009,
            "Message is too large: 34603008 > 33554432",
        ),
    ] {
        let error = format!(
            "Error: WebSocket protocol error; protocolError.statusCode = {code}; protocolError.description = {reason}"
        );
        let cut = &reason[..reason.len().min(MAX_CLOSE_BYTES - 2)];
        let sees = json!([["close", code, cut]]);
        let hears = json!([["error", error, 2]]);
        add(
            "hibernating",
            what,
            sends.clone(),
            false,
            sees.clone(),
            hears,
        );
        let hears = json!([["error", format!("Uncaught {error}"), error, 3]]);
        add("standard", what, sends, false, sees, hears);
    }
    for code in [1000, 4321, 999, 2000, 1004, 5000] {
        let bye = close(code, "bye");
        let hears = |state: u16| json!([["close", code, "bye", true, state]]);
        let sees = json!([[TEXT, "before"], ["close", 4444, "answered"]]);
        add("hibernating", "a close", bye.clone(), false, sees, hears(2));
        let sees = json!([["close", code, "bye"]]);
        add("standard", "a close", bye.clone(), false, sees, hears(3));
        let sees = json!([[TEXT, "still"], ["close", 4010, "late"]]);
        add("half open", "a close", bye, false, sees, hears(2));
    }
    let odd = [frame(TEXT, b"\xff"), close(1000, "")].concat();
    let hears = json!([["message", "\u{fffd}"], ["close", 1000, "", true, 3]]);
    let sees = json!([["close", 1000, ""]]);
    add(
        "standard",
        "a text that is not UTF-8",
        odd,
        false,
        sees,
        hears,
    );

    let cut = frame(TEXT, b"xyz")[..7].to_vec();
    for (what, sends) in [("the end", vec![]), ("the end within a frame", cut)] {
        let hears = |state: u16| json!([["close", 1006, DISCONNECTED, false, state]]);
        let sees = json!([[TEXT, "before"], ["close", 4444, "answered"]]);
        add("hibernating", what, sends.clone(), true, sees, hears(2));
        add("standard", what, sends, true, json!([]), hears(1));
    }
    cases
}

#[test]
fn sockets_say_and_hear_the_same_on_the_wire() {
    let cases = cases();
    let check = |who: &str, address: &str| {
        for (number, case) in cases.iter().enumerate() {
            let (seen, mut heard) = converse(address, case, number);
            // Which workerd adds when it likes.
            if let Some(heard) = heard.as_array_mut() {
                heard.retain(|one| one[1] != "Uncaught Error: Network connection lost.");
            }
            let what = format!("{who}, {}: {}", case.kind, case.what);
            assert_eq!((&seen, &heard), (&case.sees, &case.hears), "{what}");
        }
    };
    check("atoll", &atoll().address);
    if let Some(program) = workerd::program() {
        check("workerd", &oracle(&program).address());
    }
}

#[test]
fn what_an_object_does_not_do_is_done_for_it() {
    let atoll = atoll();
    let check = |case: Case, number| {
        let (seen, heard) = converse(&atoll.address, &case, number);
        assert_eq!((seen, heard), (case.sees, case.hears), "{}", case.what);
    };
    let silent = Case {
        kind: "silent",
        what: "a close that the object does not answer",
        sends: close(4321, "bye"),
        ends: false,
        sees: json!([["close", 4321, "bye"]]),
        hears: json!([["close", 4321, "bye", true, 2]]),
    };
    check(silent, 0);
    let timed = Case {
        kind: "timed",
        what: "a handler that takes longer than the object allows",
        sends: [frame(TEXT, b"slow"), frame(TEXT, b"end")].concat(),
        ends: false,
        sees: json!([["close", 4000, "the end"]]),
        hears: json!([["message", "slow"], ["message", "end"]]),
    };
    check(timed, 1);
}
