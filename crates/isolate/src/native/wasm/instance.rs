//! Instances.

use std::rc::Rc;

use rquickjs::{Array, Ctx, Exception, Result, Value};
use wasmi::errors::ErrorKind;
use wasmi::{Extern, ExternType, Instance};

use super::binary::START;
use super::limits::{allocated, collect};
use super::module::{Compiled, Given as GivenModule};
use super::store::{Given, Store, throw};
use super::table::push;

impl<'js> Store<'js> {
    /// What a module imports, as the interpreter takes it. `values` are functions, and numbers of what is in this store.
    fn externs(
        &self,
        ctx: &Ctx<'js>,
        compiled: &Compiled,
        values: &Array<'js>,
        place: &str,
    ) -> Result<Vec<Extern>> {
        // The interpreter lists imports by their kind, each kind in its order.
        let positions = |kind: &'static str| {
            let imports = compiled.contents.imports.iter().enumerate();
            imports
                .filter(move |(_, import)| import.kind.name() == kind)
                .map(|(position, _)| position)
        };
        let mut functions = positions("function");
        let mut memories = positions("memory");
        let mut tables = positions("table");
        let mut globals = positions("global");
        let given = |position: Option<usize>| {
            values.get::<Value<'js>>(position.expect("what is not ours was imported"))
        };
        let number = |position: Option<usize>| {
            let position = position.expect("what is not ours was imported");
            values.get::<u32>(position).map(|index| index as usize)
        };
        let mut externs = Vec::new();
        for import in compiled.module.imports() {
            externs.push(match import.ty() {
                ExternType::Func(ty) => {
                    let position = functions.next();
                    let value = given(position)?;
                    let function = match self.function_index(ctx, &value)? {
                        Some(index) => {
                            let function = self.function(index);
                            if *self.functions.borrow()[index as usize].ty != *ty {
                                let message = format!(
                                    "{place}: Import #{} \"{}\" \"{}\": imported function does not match the expected type",
                                    position.unwrap_or_default(),
                                    import.module(),
                                    import.name(),
                                );
                                return Err(throw(ctx, &self.api, "LinkError", &message));
                            }
                            function
                        }
                        None => self.import(value, ty.clone()),
                    };
                    Extern::Func(function)
                }
                ExternType::Memory(ty) => {
                    if let position @ Some(_) = memories.next() {
                        let memory = self.memories.borrow()[number(position)?].memory;
                        externs.push(Extern::Memory(memory));
                        continue;
                    }
                    let index = self.add_memory(ctx, *ty).ok_or_else(|| {
                        let message =
                            format!("{place}: Out of memory: Cannot allocate Wasm memory for new instance");
                        Exception::throw_range(ctx, &message)
                    })?;
                    Extern::Memory(self.memories.borrow()[index as usize].memory)
                }
                ExternType::Table(_) => {
                    Extern::Table(self.tables.borrow()[number(tables.next())?])
                }
                ExternType::Global(_) => {
                    Extern::Global(self.globals.borrow()[number(globals.next())?])
                }
            });
        }
        Ok(externs)
    }

    /// What an export is: a function, or the number of what is in this store.
    fn exported(&self, ctx: &Ctx<'js>, export: Extern, index: u32) -> Result<Value<'js>> {
        let number = match export {
            Extern::Func(function) => return self.function_object(ctx, function, Some(index)),
            Extern::Memory(memory) => {
                let memories = self.memories.borrow();
                let known = memories
                    .iter()
                    .position(|known| same(&known.memory, &memory));
                u32::try_from(known.expect("all memories of a store are known")).unwrap_or(u32::MAX)
            }
            Extern::Table(table) => {
                let mut tables = self.tables.borrow_mut();
                let known = tables.iter().position(|known| same(known, &table));
                known.map_or_else(|| push(&mut tables, table), |known| known as u32)
            }
            Extern::Global(global) => {
                let mut globals = self.globals.borrow_mut();
                let known = globals.iter().position(|known| same(known, &global));
                known.map_or_else(|| push(&mut globals, global), |known| known as u32)
            }
        };
        Ok(Value::new_number(ctx.clone(), f64::from(number)))
    }
}

