//! Which part of the log is no longer needed.

use crate::Error;
use crate::shared::Shared;

impl Shared {
    /// Drops segments that are too old or too many, and that no recovery needs.
    pub(crate) fn drop_history(&self) -> Result<(), Error> {
        let core = self.core();
        let cataloged = core.cataloged;
        let end = core.queue.next();
        drop(core);
        // What a start reads is what the last segment says when it was begun: later checkpoints are told behind that.
        let checkpointed = self.segments().last().map_or(0, |last| last.checkpointed);
        let needed = cataloged.min(checkpointed);
        let _upkeep = self.upkeep();
        let retention_ms = self.options.retention.as_millis();
        let limit = self.options.retention_bytes.unwrap_or(u64::MAX);
        let now_ms = self.now_ms();
        loop {
            let oldest = {
                let segments = self.segments();
                let [oldest, next, ..] = &segments[..] else {
                    return Ok(());
                };
                let age_ms = u128::from(now_ms.saturating_sub(next.time_ms));
                let surplus = age_ms > retention_ms
                    || retention_ms == 0
                    || end.saturating_sub(oldest.start) > limit;
                if next.start > needed || !surplus {
                    return Ok(());
                }
                oldest.clone()
            };
            // Nobody looks for it any more before it goes.
            self.segments().remove(0);
            self.options
                .disk
                .remove(&oldest.path)
                .map_err(Error::io("remove the log's segment", &oldest.path))?;
        }
    }
}
