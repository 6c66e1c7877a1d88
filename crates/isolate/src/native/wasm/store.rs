//! A store: instances that are linked with one another, and what they share.
//!
//! An instance that imports nothing of another gets a store of its own, which goes when JavaScript holds nothing of it
//! any more. The store is one JavaScript object; memories, tables, globals and functions hold it.
#![expect(
    unsafe_code,
    reason = "functions that are called by WebAssembly find their way back to the store that it runs in"
)]

use std::cell::{Cell, RefCell, UnsafeCell};
use std::collections::HashMap;
use std::ptr::NonNull;
use std::rc::Rc;

use rquickjs::class::{JsClass, Readable, Trace, Tracer};
use rquickjs::function::Constructor;
use rquickjs::{Class, Ctx, Error, Function, JsLifetime, Object, Result, Value, qjs};
use wasmi::{AsContextMut, Extern, Func, Global, Ref, StoreContextMut, Table, Val};

use super::limits::Limiter;
use super::memory::Memory;
use super::module::engine;
use super::references::References;
use super::values::slot_of;

/// What the interpreter's functions know of their store.
pub(crate) struct Data {
    pub(crate) limiter: Limiter,
    /// The object that holds the store. It is alive whenever anything of the store runs.
    pub(crate) owner: Option<NonNull<Store<'static>>>,
}

/// A function of a store.
pub(crate) struct Known<'js> {
    pub(crate) function: Func,
    pub(crate) ty: Rc<wasmi::FuncType>,
    /// What it is in JavaScript, once somebody has asked.
    pub(crate) object: Option<Value<'js>>,
}

pub(crate) struct Store<'js> {
    wasm: UnsafeCell<wasmi::Store<Data>>,
    /// Whether the store is in use by whom `inner` does not tell of.
    busy: Cell<bool>,
    /// How to reach the store while a function of JavaScript runs that WebAssembly has called.
    pub(crate) inner: Cell<Option<NonNull<StoreContextMut<'static, Data>>>>,
    /// This object, without holding it.
    object: Cell<qjs::JSValue>,
    /// The errors, and the registry of exported functions.
    pub(crate) api: Object<'js>,
    pub(crate) functions: RefCell<Vec<Known<'js>>>,
    by_function: RefCell<HashMap<u64, u32>>,
    pub(crate) imports: RefCell<Vec<Value<'js>>>,
    pub(crate) references: RefCell<References<'js>>,
    pub(crate) memories: RefCell<Vec<Memory<'js>>>,
    pub(crate) tables: RefCell<Vec<Table>>,
    pub(crate) globals: RefCell<Vec<Global>>,
    /// What else can hold references.
    pub(crate) holders: RefCell<Vec<Extern>>,
    /// Fuel that is enough to compile any function of the store.
    pub(crate) fuel: Cell<u64>,
}

impl<'js> Trace<'js> for Store<'js> {
    fn trace<'a>(&self, tracer: Tracer<'a, 'js>) {
        self.api.trace(tracer);
        // What is being changed is not looked at: then the object counts as held, which it is.
        if let Ok(functions) = self.functions.try_borrow() {
            functions
                .iter()
                .for_each(|known| known.object.trace(tracer));
        }
        if let Ok(imports) = self.imports.try_borrow() {
            imports.iter().for_each(|import| import.trace(tracer));
        }
        if let Ok(references) = self.references.try_borrow() {
            references.trace(tracer);
        }
        if let Ok(memories) = self.memories.try_borrow() {
            memories
                .iter()
                .for_each(|memory| memory.buffer.trace(tracer));
        }
    }
}

// SAFETY: everything in it that has the engine's lifetime has `'js`.
unsafe impl<'js> JsLifetime<'js> for Store<'js> {
    type Changed<'to> = Store<'to>;
}

impl<'js> JsClass<'js> for Store<'js> {
    const NAME: &'static str = "Store";
    type Mutable = Readable;

    fn prototype(_ctx: &Ctx<'js>) -> Result<Option<Object<'js>>> {
        Ok(None)
    }

    fn constructor(_ctx: &Ctx<'js>) -> Result<Option<Constructor<'js>>> {
        Ok(None)
    }
}

/// A store as natives are given it.
pub(crate) type Given<'js> = Class<'js, Store<'js>>;

/// `newStore(api)`
pub(crate) fn new_store<'js>(ctx: Ctx<'js>, api: Object<'js>) -> Result<Given<'js>> {
    let data = Data {
        limiter: Limiter::new(),
        owner: None,
    };
    let mut wasm = wasmi::Store::new(&engine(), data);
    wasm.limiter(|data| &mut data.limiter);
    let references = References::new(ctx.clone());
    let class = Class::instance(
        ctx,
        Store {
            wasm: UnsafeCell::new(wasm),
            busy: Cell::new(false),
            inner: Cell::new(None),
            object: Cell::new(qjs::JS_UNDEFINED),
            api,
            functions: RefCell::default(),
            by_function: RefCell::default(),
            imports: RefCell::default(),
            references: RefCell::new(references),
            memories: RefCell::default(),
            tables: RefCell::default(),
            globals: RefCell::default(),
            holders: RefCell::default(),
            fuel: Cell::new(0),
        },
    )?;
    {
        let store = class.borrow();
        store.object.set(class.as_raw());
        let owner = NonNull::from(&*store).cast();
        store.enter(|mut context| context.data_mut().owner = Some(owner));
    }
    Ok(class)
}

/// Throws one of WebAssembly's own errors.
pub(crate) fn throw<'js>(ctx: &Ctx<'js>, api: &Object<'js>, name: &str, message: &str) -> Error {
    let make = || -> Result<Value<'js>> {
        api.get::<_, rquickjs::Constructor<'js>>(name)?
            .construct((message,))
    };
    match make() {
        Ok(error) => ctx.throw(error),
        Err(error) => error,
    }
}

