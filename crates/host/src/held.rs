//! Bytes of an isolate that the host holds until somebody takes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes are held, for one isolate or one of its sockets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account(Arc<AtomicUsize>);

/// A share of an account, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    account: Account,
    bytes: usize,
}

impl Account {
    /// Takes a share, unless all shares together would pass `limit`.
    pub(crate) fn hold(&self, bytes: usize, limit: usize) -> Option<Held> {
        let held = Held {
            account: self.clone(),
            bytes,
        };
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        (before.saturating_add(bytes) <= limit).then_some(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.account.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_makes_room() {
        let account = Account::default();
        let first = account.hold(6, 10);
        assert!(first.is_some());
        assert!(account.hold(5, 10).is_none());
        assert!(account.hold(4, 10).is_some());
        drop(first);
        assert!(account.hold(10, 10).is_some());
    }
}
