//! Tables and globals.

use rquickjs::convert::List;
use rquickjs::prelude::Opt;
use rquickjs::{Ctx, Exception, Result, Value};
use wasmi::{Mutability, TableType, ValType};

use super::limits::collect;
use super::store::Given;

fn value_type(ctx: &Ctx<'_>, name: &str) -> Result<ValType> {
    Ok(match name {
        "i32" => ValType::I32,
        "i64" => ValType::I64,
        "f32" => ValType::F32,
        "f64" => ValType::F64,
        "anyfunc" => ValType::FuncRef,
        "externref" => ValType::ExternRef,
        _ => return Err(Exception::throw_type(ctx, "no such type")),
    })
}

/// `newTable(store, element, initial, maximum | undefined, value, is64)`: its number, or undefined when there is no room.
pub(crate) fn new_table<'js>(
    ctx: Ctx<'js>,
    store: Given<'js>,
    element: String,
    initial: f64,
    maximum: Option<f64>,
    value: Value<'js>,
    is_64: bool,
) -> Result<Option<u32>> {
    let element = value_type(&ctx, &element)?;
    let store = store.borrow();
    let value = store.to_wasm(&ctx, &value, element)?;
    let (initial, maximum) = (initial as u64, maximum.map(|maximum| maximum as u64));
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let ty = if is_64 {
        TableType::new64(element, initial, maximum)
    } else {
        TableType::new(element, narrow(initial), maximum.map(narrow))
    };
    let make = || store.enter(|context| wasmi::Table::new(context, ty, value.clone()).ok());
    let made = make().or_else(|| {
        collect(&ctx);
        make()
    });
    Ok(made.map(|table| push(&mut store.tables.borrow_mut(), table)))
}

/// Puts one more at the end; gives its number.
pub(crate) fn push<T>(list: &mut Vec<T>, item: T) -> u32 {
    list.push(item);
    u32::try_from(list.len() - 1).expect("memory ends before that")
}

/// `tableLength(store, index)`
pub(crate) fn table_length(store: Given<'_>, index: u32) -> f64 {
    let store = store.borrow();
    let table = store.tables.borrow()[index as usize];
    store.enter(|context| table.size(context)) as f64
}

/// `tableType(store, index)`: its element's name, its maximum, if there is one, and whether its addresses have 64 bits.
pub(crate) fn table_type(store: Given<'_>, index: u32) -> List<(&'static str, Option<f64>, bool)> {
    let store = store.borrow();
    let table = store.tables.borrow()[index as usize];
    let ty = store.enter(|context| table.ty(context));
    let element = match ty.element() {
        ValType::ExternRef => "externref",
        _ => "anyfunc",
    };
    let maximum = ty.maximum().map(|maximum| maximum as f64);
    List((element, maximum, ty.is_64()))
}

/// `tableGet(store, index, at)`: throws a RangeError where the table has ended.
pub(crate) fn table_get<'js>(
    ctx: Ctx<'js>,
    store: Given<'js>,
    index: u32,
    at: f64,
) -> Result<Value<'js>> {
    let store = store.borrow();
    let table = store.tables.borrow()[index as usize];
    match store.enter(|context| table.get(context, at as u64)) {
        Some(value) => store.to_js(&ctx, &value),
        None => Err(Exception::throw_range(&ctx, "invalid address")),
    }
}

/// `tableSet(store, index, at, value)`: throws a RangeError where the table has ended.
pub(crate) fn table_set<'js>(
    ctx: Ctx<'js>,
    store: Given<'js>,
    index: u32,
    at: f64,
    value: Value<'js>,
) -> Result<()> {
    let store = store.borrow();
    let table = store.tables.borrow()[index as usize];
    let element = store.enter(|context| table.ty(context).element());
    let value = store.to_wasm(&ctx, &value, element)?;
    store
        .enter(|context| table.set(context, at as u64, value))
        .map_err(|_| Exception::throw_range(&ctx, "invalid address"))
}

/// `tableGrow(store, index, entries, value)`: how many there were, or undefined when that is too many.
pub(crate) fn table_grow<'js>(
    ctx: Ctx<'js>,
    store: Given<'js>,
    index: u32,
    entries: f64,
    value: Value<'js>,
) -> Result<Option<f64>> {
    let store = store.borrow();
    let table = store.tables.borrow()[index as usize];
    let element = store.enter(|context| table.ty(context).element());
    let value = store.to_wasm(&ctx, &value, element)?;
    let before = store.enter(|context| table.grow(context, entries as u64, value));
    Ok(before.ok().map(|before| before as f64))
}

/// `newGlobal(store, type, mutable, value)`: its number.
pub(crate) fn new_global<'js>(
    ctx: Ctx<'js>,
    store: Given<'js>,
    ty: String,
    mutable: bool,
    value: Value<'js>,
) -> Result<u32> {
    let ty = value_type(&ctx, &ty)?;
    let store = store.borrow();
    let value = store.to_wasm(&ctx, &value, ty)?;
    let mutability = if mutable {
        Mutability::Var
    } else {
        Mutability::Const
    };
    let global = store.enter(|context| wasmi::Global::new(context, value, mutability));
    Ok(push(&mut store.globals.borrow_mut(), global))
}

/// `globalType(store, index)`: its type's name and whether it can be set.
pub(crate) fn global_type(store: Given<'_>, index: u32) -> List<(&'static str, bool)> {
    let store = store.borrow();
    let global = store.globals.borrow()[index as usize];
    let ty = store.enter(|context| global.ty(context));
    let name = match ty.content() {
        ValType::I32 => "i32",
        ValType::I64 => "i64",
        ValType::F32 => "f32",
        ValType::F64 => "f64",
        ValType::V128 => "v128",
        ValType::FuncRef => "anyfunc",
        ValType::ExternRef => "externref",
    };
    List((name, ty.mutability().is_mut()))
}

/// `globalGet(store, index)`
pub(crate) fn global_get<'js>(ctx: Ctx<'js>, store: Given<'js>, index: u32) -> Result<Value<'js>> {
    let store = store.borrow();
    let global = store.globals.borrow()[index as usize];
    let value = store.enter(|context| global.get(context));
    store.to_js(&ctx, &value)
}

/// `globalSet(store, index, value)`
pub(crate) fn global_set<'js>(
    ctx: Ctx<'js>,
    store: Given<'js>,
    index: u32,
    value: Opt<Value<'js>>,
) -> Result<()> {
    let store = store.borrow();
    let global = store.globals.borrow()[index as usize];
    let ty = store.enter(|context| global.ty(context).content());
    let value = value.0.unwrap_or_else(|| Value::new_undefined(ctx.clone()));
    let value = store.to_wasm(&ctx, &value, ty)?;
    store
        .enter(|context| global.set(context, value))
        .map_err(|error| Exception::throw_type(&ctx, &error.to_string()))
}
