//! `exec` and cursors: from JavaScript to SQLite and back with as little in between as there can be.
#![expect(
    unsafe_code,
    reason = "rows become objects through the engine's own functions, without a call for each value"
)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ffi::{CStr, c_int, c_void};
use std::rc::Rc;

use rquickjs::qjs;

use super::arguments::Arguments;
use super::database::Database;
use super::error::Error;
use super::rows::{build, string, value};
use super::statement::{Columns, Datum, Kept, Statement};

/// Classes of the objects that JavaScript holds.
#[derive(Clone, Copy)]
#[repr(usize)]
pub(crate) enum Class {
    /// `SqlStorage`: a `Database`.
    Storage,
    /// `Cursor`, and the two iterators over it: a `Cursor` each.
    Cursor,
    RowIterator,
    RawIterator,
}

const CLASSES: usize = 4;
const NAMES: [&CStr; CLASSES] = [c"SqlStorage", c"Cursor", c"RowIterator", c"RawIterator"];
const MESSAGE: qjs::JSAtom = qjs::JS_ATOM_message as qjs::JSAtom;

const ILLEGAL: &CStr =
    c"Illegal invocation: function called with incorrect `this` reference. See https://developers.\
cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.";

thread_local! {
    static CLASS_IDS: Cell<[qjs::JSClassID; CLASSES]> = const { Cell::new([0; CLASSES]) };
}

fn id(class: Class) -> qjs::JSClassID {
    CLASS_IDS.get()[class as usize]
}

/// Makes the classes known to a runtime.
pub(crate) fn register(ctx: *mut qjs::JSContext) {
    // SAFETY: the context is alive, and the names are static.
    unsafe {
        let runtime = qjs::JS_GetRuntime(ctx);
        let mut ids = [0; CLASSES];
        for (index, id) in ids.iter_mut().enumerate() {
            qjs::JS_NewClassID(runtime, id);
            let definition = qjs::JSClassDef {
                class_name: NAMES[index].as_ptr(),
                finalizer: Some(if index == Class::Storage as usize {
                    free::<Database>
                } else {
                    free::<Cursor>
                }),
                gc_mark: None,
                call: None,
                exotic: std::ptr::null_mut(),
            };
            qjs::JS_NewClass(runtime, *id, &raw const definition);
        }
        CLASS_IDS.set(ids);
    }
}

/// Says what a class's objects inherit from.
pub(crate) fn set_prototype(ctx: *mut qjs::JSContext, class: Class, prototype: qjs::JSValue) {
    // SAFETY: the engine takes over the reference that is made here.
    unsafe { qjs::JS_SetClassProto(ctx, id(class), qjs::JS_DupValue(ctx, prototype)) };
}

unsafe extern "C" fn free<T>(_runtime: *mut qjs::JSRuntime, object: qjs::JSValue) {
    let mut class = 0;
    // SAFETY: the object is of a class whose pointer `give::<T>` set, which holds one reference.
    unsafe {
        let inside = qjs::JS_GetAnyOpaque(object, &raw mut class);
        if !inside.is_null() {
            drop(Rc::from_raw(inside.cast::<T>().cast_const()));
        }
    }
}

/// A JavaScript object that holds `value`.
fn give<T>(ctx: *mut qjs::JSContext, class: Class, value: Rc<T>) -> qjs::JSValue {
    // SAFETY: the context is alive; the object's finalizer gives the reference back.
    unsafe {
        let object = qjs::JS_NewObjectClass(ctx, id(class));
        if !qjs::JS_IsException(object) {
            qjs::JS_SetOpaque(object, Rc::into_raw(value).cast_mut().cast::<c_void>());
        }
        object
    }
}

/// The object for `storage.sql`.
pub(crate) fn give_database(ctx: *mut qjs::JSContext, database: Rc<Database>) -> qjs::JSValue {
    give(ctx, Class::Storage, database)
}

/// The database that an object of `give_database` holds.
pub(crate) fn database_of(object: qjs::JSValue) -> Option<Rc<Database>> {
    // SAFETY: only `give_database` makes objects of this class, whose pointer is a reference to a database.
    unsafe {
        let inside = qjs::JS_GetOpaque(object, id(Class::Storage)).cast::<Database>();
        if inside.is_null() {
            return None;
        }
        Rc::increment_strong_count(inside);
        Some(Rc::from_raw(inside))
    }
}

