//! The output gate: what an isolate says after a commit is heard once the commit is on the disk.

use std::collections::VecDeque;

use protocol::FromIsolate;

use crate::objects::Barrier;

/// Bytes that wait beyond which nothing more is read from the isolate.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Frames that wait for the disk, in order.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// Everything before this position has to be on the disk first.
    position: u64,
    /// Everything before this position is.
    durable: u64,
    waiting: VecDeque<(u64, Waiting)>,
    bytes: usize,
    /// A change that everything waits for.
    barrier: Option<Barrier>,
    /// Nothing waits for commits.
    removed: bool,
}

/// Something that waits.
#[derive(Debug)]
pub(super) enum Waiting {
    /// A frame.
    Frame(Vec<u8>),
    /// The answer to a question about storage.
    Answer(protocol::CallId, Result<String, protocol::CallError>),
}

impl Gate {
    /// A gate that commits do not shut: see [`crate::StorageOptions::remove_output_gate`].
    pub(super) fn removed() -> Self {
        Self {
            removed: true,
            ..Self::default()
        }
    }

    /// A commit ends at `position`.
    pub(super) fn shut(&mut self, position: u64) {
        if !self.removed {
            self.position = self.position.max(position);
        }
    }

    /// Nothing that comes now has to wait.
    pub(super) fn is_open(&self) -> bool {
        self.waiting.is_empty() && self.position <= self.durable && self.barrier.is_none()
    }

    /// Lets everything that comes wait for a change.
    pub(super) fn bar(&mut self, barrier: Barrier) {
        self.barrier = Some(barrier);
    }

    pub(super) fn is_barred(&self) -> bool {
        self.barrier.is_some()
    }

    /// Waits for the change that everything waits for.
    pub(super) async fn unbarred(&mut self) -> Result<(), String> {
        let Some(barrier) = &mut self.barrier else {
            return Ok(());
        };
        let outcome = barrier.await;
        self.barrier = None;
        outcome.unwrap_or_else(|_| Err("the host is ending".to_owned()))
    }

    /// Lets something wait for the commits that came before it.
    pub(super) fn hold(&mut self, waiting: Waiting) {
        if let Waiting::Frame(payload) = &waiting {
            self.bytes += payload.len();
        }
        self.waiting.push_back((self.position, waiting));
    }

    /// Everything before `position` is on the disk.
    pub(super) fn opened(&mut self, position: u64) {
        self.durable = self.durable.max(position);
    }

    /// Takes what need not wait any longer.
    pub(super) fn next(&mut self) -> Option<Waiting> {
        let (position, _) = self.waiting.front()?;
        if *position > self.durable || self.barrier.is_some() {
            return None;
        }
        let (_, waiting) = self.waiting.pop_front()?;
        if let Waiting::Frame(payload) = &waiting {
            self.bytes -= payload.len();
        }
        Some(waiting)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes > MOST_BYTES
    }
}

/// Whether a frame says nothing that anybody outside could take for an answer.
pub(super) fn is_private(frame: &FromIsolate<'_>) -> bool {
    matches!(
        frame,
        FromIsolate::Commit(_)
            | FromIsolate::Log { .. }
            | FromIsolate::Wake(_)
            | FromIsolate::Flow(..)
            | FromIsolate::Busy(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(gate: &mut Gate) -> Vec<u8> {
        std::iter::from_fn(|| gate.next())
            .filter_map(|waiting| match waiting {
                Waiting::Frame(payload) => payload.first().copied(),
                Waiting::Answer(..) => None,
            })
            .collect()
    }

    #[test]
    fn frames_leave_in_order_and_not_before_their_commits() {
        let mut gate = Gate::default();
        assert!(gate.is_open());
        gate.shut(10);
        assert!(!gate.is_open());
        gate.hold(Waiting::Frame(vec![1]));
        gate.shut(20);
        gate.hold(Waiting::Frame(vec![2]));
        assert_eq!(frames(&mut gate), [0_u8; 0]);
        gate.opened(9);
        assert_eq!(frames(&mut gate), [0_u8; 0]);
        gate.opened(19);
        assert_eq!(frames(&mut gate), [1]);
        assert!(!gate.is_open());
        gate.opened(30);
        assert!(!gate.is_open(), "what waits comes first");
        assert_eq!(frames(&mut gate), [2]);
        assert!(gate.is_open());
    }

    #[test]
    fn commits_do_not_shut_a_gate_that_is_removed() {
        let mut gate = Gate::removed();
        gate.shut(10);
        assert!(gate.is_open());
    }
}
