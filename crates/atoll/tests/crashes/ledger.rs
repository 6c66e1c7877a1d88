//! What clients say to a server, and what they hear.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// The worker.
pub(crate) const CODE: &str = include_str!("ledger.js");

/// No answer takes longer, unless something is wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What came of a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It was done.
    Done(Value),
    /// It may have been done or not: an error, or a connection that ended.
    Unknown(String),
    /// Nothing came, and the connection is still there.
    Silence,
}

/// Asks a server. Nothing is asked twice.
pub(crate) fn ask(address: &str, path: &str) -> Answer {
    match exchange(address, path) {
        Ok(answer) => answer,
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Answer::Silence,
        Err(error) => Answer::Unknown(error.to_string()),
    }
}

fn exchange(address: &str, path: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: ledger\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(parse(&answer).unwrap_or_else(|| Answer::Unknown(format!("half an answer: {answer:?}"))))
}

/// Only a whole answer is one.
fn parse(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?;
    let whole = head.lines().any(|line| {
        let (name, value) = line.split_once(':').unwrap_or_default();
        name.eq_ignore_ascii_case("content-length") && value.trim() == body.len().to_string()
    });
    match status {
        "200" if whole => Some(Answer::Done(serde_json::from_str(body).ok()?)),
        "200" => None,
        status => Some(Answer::Unknown(format!("{status} {body}"))),
    }
}
