//! Events of email.

use protocol::{Event, ToIsolate};
use tokio::sync::oneshot;

use crate::fetcher::{FetchError, Response};
use crate::link::{EventEntry, lost, now_ms};
use crate::tail::Happening;
use crate::worker::Worker;

impl Worker {
    /// Hands a message to the `email` handler. Gives what the handler did with it, as JSON: `rejected` is the reason for
    /// which it refuses the message, `forwarded` has objects with `to` and `headers`, `replied` has `from`, `to`, `lead`
    /// (a header to come first) and `raw` (base64).
    ///
    /// # Errors
    /// What the handler threw, or why it could not run.
    pub async fn email(&self, from: &str, to: &str, raw: &[u8]) -> Result<Response, FetchError> {
        let link = self.pick(false).await?;
        let (sender, receiver) = oneshot::channel();
        let happening = || Happening::Email(from.to_owned(), to.to_owned(), raw.len() as u64);
        let following = link.follow(happening, None, None, 0);
        let id = link.begin(EventEntry {
            respond: Some(sender),
            following,
            ..EventEntry::default()
        })?;
        link.send(&ToIsolate::Event {
            id,
            now_ms: now_ms(),
            object: None,
            bounds: protocol::Bounds::default(),
            event: Event::Email { from, to, raw },
        });
        receiver.await.unwrap_or_else(|_| Err(lost()))
    }
}
