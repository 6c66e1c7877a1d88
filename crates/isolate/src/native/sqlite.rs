//! `atoll:native/sqlite`: the databases of objects.
//!
//! SQLite runs in here over the file system of [`file_system`], which knows pages and no files. All writes that a turn
//! makes to an object are one transaction; [`end_turn`] commits it and says which bytes of which pages changed.
#![expect(
    unsafe_code,
    reason = "methods are the engine's plain C functions, which cost least"
)]

mod arguments;
mod authorizer;
mod connection;
mod cursor;
mod database;
mod error;
mod file_system;
mod key_values;
mod limited;
mod memory;
mod pages;
mod recent;
mod rows;
mod statement;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use rquickjs::{
    Array, Ctx, Error as EngineError, Exception, FromJs, Function, Object, Result, TypedArray,
    Value, qjs,
};

use super::bytes::Input;
use cursor::Class;
use key_values::Range;
use pages::Pages;

use database::Database;
use error::Error;

pub(crate) use connection::{Watch, watch};
pub(crate) use database::Committed;

/// Entries of a listing that are read at once, and their size in bytes.
const MAX_LISTED: usize = 256;
const MAX_LISTED_BYTES: usize = 1024 * 1024;

/// Memory that SQLite may keep between turns, in bytes.
const MAX_IDLE_BYTES: usize = 24 * 1024 * 1024;

const GENERIC: qjs::JSCFunctionEnum = qjs::JSCFunctionEnum_JS_CFUNC_generic;
const ITERATOR: qjs::JSCFunctionEnum = qjs::JSCFunctionEnum_JS_CFUNC_iterator_next;

thread_local! {
    static TESTS: Cell<bool> = const { Cell::new(false) };
    /// Open databases by the host's number of their object.
    ///
    /// They are leaked with the thread: what they hold belongs to an engine that is gone by then.
    static DATABASES: ManuallyDrop<RefCell<HashMap<u32, Rc<Database>>>> = ManuallyDrop::default();
}

/// What the end of a turn did to one object.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) object: u32,
    /// The commit, or why the object has to be reset: then nothing of the turn is left, and the database is closed
    /// until [`reset`].
    pub(crate) outcome: std::result::Result<Committed, String>,
}

/// Opens the database of an object. `file` is its checkpoint; without one the database is empty.
pub(crate) fn open(
    object: u32,
    file: Option<OwnedFd>,
    page_count: u32,
    max_pages: u32,
    alarm: Option<f64>,
) {
    let pages = Pages::new(file.map(File::from), page_count);
    let database = Database::new(object, Rc::new(RefCell::new(pages)), max_pages, alarm);
    DATABASES.with(|databases| databases.borrow_mut().insert(object, database));
}

fn find(object: u32) -> Option<Rc<Database>> {
    DATABASES.with(|databases| databases.borrow().get(&object).cloned())
}

/// From now on, what would change an object's database throws.
pub(crate) fn make_read_only(object: u32) {
    if let Some(database) = find(object) {
        database.make_read_only();
    }
}

/// Ends the use of an object's database. What is not committed is gone, and what is left of the object is told `reason`.
pub(crate) fn close(object: u32, reason: &str) {
    let database = DATABASES.with(|databases| databases.borrow_mut().remove(&object));
    if let Some(database) = database {
        database.close(reason);
    }
}

/// Gives a new instance of the object the database as the last commit left it. What the old one holds of it only throws
/// `reason` from now on.
pub(crate) fn reset(object: u32, reason: &str) {
    if let Some(database) = find(object) {
        let new = database.renew(reason);
        DATABASES.with(|databases| databases.borrow_mut().insert(object, new));
    }
}

/// The checkpoint file of an object has everything up to commit `number`; `file` comes with the first checkpoint.
pub(crate) fn checkpointed(object: u32, number: u64, file: Option<OwnedFd>) {
    if let Some(database) = find(object) {
        database
            .pages()
            .borrow_mut()
            .checkpointed(number, file.map(File::from));
    }
}

