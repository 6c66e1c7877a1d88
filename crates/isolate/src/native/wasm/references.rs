//! JavaScript values that WebAssembly holds: it sees a number for each.

use std::collections::HashMap;

use rquickjs::class::{Trace, Tracer};
use rquickjs::{Ctx, Value};
use wasmi::ExternRef;

/// Slots in use before they are first looked through.
const FIRST_SWEEP: usize = 1024;

struct Slot<'js> {
    value: Option<Value<'js>>,
    reference: ExternRef,
}

/// The values by their numbers.
pub(crate) struct References<'js> {
    ctx: Ctx<'js>,
    slots: Vec<Slot<'js>>,
    free: Vec<u32>,
    /// Objects that have a slot, by their addresses.
    objects: HashMap<usize, u32>,
    next_sweep: usize,
}

impl<'js> References<'js> {
    pub(crate) fn new(ctx: Ctx<'js>) -> Self {
        Self {
            ctx,
            slots: Vec::new(),
            free: Vec::new(),
            objects: HashMap::new(),
            next_sweep: FIRST_SWEEP,
        }
    }

    pub(crate) fn get(&self, slot: u32) -> Value<'js> {
        let value = self.slots[slot as usize].value.clone();
        value.unwrap_or_else(|| Value::new_undefined(self.ctx.clone()))
    }

    /// The reference to a value; `make` makes that of a slot.
    pub(crate) fn take(
        &mut self,
        value: Value<'js>,
        make: impl FnOnce(u32) -> ExternRef,
    ) -> ExternRef {
        let address = address(&value);
        if let Some(slot) = address.and_then(|address| self.objects.get(&address)) {
            return self.slots[*slot as usize].reference;
        }
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize].value = Some(value);
                slot
            }
            None => {
                let slot = u32::try_from(self.slots.len()).expect("memory ends before that");
                let reference = make(slot);
                let value = Some(value);
                self.slots.push(Slot { value, reference });
                slot
            }
        };
        if let Some(address) = address {
            self.objects.insert(address, slot);
        }
        self.slots[slot as usize].reference
    }

    /// Whether it is time to see what is still held.
    pub(crate) fn is_crowded(&self) -> bool {
        self.slots.len() - self.free.len() >= self.next_sweep
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Takes the values out that are not `held`, for the caller to drop.
    pub(crate) fn sweep(&mut self, held: &[bool]) -> Vec<Value<'js>> {
        let mut dropped = Vec::new();
        for (slot, held) in self.slots.iter_mut().zip(held) {
            if !held && let Some(value) = slot.value.take() {
                dropped.push(value);
            }
        }
        for value in &dropped {
            if let Some(slot) = address(value).and_then(|address| self.objects.remove(&address)) {
                debug_assert!(self.slots[slot as usize].value.is_none());
            }
        }
        self.free = (0..)
            .zip(&self.slots)
            .filter(|(_, slot)| slot.value.is_none())
            .map(|(index, _)| index)
            .collect();
        self.next_sweep = FIRST_SWEEP.max(2 * (self.slots.len() - self.free.len()));
        dropped
    }

    pub(crate) fn trace<'a>(&self, tracer: Tracer<'a, 'js>) {
        tracer.mark_ctx(&self.ctx);
        for slot in &self.slots {
            slot.value.trace(tracer);
        }
    }
}

/// What makes an object the same as another.
#[expect(unsafe_code, reason = "an object's identity is its address")]
fn address(value: &Value<'_>) -> Option<usize> {
    // SAFETY: an object's value is a pointer, which is only compared.
    value
        .is_object()
        .then(|| unsafe { rquickjs::qjs::JS_VALUE_GET_PTR(value.as_raw()) as usize })
}
