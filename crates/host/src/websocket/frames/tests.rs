//! What is written, read, and refused.

use futures_util::FutureExt as _;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const LIMIT: usize = 200_000;

/// What a client sends, or a server where `role` says so.
async fn sent(role: Role, frames: &[(u8, &[u8])]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), role);
    for (opcode, payload) in frames {
        writer.put(*opcode, payload).await.unwrap();
    }
    writer.flush().await.unwrap();
    writer.connection
}

async fn read_all(connection: impl AsyncRead + Unpin) -> (Vec<Frame>, Stop) {
    let mut reader = Reader::new(connection, LIMIT);
    let mut frames = Vec::new();
    loop {
        match reader.next().await {
            Ok(frame) => frames.push(frame),
            Err(stop) => return (frames, stop),
        }
    }
}

/// A frame without a mask, with a first byte that no writer makes.
fn odd(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[first, length], payload].concat()
}

#[tokio::test]
async fn what_is_written_is_what_is_read() {
    for role in [Role::Client, Role::Server] {
        for length in [0, 1, 7, 125, 126, 4097, 16_384, 65_535, 65_536, LIMIT] {
            let content: Vec<u8> = (0..length).map(|n| b'a' + (n % 26) as u8).collect();
            let bytes = sent(role, &[(TEXT, &content), (BINARY, &content)]).await;
            let content = Bytes::from(content);
            let expected = vec![Frame::Text(text(content.clone())), Frame::Binary(content)];
            assert_eq!(
                read_all(&bytes[..]).await,
                (expected, Stop::Ended),
                "{length}"
            );
        }
    }
}

#[tokio::test]
async fn frames_may_come_in_any_pieces() {
    let (mut client, server) = tokio::io::duplex(1);
    let bytes = sent(Role::Client, &[(TEXT, b"one"), (BINARY, &[7; 300])]).await;
    let sending = tokio::spawn(async move { client.write_all(&bytes).await });
    let mut reader = Reader::new(server, LIMIT);
    assert_eq!(reader.next().await, Ok(Frame::Text("one".to_owned())));
    assert_eq!(reader.next().await, Ok(Frame::Binary(vec![7; 300].into())));
    assert_eq!(reader.next().await, Err(Stop::Ended));
    assert_eq!(reader.buffer.capacity(), 0);
    sending.await.unwrap().unwrap();
}

#[tokio::test]
async fn fragments_are_joined_around_control_frames() {
    let bytes = [
        odd(TEXT, b"h\xc3"),
        odd(FIN | PING, b"p"),
        odd(FIN | PONG, b""),
        odd(CONTINUATION, b""),
        odd(FIN | CONTINUATION, b"\xa9"),
        odd(FIN | TEXT, b"\xff"),
        odd(FIN | CLOSE, b"\x03\xe7why"),
    ];
    let expected = vec![
        Frame::Ping(Bytes::from_static(b"p")),
        Frame::Text("h\u{e9}".to_owned()),
        Frame::Text("\u{fffd}".to_owned()),
        Frame::Close(Some(999), "why".to_owned()),
    ];
    assert_eq!(read_all(&bytes.concat()[..]).await, (expected, Stop::Ended));
    for empty in [&b""[..], b"x"] {
        let expected = vec![Frame::Close(None, String::new())];
        let bytes = odd(FIN | CLOSE, empty);
        assert_eq!(read_all(&bytes[..]).await, (expected, Stop::Ended));
    }
}