/// Whether two handles are of the same thing.
#[expect(unsafe_code, reason = "handles say nothing of that but by their bytes")]
fn same<T: Copy>(one: &T, other: &T) -> bool {
    assert_eq!(size_of::<T>(), size_of::<u64>(), "a handle is two numbers");
    // SAFETY: a handle is the number of its store and the one in its store, without gaps.
    unsafe { std::mem::transmute_copy::<T, u64>(one) == std::mem::transmute_copy::<T, u64>(other) }
}

/// `instantiate(store, module, values, place)`: `[name, kind, function | number]` for each export. `place` begins the
/// messages of errors.
pub(crate) fn instantiate<'js>(
    ctx: Ctx<'js>,
    store: Given<'js>,
    module: GivenModule<'js>,
    values: Array<'js>,
    place: String,
) -> Result<Array<'js>> {
    let compiled = Rc::clone(&module.borrow().0);
    let store = store.borrow();
    let externs = store.externs(&ctx, &compiled, &values, &place)?;
    let before = allocated();
    let made = store.enter(|context| Instance::new(context, &compiled.module, &externs));
    let instance = made.map_err(|error| match error.kind() {
        ErrorKind::Instantiation(reason) => {
            use wasmi::errors::InstantiationError as Reason;
            let (name, message) = match reason {
                Reason::ElementSegmentDoesNotFit { .. } => {
                    ("RuntimeError", "table initializer is out of bounds")
                }
                Reason::FuncTypeMismatch { .. } => (
                    "LinkError",
                    "imported function does not match the expected type",
                ),
                Reason::GlobalTypeMismatch { .. } => (
                    "LinkError",
                    "imported global does not match the expected type",
                ),
                Reason::TableTypeMismatch { .. } => (
                    "LinkError",
                    "imported table does not match the expected type",
                ),
                Reason::MemoryTypeMismatch { .. } => (
                    "LinkError",
                    "imported memory does not match the expected type",
                ),
                Reason::FailedToInstantiateTable(_) | Reason::FailedToInstantiateMemory(_) => {
                    collect(&ctx);
                    return Exception::throw_range(&ctx, &format!("{place}: Out of memory"));
                }
                other => {
                    let message = format!("{place}: {other}");
                    return throw(&ctx, &store.api, "LinkError", &message);
                }
            };
            throw(&ctx, &store.api, name, &format!("{place}: {message}"))
        }
        ErrorKind::Memory(_) => throw(
            &ctx,
            &store.api,
            "RuntimeError",
            &format!("{place}: data segment is out of bounds"),
        ),
        _ => store.trapped(&ctx, &error, &format!("{place}: ")),
    })?;
    store.enter(|mut context| {
        let used = allocated().saturating_sub(before);
        context.data_mut().limiter.count_instance(used);
    });
    store.fuel.set(store.fuel.get().max(compiled.fuel()));
    let exports = Array::new(ctx.clone())?;
    for (position, export) in compiled.contents.exports.iter().enumerate() {
        let found = store.enter(|context| instance.get_export(context, &export.name));
        let found = found.expect("an instance has the exports of its module");
        let entry = Array::new(ctx.clone())?;
        entry.set(0, export.name.as_str())?;
        entry.set(1, export.kind.name())?;
        entry.set(2, store.exported(&ctx, found, export.index)?)?;
        exports.set(position, entry)?;
    }
    let find = |name: &str| store.enter(|context| instance.get_export(context, name));
    let holders = compiled.contents.holders.iter();
    store
        .holders
        .borrow_mut()
        .extend(holders.filter_map(|name| find(name)));
    if compiled.contents.has_start
        && let Some(Extern::Func(start)) = find(START)
    {
        store.run(&ctx, start, &[], &mut [])?;
    }
    Ok(exports)
}