/// Whether an object has written what is not committed.
pub(crate) fn is_pending(object: u32) -> bool {
    find(object).is_some_and(|database| database.is_pending())
}

/// Whether some object has.
pub(crate) fn is_any_pending() -> bool {
    database::is_any_changed()
}

/// Commits what an object has written in the turn so far, but for transactions that are under way.
pub(crate) fn commit_now(object: u32) -> Option<Ended> {
    let outcome = find(object)?.commit_now()?;
    Some(Ended { object, outcome })
}

/// Gives up the alarm that an object is handling; see [`Database::abandon_alarm`].
pub(crate) fn abandon_alarm(object: u32, told: bool) -> Option<Ended> {
    let outcome = find(object)?.abandon_alarm(told)?;
    Some(Ended { object, outcome })
}

/// Commits what the turn wrote. Objects in the middle of an explicit transaction are left for a later turn.
pub(crate) fn end_turn() -> Vec<Ended> {
    let mut ended = Vec::new();
    for database in database::take_changed() {
        if let Some(outcome) = database.commit() {
            ended.push(Ended {
                object: database.object,
                outcome,
            });
        }
    }
    relieve();
    ended
}

/// Gives up memory of the databases that were not used for longest, when all together have too much.
fn relieve() {
    if memory::used_bytes() <= MAX_IDLE_BYTES {
        return;
    }
    let mut databases: Vec<Rc<Database>> =
        DATABASES.with(|databases| databases.borrow().values().cloned().collect());
    databases.sort_unstable_by_key(|database| database.last_used());
    for database in databases {
        database.hibernate();
        if memory::used_bytes() <= MAX_IDLE_BYTES / 2 {
            break;
        }
    }
}

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    connection::initialize();
    cursor::register(ctx.as_raw().as_ptr());
    let exports = Object::new(ctx.clone())?;
    let functions = cursor::METHODS
        .iter()
        .map(|(name, method)| (*name, Some(*method), false, GENERIC));
    let steps = cursor::STEPS
        .iter()
        .map(|(name, raw)| (*name, cursor::step(), *raw, ITERATOR));
    for (name, function, magic, kind) in functions.chain(steps) {
        // SAFETY: the context is alive, `function` has the signature of its kind, and `from_raw` takes over the one
        // reference that is made.
        let function = unsafe {
            let raw = ctx.as_raw().as_ptr();
            let value =
                qjs::JS_NewCFunction2(raw, function, name.as_ptr(), 0, kind, i32::from(magic));
            Value::from_raw(ctx.clone(), value)
        };
        exports.set(name.to_string_lossy().as_ref(), function)?;
    }
    exports.set("setPrototypes", Function::new(ctx.clone(), set_prototypes)?)?;
    exports.set("sqlOf", Function::new(ctx.clone(), sql_of)?)?;
    exports.set("databaseSize", Function::new(ctx.clone(), database_size)?)?;
    exports.set("savepoint", Function::new(ctx.clone(), savepoint)?)?;
    exports.set("depth", Function::new(ctx.clone(), depth)?)?;
    exports.set("release", Function::new(ctx.clone(), release)?)?;
    exports.set("rollBackTo", Function::new(ctx.clone(), roll_back_to)?)?;
    exports.set("wipe", Function::new(ctx.clone(), wipe)?)?;
    exports.set("commit", Function::new(ctx.clone(), commit)?)?;
    exports.set("alarmRings", Function::new(ctx.clone(), alarm_rings)?)?;
    exports.set("alarmRang", Function::new(ctx.clone(), alarm_rang)?)?;
    exports.set("getAlarm", Function::new(ctx.clone(), get_alarm)?)?;
    exports.set("setAlarm", Function::new(ctx.clone(), set_alarm)?)?;
    exports.set("keyGet", Function::new(ctx.clone(), key_get)?)?;
    exports.set("keyPut", Function::new(ctx.clone(), key_put)?)?;
    exports.set("keyDelete", Function::new(ctx.clone(), key_delete)?)?;
    exports.set("keyList", Function::new(ctx.clone(), key_list)?)?;
    exports.set("openForTest", Function::new(ctx.clone(), open_for_test)?)?;
    exports.set(
        "endTurnForTest",
        Function::new(ctx.clone(), end_turn_for_test)?,
    )?;
    Ok(exports)
}