impl<'js> Store<'js> {
    /// Does something with the interpreter's store.
    pub(crate) fn enter<R>(&self, work: impl FnOnce(StoreContextMut<'_, Data>) -> R) -> R {
        if let Some(mut context) = self.inner.get() {
            // SAFETY: it was set by the function that is being called, which does not touch its context until what it
            // calls has returned, and takes this back before it does. Calls nest, so the innermost is the one set.
            return work(unsafe { context.as_mut() }.as_context_mut());
        }
        assert!(!self.busy.replace(true), "a store is entered once");
        // SAFETY: `busy` and `inner` see to it that nobody else uses the store.
        let result = work(unsafe { &mut *self.wasm.get() }.as_context_mut());
        self.busy.set(false);
        result
    }

    /// Runs JavaScript with `context` as the way to the store.
    pub(crate) fn lend<R>(
        &self,
        context: &mut StoreContextMut<'_, Data>,
        work: impl FnOnce() -> R,
    ) -> R {
        let outer = self.inner.replace(Some(NonNull::from(context).cast()));
        let result = work();
        self.inner.set(outer);
        result
    }

    /// Whether nothing of the store runs.
    fn is_idle(&self) -> bool {
        !self.busy.get() && self.inner.get().is_none()
    }

    /// This store as JavaScript has it.
    pub(crate) fn object(&self, ctx: &Ctx<'js>) -> Value<'js> {
        // SAFETY: whoever calls this holds the object; the copy has its own reference.
        unsafe {
            let value = qjs::JS_DupValue(ctx.as_raw().as_ptr(), self.object.get());
            Value::from_raw(ctx.clone(), value)
        }
    }

    /// The number of a function in this store.
    pub(crate) fn know(&self, function: Func) -> u32 {
        let key = key(function);
        if let Some(index) = self.by_function.borrow().get(&key) {
            return *index;
        }
        let ty = Rc::new(self.enter(|context| function.ty(context)));
        let mut functions = self.functions.borrow_mut();
        let index = u32::try_from(functions.len()).expect("memory ends before that");
        functions.push(Known {
            function,
            ty,
            object: None,
        });
        self.by_function.borrow_mut().insert(key, index);
        index
    }

    pub(crate) fn function(&self, index: u32) -> Func {
        self.functions.borrow()[index as usize].function
    }

    /// The number of the function that is this exported function; `None` when it is none of WebAssembly.
    pub(crate) fn function_index(&self, ctx: &Ctx<'js>, value: &Value<'js>) -> Result<Option<u32>> {
        if !value.is_function() {
            return Ok(None);
        }
        let index: Function<'js> = self.api.get("index")?;
        index.call((self.object(ctx), value.clone()))
    }

    /// Looks through everything that can hold references, once there are many.
    pub(crate) fn sweep(&self) {
        if !self.is_idle() || !self.references.borrow().is_crowded() {
            return;
        }
        let mut held = vec![false; self.references.borrow().len()];
        self.enter(|context| {
            let mut see = |value: Val| {
                if let Val::ExternRef(Ref::Val(reference)) = value {
                    held[slot_of((&context).into(), &reference) as usize] = true;
                }
            };
            let holders = self.holders.borrow();
            let tables = holders.iter().filter_map(|holder| holder.into_table());
            for table in tables.chain(self.tables.borrow().iter().copied()) {
                (0..table.size(&context))
                    .filter_map(|index| table.get(&context, index))
                    .for_each(&mut see);
            }
            let globals = holders.iter().filter_map(|holder| holder.into_global());
            for global in globals.chain(self.globals.borrow().iter().copied()) {
                see(global.get(&context));
            }
        });
        let dropped = self.references.borrow_mut().sweep(&held);
        drop(dropped);
    }
}

/// What makes a function the same as another.
fn key(function: Func) -> u64 {
    // SAFETY: the sizes are compared here; it is two numbers, of its store and in its store, without gaps.
    unsafe { std::mem::transmute::<Func, u64>(function) }
}