/// What JavaScript calls: the engine's signature.
pub(crate) type Native = unsafe extern "C" fn(
    *mut qjs::JSContext,
    qjs::JSValue,
    c_int,
    *mut qjs::JSValue,
) -> qjs::JSValue;

/// A step of an iterator: the engine makes the result object, unless nobody would see it.
type Step = unsafe extern "C" fn(
    *mut qjs::JSContext,
    qjs::JSValue,
    c_int,
    *mut qjs::JSValue,
    *mut c_int,
    c_int,
) -> qjs::JSValue;

/// The functions of `atoll:native/sqlite` that become methods of iterators, and whether they give arrays.
pub(crate) const STEPS: &[(&CStr, bool)] = &[(c"next", false), (c"nextRaw", true)];

/// One of them as the engine takes it.
pub(crate) fn step() -> qjs::JSCFunction {
    let step: Step = next;
    let any = qjs::JSCFunctionType {
        iterator_next: Some(step),
    };
    // SAFETY: every member of the union is a function pointer.
    unsafe { any.generic }
}

/// The functions of `atoll:native/sqlite` that become methods.
pub(crate) const METHODS: &[(&CStr, Native)] = &[
    (c"exec", exec),
    (c"toArray", to_array),
    (c"one", one),
    (c"rows", rows),
    (c"raw", raw),
    (c"columnNames", column_names),
    (c"rowsRead", rows_read),
    (c"rowsWritten", rows_written),
];

/// Where a query stands.
struct Cursor {
    /// On a row that has not been given.
    statement: RefCell<Option<Rc<Statement>>>,
    /// Rows of a statement that writes: it has run to its end, so that the turn can be committed.
    ready: RefCell<VecDeque<Box<[Kept]>>>,
    columns: Rc<Columns>,
    rows_read: Cell<u32>,
    rows_written: Cell<u32>,
}

impl Cursor {
    /// Lets go of the statement.
    fn end(&self) {
        if let Some(statement) = self.statement.take() {
            let (read, written) = statement.rows();
            self.rows_read.set(read);
            self.rows_written.set(written);
            statement.finish();
        }
        self.ready.take();
    }

    fn has_more(&self) -> bool {
        self.statement.borrow().is_some() || !self.ready.borrow().is_empty()
    }

    fn rows(&self) -> (u32, u32) {
        match &*self.statement.borrow() {
            Some(statement) => statement.rows(),
            None => (self.rows_read.get(), self.rows_written.get()),
        }
    }

    /// The next row as an object or an array. `Ok(None)` at the end; an error has been thrown.
    fn take(&self, ctx: *mut qjs::JSContext, raw: bool) -> Result<Option<qjs::JSValue>, ()> {
        let statement = self.statement.borrow().clone();
        let Some(statement) = statement else {
            let row = self.ready.borrow_mut().pop_front();
            return row
                .map(|row| build(ctx, &self.columns, raw, |index| row[index].show()))
                .transpose();
        };
        if let Err(error) = statement.connection().check() {
            self.statement.take();
            throw(ctx, &error);
            return Err(());
        }
        let row = build(ctx, &self.columns, raw, |index| statement.value(index))?;
        // Going on at once gives the statement back as soon as its last row was taken.
        match statement.step() {
            Ok(true) => {}
            Ok(false) => self.end(),
            Err(error) => {
                self.end();
                // SAFETY: the row was just made and is dropped here.
                unsafe { qjs::JS_FreeValue(ctx, row) };
                throw(ctx, &error);
                return Err(());
            }
        }
        Ok(Some(row))
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        self.end();
    }
}

/// Throws, and returns what a native returns then.
pub(crate) fn throw(ctx: *mut qjs::JSContext, error: &Error) -> qjs::JSValue {
    // SAFETY: the context is alive; each reference goes to the object or to the engine. The engine's own way to throw a
    // message would cut it off.
    unsafe {
        let object = qjs::JS_NewError(ctx);
        if qjs::JS_IsException(object) {
            return object;
        }
        let text = string(ctx, error.message.as_bytes());
        let flags = qjs::JS_PROP_WRITABLE | qjs::JS_PROP_CONFIGURABLE;
        qjs::JS_DefinePropertyValue(ctx, object, MESSAGE, text, flags as c_int);
        if error.interrupted {
            qjs::JS_SetUncatchableError(ctx, object);
        }
        qjs::JS_Throw(ctx, object)
    }
}

