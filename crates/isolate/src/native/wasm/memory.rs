//! Memories, and their bytes as `ArrayBuffer`s.
#![expect(
    unsafe_code,
    reason = "the interpreter and the engine are both given the bytes of one region"
)]

use std::ffi::c_void;
use std::rc::Rc;

use rquickjs::{Ctx, Error, Exception, Result, Value, qjs};
use wasmi::{MemoryType, StoreContextMut};

use super::limits::{collect, make_room};
use super::region::Region;
use super::store::{Data, Given, Store};
use crate::heap::Account;
use protocol::limits::DEFAULT_MEMORY_BYTES;

const PAGE_BYTES: u64 = 64 * 1024;

fn bytes_of(pages: u64) -> usize {
    usize::try_from(pages.saturating_mul(PAGE_BYTES)).unwrap_or(usize::MAX)
}

/// A memory of a store.
pub(crate) struct Memory<'js> {
    pub(crate) memory: wasmi::Memory,
    region: Rc<Region>,
    /// The buffer that shows it, as it was `size` bytes long.
    pub(crate) buffer: Option<Value<'js>>,
    size: usize,
}

impl<'js> Store<'js> {
    /// A new memory; gives its number. `None` when there is no room for it.
    pub(crate) fn add_memory(&self, ctx: &Ctx<'js>, ty: MemoryType) -> Option<u32> {
        make_room(ctx, &self.account(), bytes_of(ty.minimum()));
        self.try_memory(ty).or_else(|| {
            collect(ctx);
            self.try_memory(ty)
        })
    }

    fn account(&self) -> Rc<Account> {
        self.enter(|context| Rc::clone(context.data().limiter.account()))
    }

    fn try_memory(&self, ty: MemoryType) -> Option<u32> {
        let account = self.account();
        let most = account
            .limit()
            .min(1 << 31)
            .max(DEFAULT_MEMORY_BYTES as usize);
        let reserved = ty
            .maximum()
            .map_or(most, |maximum| bytes_of(maximum).min(most));
        if bytes_of(ty.minimum()) > most {
            return None;
        }
        let region = Rc::new(Region::reserve(reserved, &account)?);
        let memory = self.enter(|mut context| {
            context.data_mut().limiter.regions.push(Rc::clone(&region));
            let memory = over(&mut context, ty, &region);
            if memory.is_none() {
                context.data_mut().limiter.regions.pop();
            }
            memory
        })?;
        region.forget_zeroes();
        Some(self.register_memory(memory, region))
    }

    fn register_memory(&self, memory: wasmi::Memory, region: Rc<Region>) -> u32 {
        let mut memories = self.memories.borrow_mut();
        memories.push(Memory {
            memory,
            region,
            buffer: None,
            size: 0,
        });
        u32::try_from(memories.len() - 1).expect("memory ends before that")
    }

    /// Takes the buffers away that show a memory as it was before it grew.
    pub(crate) fn refresh_buffers(&self, ctx: &Ctx<'js>) {
        let mut memories = self.memories.borrow_mut();
        for memory in memories.iter_mut().filter(|memory| memory.buffer.is_some()) {
            let size = self.enter(|context| memory.memory.data_size(&context));
            if size != memory.size {
                memory.detach(ctx);
            }
        }
    }
}

/// A memory over a region.
fn over(
    context: &mut StoreContextMut<'_, Data>,
    ty: MemoryType,
    region: &Region,
) -> Option<wasmi::Memory> {
    // SAFETY: the region is the store's for as long as the store lives. What the interpreter makes of this reference is
    // a pointer, with which it looks at usable bytes alone, and only while it runs; the engine is given that same
    // pointer and looks at the bytes only while the interpreter does not.
    let bytes: &'static mut [u8] =
        unsafe { std::slice::from_raw_parts_mut(region.start(), region.reserved()) };
    wasmi::Memory::new_static(context, ty, bytes).ok()
}

impl Memory<'_> {
    fn detach(&mut self, ctx: &Ctx<'_>) {
        if let Some(buffer) = self.buffer.take() {
            // SAFETY: both are alive, and no bytes of the buffer are borrowed: natives that do so do not enter the engine.
            unsafe { qjs::JS_DetachArrayBuffer(ctx.as_raw().as_ptr(), buffer.as_raw()) };
        }
    }
}

/// `newMemory(store, initial, maximum | undefined, is64)`: its number, or undefined when there is no room.
pub(crate) fn new_memory<'js>(
    ctx: Ctx<'js>,
    store: Given<'js>,
    initial: f64,
    maximum: Option<f64>,
    is_64: bool,
) -> Option<u32> {
    let ty = memory_type(initial, maximum, is_64)?;
    store.borrow().add_memory(&ctx, ty)
}

fn memory_type(initial: f64, maximum: Option<f64>, is_64: bool) -> Option<MemoryType> {
    let mut ty = MemoryType::builder();
    ty.memory64(is_64);
    ty.min(initial as u64);
    ty.max(maximum.map(|maximum| maximum as u64));
    ty.build().ok()
}

