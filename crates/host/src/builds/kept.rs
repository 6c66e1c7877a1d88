//! Results of builds, by what they were made of.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use protocol::limits::MAX_KEPT_BUILDS_BYTES;

#[derive(Default)]
pub(super) struct Kept(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    results: HashMap<[u8; 32], (Bytes, u64)>,
    bytes: usize,
    /// Counts uses, to tell which one is the longest ago.
    clock: u64,
}

impl Kept {
    pub(super) fn get(&self, key: &[u8; 32]) -> Option<Bytes> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.clock += 1;
        let now = inner.clock;
        let (result, used) = inner.results.get_mut(key)?;
        *used = now;
        Some(result.clone())
    }

    /// Keeps a result as long as there is room: those that nobody asked for longest go first.
    pub(super) fn put(&self, key: [u8; 32], result: Bytes) {
        if result.len() > MAX_KEPT_BUILDS_BYTES / 4 {
            return;
        }
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.clock += 1;
        let now = inner.clock;
        inner.bytes += result.len();
        if let Some((old, _)) = inner.results.insert(key, (result, now)) {
            inner.bytes -= old.len();
        }
        while inner.bytes > MAX_KEPT_BUILDS_BYTES {
            let oldest = inner.results.iter().min_by_key(|(_, (_, used))| *used);
            let Some(oldest) = oldest.map(|(key, _)| *key) else {
                return;
            };
            if let Some((gone, _)) = inner.results.remove(&oldest) {
                inner.bytes -= gone.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let kept = Kept::default();
        let size = MAX_KEPT_BUILDS_BYTES / 4;
        let result = Bytes::from(vec![0; size]);
        for key in 0..4 {
            kept.put([key; 32], result.clone());
        }
        assert!(kept.get(&[0; 32]).is_some());
        kept.put([4; 32], result.clone());
        assert!(kept.get(&[0; 32]).is_some());
        assert!(kept.get(&[1; 32]).is_none());
        kept.put([5; 32], Bytes::from(vec![0; size + 1]));
        assert!(kept.get(&[5; 32]).is_none());
    }
}