pub(crate) fn throw_type(ctx: *mut qjs::JSContext, message: &CStr) -> qjs::JSValue {
    // SAFETY: the context is alive, and both texts are C strings.
    unsafe { qjs::JS_ThrowTypeError(ctx, c"%s".as_ptr(), message.as_ptr()) }
}

/// `sql.exec(query, ...bindings)`.
unsafe extern "C" fn exec(
    ctx: *mut qjs::JSContext,
    this: qjs::JSValue,
    count: c_int,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    let Some(database) = database_of(this) else {
        return throw_type(ctx, ILLEGAL);
    };
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: the engine gives `count` arguments; the text is given back below, after its last use.
    unsafe {
        if count == 0 || qjs::JS_IsUndefined(*arguments) {
            return throw_type(
                ctx,
                c"Failed to execute 'exec' on 'SqlStorage': parameter 1 is not of type 'String'.",
            );
        }
        let mut bytes = 0;
        let text = qjs::JS_ToCStringLen2(ctx, &raw mut bytes, *arguments, false);
        if text.is_null() {
            return qjs::JS_EXCEPTION;
        }
        let mut is_kept = false;
        let result = match Arguments::read(ctx, count - 1, arguments.add(1)) {
            Err(()) => qjs::JS_EXCEPTION,
            Ok(bindings) => {
                let statement = database.recent(text).map_or_else(
                    || {
                        let query = std::slice::from_raw_parts(text.cast::<u8>(), bytes as usize);
                        let statement = database.statement(&String::from_utf8_lossy(query))?;
                        is_kept = database.keep_recent(ctx, text, query, &statement);
                        Ok(statement)
                    },
                    Ok,
                );
                match statement.and_then(|statement| run(ctx, &database, statement, &bindings)) {
                    Ok(cursor) => give(ctx, Class::Cursor, Rc::new(cursor)),
                    Err(error) => throw(ctx, &error),
                }
            }
        };
        if !is_kept {
            qjs::JS_FreeCString(ctx, text);
        }
        result
    }
}

fn run(
    ctx: *mut qjs::JSContext,
    database: &Rc<Database>,
    statement: Rc<Statement>,
    bindings: &Arguments,
) -> Result<Cursor, Error> {
    if statement.parameters() != bindings.count() {
        return Err(Error::new(
            "Wrong number of parameter bindings for SQL query.",
        ));
    }
    let readonly = statement.is_readonly();
    if !readonly {
        database.begin()?;
    }
    let first = bindings
        .bind(&statement, !readonly)
        .and_then(|()| statement.step());
    let mut more = match first {
        Ok(more) => more,
        Err(error) => {
            statement.finish();
            return Err(error);
        }
    };
    let columns = statement.columns(ctx);
    let mut ready = VecDeque::new();
    if !readonly {
        while more {
            ready.push_back(
                (0..columns.atoms.len())
                    .map(|index| statement.value(index).keep())
                    .collect(),
            );
            more = match statement.step() {
                Ok(more) => more,
                Err(error) => {
                    statement.finish();
                    return Err(error);
                }
            };
        }
    }
    let (read, written) = statement.rows();
    if !more {
        statement.finish();
    }
    Ok(Cursor {
        statement: RefCell::new(more.then_some(statement)),
        ready: RefCell::new(ready),
        columns,
        rows_read: Cell::new(read),
        rows_written: Cell::new(written),
    })
}

/// Runs `work` on the cursor behind `this`.
fn with_cursor(
    ctx: *mut qjs::JSContext,
    this: qjs::JSValue,
    work: impl FnOnce(&Rc<Cursor>) -> qjs::JSValue,
) -> qjs::JSValue {
    let mut class = 0;
    // SAFETY: objects of the three classes hold a reference to a cursor, which `this` keeps alive during the call.
    unsafe {
        let inside = qjs::JS_GetAnyOpaque(this, &raw mut class).cast::<Cursor>();
        let known = [Class::Cursor, Class::RowIterator, Class::RawIterator];
        if inside.is_null() || !known.into_iter().any(|known| id(known) == class) {
            return throw_type(ctx, ILLEGAL);
        }
        let cursor = std::mem::ManuallyDrop::new(Rc::from_raw(inside.cast_const()));
        work(&cursor)
    }
}