/// `memoryIs64(store, index)`: whether its addresses have 64 bits.
pub(crate) fn memory_is_64(store: Given<'_>, index: u32) -> bool {
    let store = store.borrow();
    let memory = store.memories.borrow()[index as usize].memory;
    store.enter(|context| memory.ty(context).is_64())
}

/// `memoryBuffer(store, index)`
pub(crate) fn memory_buffer<'js>(
    ctx: Ctx<'js>,
    store: Given<'js>,
    index: u32,
) -> Result<Value<'js>> {
    let store = store.borrow();
    let (memory, region) = {
        let memories = store.memories.borrow();
        let known = &memories[index as usize];
        // A program may have detached the buffer.
        if let Some(buffer) = &known.buffer
            && !is_detached(buffer, known.size)
        {
            return Ok(buffer.clone());
        }
        (known.memory, Rc::clone(&known.region))
    };
    let (start, size) =
        store.enter(|context| (memory.data_ptr(&context), memory.data_size(&context)));
    if size > i32::MAX as usize {
        return Err(Exception::throw_range(&ctx, "invalid array buffer length"));
    }
    let holder = Rc::into_raw(region).cast_mut().cast::<c_void>();
    // SAFETY: the region's first `size` bytes are usable and stay where they are until the buffer gives its holder back.
    let buffer = unsafe {
        let buffer = qjs::JS_NewArrayBuffer(
            ctx.as_raw().as_ptr(),
            start,
            size as _,
            0,
            Some(give_back),
            holder,
            false,
        );
        if qjs::JS_IsException(buffer) {
            drop(Rc::from_raw(holder.cast::<Region>()));
            return Err(Error::Exception);
        }
        Value::from_raw(ctx.clone(), buffer)
    };
    let mut memories = store.memories.borrow_mut();
    let known = &mut memories[index as usize];
    known.buffer = Some(buffer.clone());
    known.size = size;
    Ok(buffer)
}

fn is_detached(buffer: &Value<'_>, size: usize) -> bool {
    let length: Option<usize> = buffer
        .as_object()
        .and_then(|buffer| rquickjs::ArrayBuffer::from_object(buffer.clone()))
        .map(|buffer| buffer.len());
    length != Some(size)
}

/// What the engine calls when a buffer goes (`size` 0), and when a program wants its bytes in another buffer of another
/// size, which cannot be.
unsafe extern "C" fn give_back(
    _runtime: *mut qjs::JSRuntime,
    holder: *mut c_void,
    _bytes: *mut c_void,
    size: qjs::size_t,
) -> *mut c_void {
    if size == 0 {
        // SAFETY: the buffer was made with this reference, and gives it back once.
        drop(unsafe { Rc::from_raw(holder.cast::<Region>()) });
    }
    std::ptr::null_mut()
}

/// `memoryGrow(store, index, pages)`: how many there were, or undefined when that is too many.
pub(crate) fn memory_grow<'js>(
    ctx: Ctx<'js>,
    store: Given<'js>,
    index: u32,
    pages: f64,
) -> Option<f64> {
    let store = store.borrow();
    let memory = store.memories.borrow()[index as usize].memory;
    make_room(&ctx, &store.account(), bytes_of(pages as u64));
    let grow = || store.enter(|context| memory.grow(context, pages as u64).ok());
    let before = grow().or_else(|| {
        collect(&ctx);
        grow()
    })?;
    store.memories.borrow_mut()[index as usize].detach(&ctx);
    Some(before as f64)
}

/// `adoptMemory(store, other, index)`: the memory of another store that holds nothing else, with its bytes, under a new
/// number.
pub(crate) fn adopt_memory<'js>(
    ctx: Ctx<'js>,
    store: Given<'js>,
    other: Given<'js>,
    index: u32,
) -> Result<u32> {
    let other = other.borrow();
    let (ty, content) = other.enter(|context| {
        let memory = other.memories.borrow()[index as usize].memory;
        let ty = memory.ty(&context);
        let mut now = MemoryType::builder();
        now.memory64(ty.is_64());
        now.min(memory.size(&context));
        now.max(ty.maximum());
        (now.build(), memory.data(&context).to_vec())
    });
    let mut memories = other.memories.borrow_mut();
    let known = &mut memories[index as usize];
    let store = store.borrow();
    let memory = store.enter(|mut context| {
        let limiter = &mut context.data_mut().limiter;
        limiter.regions.push(Rc::clone(&known.region));
        let memory = over(&mut context, ty.ok()?, &known.region)?;
        memory.write(&mut context, 0, &content).ok()?;
        Some(memory)
    });
    let memory =
        memory.ok_or_else(|| Exception::throw_range(&ctx, "the memory cannot be shared"))?;
    let adopted = store.register_memory(memory, Rc::clone(&known.region));
    let mut memories = store.memories.borrow_mut();
    memories[adopted as usize].buffer = known.buffer.take();
    memories[adopted as usize].size = known.size;
    Ok(adopted)
}
