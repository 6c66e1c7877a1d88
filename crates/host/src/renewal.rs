//! Isolates that keep the memory of objects which all sleep make room for fresh ones.
//!
//! What an isolate has freed lies between what it keeps, so little of it goes back to the system. A fresh one shares nearly
//! all of its memory with its template.

use std::time::Duration;

use crate::link::Link;

/// How often an isolate is looked at in which nothing lives, and how long it has to stay so.
const LOOK: Duration = Duration::from_secs(1);
/// What an isolate may keep beyond what it had when it was new: less is not worth to lose what its code has computed.
const WORTH_BYTES: u64 = 8 * 1024 * 1024;

/// Resolves when objects have lived in an isolate, none does any more, and they have left much behind.
pub(crate) async fn is_due(link: &Link) {
    let Some(new) = resident(link) else {
        return std::future::pending().await;
    };
    let mut last = 0;
    loop {
        tokio::time::sleep(LOOK).await;
        let opened = link.objects_opened();
        if opened == last || !is_quiet(link) {
            continue;
        }
        last = opened;
        if resident(link).is_some_and(|now| now.saturating_sub(new) >= WORTH_BYTES) {
            return;
        }
    }
}

/// Ends an isolate that nobody finds any more, once what was on its way there is over.
pub(crate) async fn end_when_quiet(link: &Link) {
    loop {
        // Whoever has just found it may still begin something.
        tokio::time::sleep(LOOK).await;
        if is_quiet(link) {
            link.kill();
            return;
        }
    }
}

/// Whether nothing happens in an isolate, and nobody has anything of it.
fn is_quiet(link: &Link) -> bool {
    link.load() == Some(0) && !link.is_needed()
}

/// Bytes of its memory, shared or not.
fn resident(link: &Link) -> Option<u64> {
    Some(link.process().memory().ok()?.resident)
}