#[tokio::test]
async fn what_must_not_be_is_refused() {
    for (bytes, why) in [
        (odd(FIN | 3, b"x"), "Unknown opcode 3"),
        (odd(FIN | 11, b""), "Unknown opcode 11"),
        (
            odd(FIN | TEXT | 0x20, b"x"),
            "Received frame had RSV bits 2 or 3 set",
        ),
        (
            odd(FIN | CONTINUATION, b"x"),
            "Unexpected continuation frame",
        ),
        (
            [odd(TEXT, b""), odd(FIN | TEXT, b"")].concat(),
            "Missing continuation frame",
        ),
        (odd(PING, b""), "Received fragmented control frame"),
    ] {
        let expected = (vec![], refused(why.to_owned()));
        assert_eq!(read_all(&bytes[..]).await, expected);
    }
    let compressed = read_all(&odd(FIN | TEXT | COMPRESSED, b"x")[..]).await.1;
    assert!(matches!(compressed, Stop::Refused(PROTOCOL, why) if why.contains("compression bit")));

    let too_large = |why: &str| (vec![], Stop::Refused(TOO_LARGE, why.to_owned()));
    let huge = [&[FIN | BINARY, 127][..], &[0xff; 8]].concat();
    assert_eq!(
        read_all(&huge[..]).await,
        too_large("Message is too large: 18446744073709551615 > 200000")
    );
    // Together with what came before.
    let mut fragments = sent(Role::Server, &[(BINARY, &[0; LIMIT])]).await;
    fragments[0] = BINARY;
    fragments.extend(odd(FIN | CONTINUATION, b"x"));
    assert_eq!(
        read_all(&fragments[..]).await,
        too_large("Message is too large: 1 > 0")
    );
}

#[tokio::test]
async fn what_is_announced_takes_no_memory_before_it_comes() {
    let announced = [
        &[FIN | BINARY, 127][..],
        &(LIMIT as u64).to_be_bytes(),
        b"abc",
    ]
    .concat();
    let (mut client, server) = tokio::io::duplex(64);
    client.write_all(&announced).await.unwrap();
    drop(client);
    assert_eq!(Reader::new(server, LIMIT).next().await, Err(Stop::Ended));
    for cut in 0..announced.len() {
        assert_eq!(read_all(&announced[..cut]).await, (vec![], Stop::Ended));
    }
}

#[tokio::test]
async fn nothing_follows_a_payload_that_was_given_up() {
    let (server, _client) = tokio::io::duplex(64);
    let mut writer = Writer::new(server, Role::Server);
    let payload = vec![0; OWN_WRITE_BYTES];
    tokio::select! {
        biased;
        _ = writer.put(BINARY, &payload) => panic!("there is no room for it"),
        () = std::future::ready(()) => {}
    }
    assert!(writer.close(Some(1002), "why").await.is_err());
}

#[tokio::test]
async fn a_reason_is_cut_between_letters() {
    let mut writer = Writer::new(Vec::new(), Role::Server);
    writer
        .close(Some(4000), &"\u{e9}".repeat(100))
        .await
        .unwrap();
    let expected = Frame::Close(Some(4000), "\u{e9}".repeat(61));
    assert_eq!(read_all(&writer.connection[..]).await.0, [expected]);
}

/// A connection on which no more than these bytes come at a time.
struct Pieces<'a>(&'a [u8], std::iter::Cycle<std::slice::Iter<'a, usize>>);

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let most = self.1.next().copied().unwrap_or(1);
        let (now, later) = self
            .0
            .split_at(most.min(space.remaining()).min(self.0.len()));
        space.put_slice(now);
        self.0 = later;
        Poll::Ready(Ok(()))
    }
}

proptest! {
    #[test]
    fn what_comes_means_the_same_in_any_pieces(
        frames in vec((any::<u8>(), any::<bool>(), vec(any::<u8>(), 0..300)), 0..8),
        noise in vec(any::<u8>(), 0..20),
        pieces in vec(1..400_usize, 1..20),
    ) {
        let mut bytes = Vec::new();
        for (first, is_masked, payload) in &frames {
            // Most are what a client may send.
            let first = if first & RESERVED == 0 { first | FIN } else { FIN | BINARY };
            let role = if *is_masked { Role::Client } else { Role::Server };
            let start = bytes.len();
            bytes.extend(sent(role, &[(BINARY, payload)]).now_or_never().unwrap());
            bytes[start] = first;
        }
        bytes.extend(noise);
        let whole = read_all(&bytes[..]).now_or_never().unwrap();
        let cut = read_all(Pieces(&bytes, pieces.iter().cycle())).now_or_never().unwrap();
        prop_assert_eq!(whole, cut);
    }
}
