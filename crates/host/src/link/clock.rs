//! When an isolate wants to be told of the time.

use std::sync::Arc;

use protocol::ToIsolate;

use super::Link;
use crate::clock::now_ms;

impl Link {
    pub(super) fn wake(self: &Arc<Self>, at_ms: Option<f64>) {
        let mut state = self.lock();
        if let Some(old) = state.wake.take() {
            old.abort();
        }
        let Some(at_ms) = at_ms else { return };
        let link = Arc::clone(self);
        let timer = tokio::spawn(async move {
            // At least until the next millisecond: the isolate's clock has that grain.
            let wait_ms = (at_ms - now_ms()).clamp(0.0, 365.0 * 86_400_000.0);
            tokio::time::sleep(std::time::Duration::from_secs_f64(wait_ms / 1000.0)).await;
            link.send(&ToIsolate::Tick {
                now_ms: now_ms().max(at_ms),
            });
        });
        state.wake = Some(timer.abort_handle());
    }
}