/// An error of the database as an exception.
fn thrown(ctx: &Ctx<'_>, error: Error) -> EngineError {
    cursor::throw(ctx.as_raw().as_ptr(), &error);
    EngineError::Exception
}

/// The database behind an object of `sqlOf`.
fn database_of<'js>(ctx: &Ctx<'js>, sql: &Value<'js>) -> Result<Rc<Database>> {
    cursor::database_of(sql.as_raw())
        .ok_or_else(|| Exception::throw_type(ctx, "Illegal invocation"))
}

/// `setPrototypes(sqlStorage, cursor, rowIterator, rawIterator)`: what the objects made here inherit from.
fn set_prototypes<'js>(
    ctx: Ctx<'js>,
    sql: Object<'js>,
    cursor: Object<'js>,
    rows: Object<'js>,
    raw: Object<'js>,
) {
    let classes = [
        (Class::Storage, sql),
        (Class::Cursor, cursor),
        (Class::RowIterator, rows),
        (Class::RawIterator, raw),
    ];
    for (class, prototype) in classes {
        cursor::set_prototype(ctx.as_raw().as_ptr(), class, prototype.as_raw());
    }
}

/// `sqlOf(object)`: the `SqlStorage` of an open object, which stands for its database in the functions below.
fn sql_of(ctx: Ctx<'_>, object: u32) -> Result<Value<'_>> {
    let Some(database) = find(object) else {
        return Err(Exception::throw_message(&ctx, "the object is not open"));
    };
    let sql = cursor::give_database(ctx.as_raw().as_ptr(), database);
    // SAFETY: the reference that was just made goes to the value.
    let sql = unsafe { Value::from_raw(ctx.clone(), sql) };
    if sql.is_exception() {
        return Err(EngineError::Exception);
    }
    Ok(sql)
}

/// `databaseSize(sql)`: bytes in use.
fn database_size<'js>(ctx: Ctx<'js>, sql: Value<'js>) -> Result<f64> {
    let database = database_of(&ctx, &sql)?;
    database.size().map_err(|error| thrown(&ctx, error))
}

/// `savepoint(sql)`: begins a transaction inside the turn's, and gives how many are open now.
fn savepoint<'js>(ctx: Ctx<'js>, sql: Value<'js>) -> Result<usize> {
    let database = database_of(&ctx, &sql)?;
    database.savepoint().map_err(|error| thrown(&ctx, error))
}

/// `release(sql)`: ends the innermost one.
fn release<'js>(ctx: Ctx<'js>, sql: Value<'js>) -> Result<()> {
    let database = database_of(&ctx, &sql)?;
    database.release().map_err(|error| thrown(&ctx, error))
}

/// `depth(sql)`: how many are open.
fn depth<'js>(ctx: Ctx<'js>, sql: Value<'js>) -> Result<usize> {
    Ok(database_of(&ctx, &sql)?.depth())
}

/// `rollBackTo(sql)`: undoes and ends the innermost one.
fn roll_back_to<'js>(ctx: Ctx<'js>, sql: Value<'js>) -> Result<()> {
    let database = database_of(&ctx, &sql)?;
    database.roll_back_to().map_err(|error| thrown(&ctx, error))
}

/// `wipe(sql)`: deletes everything.
fn wipe<'js>(ctx: Ctx<'js>, sql: Value<'js>) -> Result<()> {
    let database = database_of(&ctx, &sql)?;
    database.wipe().map_err(|error| thrown(&ctx, error))
}

