//! What running modules may use.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use rquickjs::{Ctx, Error, Exception, qjs};
use wasmi::ResourceLimiter;

use super::region::Region;
use crate::cpu;
use crate::heap::Account;
use crate::state;

/// Instructions, roughly, between two looks at the clock: some milliseconds.
pub(crate) const FUEL: u64 = 1_000_000;
/// Fuel for a byte of a function that is compiled when it is first called, and then some.
pub(crate) const FUEL_PER_BYTE: u64 = 16;

/// Bytes that stay for the engine's own heap while there is garbage that holds more than that.
const ROOM_FOR_THE_ENGINE: usize = 1024 * 1024;
/// Bytes of one entry of a table.
const ENTRY_BYTES: usize = 16;
/// Instances, tables and memories each that are linked with one another.
const MAX_LINKED: usize = 10_000;

/// When code has to stop.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    pub(crate) deadline_us: Rc<Cell<u64>>,
    pub(crate) interrupted: Rc<Cell<bool>>,
}

thread_local! {
    static WATCH: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

/// Stops WebAssembly when the engine's code would be stopped.
pub(crate) fn watch(watch: Watch) {
    WATCH.set(Some(watch));
}

/// Whether code may go on.
pub(crate) fn may_go_on() -> bool {
    if state::with(|state| state.heap.is_exhausted()) {
        return false;
    }
    WATCH.with_borrow(|watch| {
        watch.as_ref().is_none_or(|watch| {
            let over = cpu::used_us() > watch.deadline_us.get();
            if over {
                watch.interrupted.set(true);
            }
            !over
        })
    })
}

/// Throws what no code can catch.
#[expect(unsafe_code, reason = "only the engine's C interface has such errors")]
pub(crate) fn stop(ctx: &Ctx<'_>) -> Error {
    let error = Exception::throw_internal(ctx, "interrupted");
    // SAFETY: the context is alive; what is taken out of it is owned here until it is given back.
    unsafe {
        let thrown = qjs::JS_GetException(ctx.as_raw().as_ptr());
        qjs::JS_SetUncatchableError(ctx.as_raw().as_ptr(), thrown);
        qjs::JS_Throw(ctx.as_raw().as_ptr(), thrown);
    }
    error
}

/// Collects what nobody holds any more: the engine does not know how much its garbage holds outside of its heap.
#[expect(unsafe_code, reason = "the collector is the engine's C interface")]
pub(crate) fn collect(ctx: &Ctx<'_>) {
    // SAFETY: the runtime is that of a context that is alive and runs on this thread.
    unsafe { qjs::JS_RunGC(qjs::JS_GetRuntime(ctx.as_raw().as_ptr())) };
}

/// Collects as well when `bytes` more would leave so little that the engine itself may soon need more: it would not collect
/// then, and end.
pub(crate) fn make_room(ctx: &Ctx<'_>, account: &Account, bytes: usize) {
    let left = account.limit().saturating_sub(account.used());
    if left < bytes.saturating_add(ROOM_FOR_THE_ENGINE) {
        collect(ctx);
    }
}

/// Bytes that native code has taken from the C library.
#[expect(unsafe_code, reason = "a question to the C library")]
pub(crate) fn allocated() -> usize {
    // SAFETY: it reads counters.
    let information = unsafe { libc::mallinfo2() };
    information.uordblks + information.hblkhd
}

/// Memory that is taken from the isolate's for as long as this lives.
#[derive(Debug)]
pub(crate) struct Claim {
    bytes: usize,
    account: Rc<Account>,
}

impl Claim {
    /// `None` when there is not so much.
    pub(crate) fn new(bytes: usize) -> Option<Self> {
        let account = state::with(|state| Rc::clone(&state.heap));
        account.claim(bytes).then_some(Self { bytes, account })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.account.release(self.bytes);
    }
}

/// Counts the memories and tables of one store.
#[derive(Debug)]
pub(crate) struct Limiter {
    account: Rc<Account>,
    /// Where its memories lie.
    pub(crate) regions: Vec<Rc<Region>>,
    table_bytes: usize,
    /// What the interpreter itself keeps for its instances.
    instance_bytes: usize,
}

impl Limiter {
    pub(crate) fn new() -> Self {
        Self {
            account: state::with(|state| Rc::clone(&state.heap)),
            regions: Vec::new(),
            table_bytes: 0,
            instance_bytes: 0,
        }
    }

    /// Counts what an instance has taken already.
    pub(crate) fn count_instance(&mut self, bytes: usize) {
        self.account.take(bytes);
        self.instance_bytes += bytes;
    }

    pub(crate) fn account(&self) -> &Rc<Account> {
        &self.account
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        self.account.release(self.table_bytes + self.instance_bytes);
    }
}

impl ResourceLimiter for Limiter {
    /// It is not said which memory grows. Those that may be the one are made ready, which costs little where it is
    /// another; one that is too small for its new size is refused by the interpreter itself.
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> std::result::Result<bool, wasmi_core::LimiterError> {
        let mut ready = false;
        for region in &self.regions {
            if region.reserved() < desired || region.usable() < current {
                continue;
            }
            if !region.grow(desired) {
                return Ok(false);
            }
            ready = true;
        }
        Ok(ready || desired == 0)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> std::result::Result<bool, wasmi_core::LimiterError> {
        let more = desired.saturating_sub(current).saturating_mul(ENTRY_BYTES);
        let allowed = self.account.claim(more);
        if allowed {
            self.table_bytes += more;
        }
        Ok(allowed)
    }

    fn instances(&self) -> usize {
        MAX_LINKED
    }

    fn tables(&self) -> usize {
        MAX_LINKED
    }

    fn memories(&self) -> usize {
        MAX_LINKED
    }
}
