//! Mail that goes nowhere: what workers send is written to a folder, one `.eml` file a message.

use std::fs;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use host::{Body, FetchError, Fetcher, Request, Response};
use http::StatusCode;
use http_body_util::{BodyExt, Limited};
use tokio::task::spawn_blocking;

/// The most bytes of a message (Workers: 25 MiB).
pub const MAX_MESSAGE_BYTES: usize = 25 * 1024 * 1024;
/// The most recipients of a message (Workers: 50).
const MAX_RECIPIENTS: usize = 50;
/// The longest address, in bytes.
const MAX_ADDRESS_BYTES: usize = 320;

const FROM: &str = "atoll-from";
const TO: &str = "atoll-to";

/// Who may write to whom; what is not said is not restricted.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The only recipient that there may be.
    pub destination: Option<String>,
    /// The recipients that there may be.
    pub destinations: Option<Vec<String>>,
    /// The senders that there may be.
    pub senders: Option<Vec<String>>,
}

impl Rules {
    fn check(&self, from: &str, to: &[&str]) -> Result<(), String> {
        if let Some(senders) = &self.senders
            && !senders.iter().any(|sender| sender == from)
        {
            return Err(format!("email from {from} not allowed"));
        }
        for recipient in to {
            let is_other = self
                .destination
                .as_ref()
                .is_some_and(|only| only != recipient);
            let is_unlisted = self
                .destinations
                .as_ref()
                .is_some_and(|all| !all.iter().any(|one| one == recipient));
            if is_other || is_unlisted {
                return Err(format!("email to {recipient} not allowed"));
            }
        }
        Ok(())
    }
}

/// A message that was written down.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Who sends it.
    pub from: String,
    /// Whom it is for.
    pub to: Vec<String>,
    /// Where it is.
    pub file: PathBuf,
}

/// What is told of each message.
pub type Tell = Arc<dyn Fn(&Sent) + Send + Sync>;

/// A folder of messages. Clones are the same folder.
#[derive(Clone)]
pub struct Mailbox {
    folder: PathBuf,
    tell: Tell,
}

impl Mailbox {
    /// The folder is made with the first message.
    pub fn new(folder: impl Into<PathBuf>, tell: Tell) -> Self {
        Self {
            folder: folder.into(),
            tell,
        }
    }

    /// What a binding with these rules asks.
    #[must_use]
    pub fn binding(&self, rules: Rules) -> Arc<dyn Fetcher> {
        Arc::new(Binding {
            mailbox: self.clone(),
            rules,
        })
    }

    /// Writes a message down.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn keep(&self, from: &str, to: &[&str], raw: Vec<u8>) -> io::Result<Sent> {
        let folder = self.folder.clone();
        let file = match spawn_blocking(move || write(&folder, &raw)).await {
            Ok(file) => file?,
            Err(error) => return Err(io::Error::other(error)),
        };
        let sent = Sent {
            from: from.to_owned(),
            to: to.iter().map(|&address| address.to_owned()).collect(),
            file,
        };
        (self.tell)(&sent);
        Ok(sent)
    }
}

/// A file of its own, named for the time.
fn write(folder: &Path, raw: &[u8]) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let mut time_us = since.map_or(0, |since| since.as_micros());
    loop {
        let path = folder.join(format!("{time_us}.eml"));
        match fs::File::create_new(&path) {
            Ok(mut file) => {
                io::Write::write_all(&mut file, raw)?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => time_us += 1,
            Err(error) => return Err(error),
        }
    }
}

struct Binding {
    mailbox: Mailbox,
    rules: Rules,
}

impl Binding {
    async fn answer(&self, request: Request) -> Result<(), (StatusCode, String)> {
        let mistake = |text: &str| (StatusCode::BAD_REQUEST, text.to_owned());
        let (parts, body) = request.into_parts();
        let field = |name: &str| {
            let value = parts.headers.get(name)?;
            Some(value.to_str().ok()?.to_owned())
        };
        let from = field(FROM).ok_or_else(|| mistake("the message has no sender"))?;
        let to = field(TO).ok_or_else(|| mistake("the message has no recipient"))?;
        let to: Vec<&str> = to.split(',').map(str::trim).collect();
        let is_address = |address: &&str| {
            (3..=MAX_ADDRESS_BYTES).contains(&address.len()) && address.contains('@')
        };
        if to.len() > MAX_RECIPIENTS {
            return Err(mistake("the message has too many recipients"));
        }
        if let Some(wrong) = to.iter().find(|address| !is_address(address)) {
            return Err((StatusCode::BAD_REQUEST, format!("{wrong:?} is no address")));
        }
        self.rules
            .check(&from, &to)
            .map_err(|text| (StatusCode::FORBIDDEN, text))?;
        let body = Limited::new(body, MAX_MESSAGE_BYTES);
        let raw = body
            .collect()
            .await
            .map_err(|error| (StatusCode::PAYLOAD_TOO_LARGE, error.to_string()))?
            .to_bytes()
            .to_vec();
        let kept = self.mailbox.keep(&from, &to, raw).await;
        kept.map(drop)
            .map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
    }
}

impl Fetcher for Binding {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(async move {
            let mut response = Response::new(Body::empty());
            if let Err((status, text)) = self.answer(request).await {
                response = Response::new(Body::full(text));
                *response.status_mut() = status;
            }
            Ok(response)
        })
    }

    fn describe(&self) -> String {
        "email".to_owned()
    }
}