/// `commit(sql)`: commits what the turn has written so far, unless that is part of a transaction.
fn commit<'js>(ctx: Ctx<'js>, sql: Value<'js>) -> Result<()> {
    let database = database_of(&ctx, &sql)?;
    database.check().map_err(|error| thrown(&ctx, error))?;
    if database.depth() == 0
        && let Some(outcome) = database.commit_now()
    {
        crate::objects::send_commit(Ended {
            object: database.object,
            outcome,
        });
    }
    database.check().map_err(|error| thrown(&ctx, error))
}

/// `alarmRings(object, scheduled)`: the alarm is about to be handled. False when it is not to be any more.
fn alarm_rings(object: u32, scheduled_ms: f64) -> bool {
    find(object).is_some_and(|database| database.alarm_rings(scheduled_ms))
}

/// `alarmRang(object, handled)`.
fn alarm_rang(object: u32, handled: bool) {
    if let Some(database) = find(object) {
        database.alarm_rang(handled);
    }
}

/// `getAlarm(sql)`: milliseconds, or null.
fn get_alarm<'js>(ctx: Ctx<'js>, sql: Value<'js>) -> Result<Value<'js>> {
    let database = database_of(&ctx, &sql)?;
    database.check().map_err(|error| thrown(&ctx, error))?;
    Ok(match database.alarm() {
        Some(at_ms) => Value::new_float(ctx, at_ms),
        None => Value::new_null(ctx),
    })
}

/// `setAlarm(sql, milliseconds | null)`.
fn set_alarm<'js>(ctx: Ctx<'js>, sql: Value<'js>, at_ms: Value<'js>) -> Result<()> {
    let database = database_of(&ctx, &sql)?;
    database
        .set_alarm(at_ms.as_number())
        .map_err(|error| thrown(&ctx, error))
}

/// A key as SQLite orders it: by the bytes of its UTF-8.
struct Key(Vec<u8>);

impl<'js> FromJs<'js> for Key {
    fn from_js(ctx: &Ctx<'js>, value: Value<'js>) -> Result<Self> {
        let mut bytes = 0;
        // SAFETY: the context is alive; the text is copied and given back. Lone surrogates keep bytes of their own.
        unsafe {
            let raw = ctx.as_raw().as_ptr();
            let text = qjs::JS_ToCStringLen2(raw, &raw mut bytes, value.as_raw(), false);
            if text.is_null() {
                return Err(EngineError::Exception);
            }
            let key = std::slice::from_raw_parts(text.cast::<u8>(), bytes as usize).to_vec();
            qjs::JS_FreeCString(raw, text);
            Ok(Self(key))
        }
    }
}

/// `keyGet(sql, key)`: the value's bytes, or undefined.
fn key_get<'js>(ctx: Ctx<'js>, sql: Value<'js>, key: Key) -> Result<Value<'js>> {
    let database = database_of(&ctx, &sql)?;
    let found = database.get(&key.0, <[u8]>::to_vec);
    match found.map_err(|error| thrown(&ctx, error))? {
        Some(bytes) => Ok(TypedArray::<u8>::new(ctx, bytes)?.into_value()),
        None => Ok(Value::new_undefined(ctx)),
    }
}

/// `keyPut(sql, key, bytes)`.
fn key_put<'js>(ctx: Ctx<'js>, sql: Value<'js>, key: Key, value: Input<'js>) -> Result<()> {
    let database = database_of(&ctx, &sql)?;
    database
        .put(&key.0, &value)
        .map_err(|error| thrown(&ctx, error))
}

/// `keyDelete(sql, key)`: whether it was there.
fn key_delete<'js>(ctx: Ctx<'js>, sql: Value<'js>, key: Key) -> Result<bool> {
    let database = database_of(&ctx, &sql)?;
    database.delete(&key.0).map_err(|error| thrown(&ctx, error))
}