unsafe extern "C" fn next(
    ctx: *mut qjs::JSContext,
    this: qjs::JSValue,
    _: c_int,
    _: *mut qjs::JSValue,
    is_done: *mut c_int,
    raw: c_int,
) -> qjs::JSValue {
    with_cursor(ctx, this, |cursor| {
        let row = cursor.take(ctx, raw != 0);
        // SAFETY: the engine gives a place for the answer.
        unsafe { *is_done = c_int::from(matches!(row, Ok(None))) };
        match row {
            Ok(Some(row)) => row,
            Ok(None) => qjs::JS_UNDEFINED,
            Err(()) => qjs::JS_EXCEPTION,
        }
    })
}

unsafe extern "C" fn to_array(
    ctx: *mut qjs::JSContext,
    this: qjs::JSValue,
    _: c_int,
    _: *mut qjs::JSValue,
) -> qjs::JSValue {
    with_cursor(ctx, this, |cursor| {
        let mut rows = Vec::new();
        loop {
            match cursor.take(ctx, false) {
                Ok(Some(row)) => rows.push(row),
                // SAFETY: the array takes over the rows, or each is dropped once.
                Ok(None) => unsafe {
                    let count = c_int::try_from(rows.len()).unwrap_or(c_int::MAX);
                    return qjs::JS_NewArrayFrom(ctx, count, rows.as_ptr());
                },
                Err(()) => {
                    for row in rows {
                        // SAFETY: as above.
                        unsafe { qjs::JS_FreeValue(ctx, row) };
                    }
                    return qjs::JS_EXCEPTION;
                }
            }
        }
    })
}

unsafe extern "C" fn one(
    ctx: *mut qjs::JSContext,
    this: qjs::JSValue,
    _: c_int,
    _: *mut qjs::JSValue,
) -> qjs::JSValue {
    with_cursor(ctx, this, |cursor| match cursor.take(ctx, false) {
        Err(()) => qjs::JS_EXCEPTION,
        Ok(None) => throw(
            ctx,
            &Error::new("Expected exactly one result from SQL query, but got no results."),
        ),
        Ok(Some(row)) if cursor.has_more() => {
            cursor.end();
            // SAFETY: the row is dropped once.
            unsafe { qjs::JS_FreeValue(ctx, row) };
            throw(
                ctx,
                &Error::new(
                    "Expected exactly one result from SQL query, but got multiple results.",
                ),
            )
        }
        Ok(Some(row)) => row,
    })
}

unsafe extern "C" fn rows(
    ctx: *mut qjs::JSContext,
    this: qjs::JSValue,
    _: c_int,
    _: *mut qjs::JSValue,
) -> qjs::JSValue {
    with_cursor(ctx, this, |cursor| {
        give(ctx, Class::RowIterator, Rc::clone(cursor))
    })
}

unsafe extern "C" fn raw(
    ctx: *mut qjs::JSContext,
    this: qjs::JSValue,
    _: c_int,
    _: *mut qjs::JSValue,
) -> qjs::JSValue {
    with_cursor(ctx, this, |cursor| {
        give(ctx, Class::RawIterator, Rc::clone(cursor))
    })
}

unsafe extern "C" fn column_names(
    ctx: *mut qjs::JSContext,
    this: qjs::JSValue,
    _: c_int,
    _: *mut qjs::JSValue,
) -> qjs::JSValue {
    with_cursor(ctx, this, |cursor| {
        let names: Vec<qjs::JSValue> = cursor
            .columns
            .atoms
            .iter()
            // SAFETY: the atoms are this runtime's; the array takes over the texts.
            .map(|atom| unsafe { qjs::JS_AtomToString(ctx, *atom) })
            .collect();
        let count = c_int::try_from(names.len()).unwrap_or(0);
        // SAFETY: as above.
        unsafe { qjs::JS_NewArrayFrom(ctx, count, names.as_ptr()) }
    })
}

unsafe extern "C" fn rows_read(
    ctx: *mut qjs::JSContext,
    this: qjs::JSValue,
    _: c_int,
    _: *mut qjs::JSValue,
) -> qjs::JSValue {
    with_cursor(ctx, this, |cursor| {
        value(ctx, Datum::Integer(i64::from(cursor.rows().0)))
    })
}

unsafe extern "C" fn rows_written(
    ctx: *mut qjs::JSContext,
    this: qjs::JSValue,
    _: c_int,
    _: *mut qjs::JSValue,
) -> qjs::JSValue {
    with_cursor(ctx, this, |cursor| {
        value(ctx, Datum::Integer(i64::from(cursor.rows().1)))
    })
}