/// `keyList(sql, [start, startAfter, end, prefix, last], reverse, limit)`: `[key, bytes, key, bytes, …]`, not always up to
/// the limit: the last key it gave is `last` of the next call, until one gives nothing.
fn key_list<'js>(
    ctx: Ctx<'js>,
    sql: Value<'js>,
    bounds: Array<'js>,
    reverse: bool,
    limit: f64,
) -> Result<Array<'js>> {
    let database = database_of(&ctx, &sql)?;
    let bound = |index: usize| {
        bounds
            .get::<Option<Key>>(index)
            .map(|key| key.map(|key| key.0))
    };
    let after = |mut key: Vec<u8>| {
        key.push(0);
        key
    };
    let mut start = match bound(1)? {
        Some(key) => after(key),
        None => bound(0)?.unwrap_or_default(),
    };
    let mut end = bound(2)?;
    if let Some(prefix) = bound(3)? {
        if start < prefix {
            start.clone_from(&prefix);
        }
        let mut beyond = prefix;
        while let Some(0xff) = beyond.last() {
            beyond.pop();
        }
        if let Some(last) = beyond.last_mut() {
            *last += 1;
            if end.as_ref().is_none_or(|end| *end > beyond) {
                end = Some(beyond);
            }
        }
    }
    if let Some(last) = bound(4)? {
        if reverse {
            end = Some(last);
        } else {
            start = after(last);
        }
    }
    let list = Array::new(ctx.clone())?;
    if end.as_ref().is_some_and(|end| *end <= start) {
        return Ok(list);
    }
    let (mut entries, mut bytes) = (Vec::new(), 0);
    let range = Range {
        start: &start,
        end: end.as_deref(),
        reverse,
        limit: (limit as usize).min(MAX_LISTED),
    };
    let read = database.entries(&range, |key, value| {
        bytes += key.len() + value.len();
        entries.push((key.to_vec(), value.to_vec()));
        bytes < MAX_LISTED_BYTES
    });
    read.map_err(|error| thrown(&ctx, error))?;
    for (index, (key, value)) in entries.into_iter().enumerate() {
        list.set(2 * index, rows::text(&ctx, &key))?;
        list.set(2 * index + 1, TypedArray::<u8>::new(ctx.clone(), value)?)?;
    }
    Ok(list)
}

/// Lets this thread's programs open databases of their own. Only where there is no host.
pub(crate) fn allow_tests() {
    TESTS.set(true);
}

fn only_tests(ctx: &Ctx<'_>) -> Result<()> {
    if TESTS.get() {
        Ok(())
    } else {
        Err(Exception::throw_message(
            ctx,
            "storage without a host is for tests",
        ))
    }
}

/// `openForTest(object)`: an empty database, as the host would open one.
fn open_for_test(ctx: Ctx<'_>, object: u32) -> Result<()> {
    only_tests(&ctx)?;
    open(object, None, 0, u32::MAX, None);
    Ok(())
}

/// `endTurnForTest()`: `[object, pages, bytes, alarm, error]` of each object that changed.
fn end_turn_for_test(ctx: Ctx<'_>) -> Result<Array<'_>> {
    only_tests(&ctx)?;
    let list = Array::new(ctx.clone())?;
    for (index, ended) in end_turn().into_iter().enumerate() {
        let entry = Array::new(ctx.clone())?;
        entry.set(0, ended.object)?;
        match ended.outcome {
            Ok(committed) => {
                let bytes: usize = committed.changes.iter().map(Vec::len).sum();
                entry.set(1, committed.page_count)?;
                entry.set(2, bytes)?;
                entry.set(3, committed.alarm.flatten())?;
            }
            Err(why) => {
                reset(ended.object, &why);
                entry.set(4, why)?;
            }
        }
        list.set(index, entry)?;
    }
    Ok(list)
}
