//! What SQL of a worker may do: Workers' lists of functions and PRAGMAs, no names that belong to the runtime, no other
//! database, no transactions of its own.

use std::ffi::c_int;

use sqlite::*;

/// What Workers say about transactions.
pub(crate) const TRANSACTIONS: &str = "To execute a transaction, please use the state.storage.transaction() or \
state.storage.transactionSync() APIs instead of the SQL BEGIN TRANSACTION or SAVEPOINT statements. The JavaScript API is \
safer because it will automatically roll back on exceptions, and because it interacts correctly with Durable Objects' \
automatic atomic write coalescing.";

/// Sorted.
const FUNCTIONS: &[&str] = &[
    "->",
    "->>",
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "avg",
    "bm25",
    "ceil",
    "changes",
    "char",
    "coalesce",
    "concat",
    "concat_ws",
    "cos",
    "cosh",
    "count",
    "cume_dist",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "datetime",
    "degrees",
    "dense_rank",
    "exp",
    "first_value",
    "floor",
    "format",
    "glob",
    "group_concat",
    "hex",
    "highlight",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_each",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_insert",
    "json_object",
    "json_patch",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_tree",
    "json_type",
    "json_valid",
    "jsonb",
    "jsonb_array",
    "jsonb_extract",
    "jsonb_group_array",
    "jsonb_group_object",
    "jsonb_insert",
    "jsonb_object",
    "jsonb_patch",
    "jsonb_remove",
    "jsonb_replace",
    "jsonb_set",
    "julianday",
    "lag",
    "last_insert_rowid",
    "last_value",
    "lead",
    "length",
    "like",
    "likelihood",
    "likely",
    "ln",
    "load_extension",
    "log",
    "log2",
    "lower",
    "ltrim",
    "match",
    "max",
    "max_scalar",
    "min",
    "min_scalar",
    "mod",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "percent_rank",
    "pi",
    "pow",
    "printf",
    "quote",
    "radians",
    "random",
    "randomblob",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtreecheck",
    "rtrim",
    "sign",
    "sin",
    "sinh",
    "snippet",
    "soundex",
    "sqlite_drop_column",
    "sqlite_rename_column",
    "sqlite_rename_quotefix",
    "sqlite_rename_table",
    "sqlite_rename_test",
    "sqrt",
    "strftime",
    "string_agg",
    "substr",
    "substring",
    "sum",
    "tan",
    "tanh",
    "time",
    "timediff",
    "total",
    "total_changes",
    "trim",
    "trunc",
    "typeof",
    "unhex",
    "unicode",
    "unixepoch",
    "unlikely",
    "upper",
    "zeroblob",
];

/// What an allowed PRAGMA may be given.
#[derive(Clone, Copy)]
enum Argument {
    Nothing,
    Boolean,
    Name,
    NameOrNothing,
    NumberOrNothing,
    NumberNameOrNothing,
    /// Anything: it is only looked at.
    Any,
}

fn pragma(name: &str) -> Option<Argument> {
    Some(match name {
        "data_version" | "page_size" => Argument::Nothing,
        "case_sensitive_like"
        | "foreign_keys"
        | "defer_foreign_keys"
        | "ignore_check_constraints"
        | "legacy_alter_table"
        | "recursive_triggers"
        | "reverse_unordered_selects" => Argument::Boolean,
        "foreign_key_check" => Argument::NameOrNothing,
        "foreign_key_list" | "index_info" | "index_list" | "index_xinfo" | "table_info"
        | "table_xinfo" => Argument::Name,
        "quick_check" => Argument::NumberNameOrNothing,
        "optimize" => Argument::NumberOrNothing,
        "table_list" => Argument::Any,
        _ => return None,
    })
}

/// Whether a PRAGMA with a value changes the connection that it is run on.
pub(crate) fn is_setting(name: &str) -> bool {
    matches!(pragma(name), Some(Argument::Boolean))
}

fn is_boolean(value: &str) -> bool {
    let quoted = value
        .strip_prefix(['\'', '"'])
        .and_then(|rest| rest.strip_suffix(['\'', '"']));
    let value = quoted.unwrap_or(value).to_ascii_lowercase();
    matches!(
        value.as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "1" | "0"
    )
}

/// Names that start like this are the runtime's.
fn is_free(name: &str) -> bool {
    !name
        .as_bytes()
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"_cf_"))
}

/// Whether a worker's statement may do `action`. The meaning of the names depends on it, see
/// <https://www.sqlite.org/c3ref/c_alter_table.html>.
pub(crate) fn is_allowed(
    action: c_int,
    first: Option<&str>,
    second: Option<&str>,
    database: Option<&str>,
) -> bool {
    // SQLite gives the names of a renamed table in another order; see `build.rs` of `sqlite` for the new one.
    let (first, second, database) = match action {
        SQLITE_ALTER_TABLE | SQLITE_DETACH => (second, database, first),
        _ => (first, second, database),
    };
    let free = |name: Option<&str>| name.is_some_and(is_free);
    match database {
        Some("temp") => {
            return matches!(action, SQLITE_READ | SQLITE_UPDATE) && free(first);
        }
        None | Some("main") => {}
        Some(_) => return false,
    }
    match action {
        SQLITE_SELECT | SQLITE_RECURSIVE | SQLITE_ANALYZE => true,
        SQLITE_CREATE_TABLE | SQLITE_DELETE | SQLITE_DROP_TABLE | SQLITE_INSERT
        | SQLITE_CREATE_VIEW | SQLITE_DROP_VIEW | SQLITE_REINDEX | SQLITE_READ | SQLITE_UPDATE => {
            free(first)
        }
        SQLITE_ALTER_TABLE => free(first) && second.is_none_or(is_free),
        SQLITE_CREATE_INDEX | SQLITE_DROP_INDEX | SQLITE_CREATE_TRIGGER | SQLITE_DROP_TRIGGER => {
            free(first) && free(second)
        }
        // A name in a default of a column comes as it was written.
        SQLITE_FUNCTION => second.is_some_and(|name| {
            let name = name.to_ascii_lowercase();
            FUNCTIONS.binary_search(&name.as_str()).is_ok()
        }),
        SQLITE_CREATE_VTABLE | SQLITE_DROP_VTABLE => {
            let known = ["fts5", "fts5vocab", "rtree", "rtree_i32"];
            free(first)
                && second.is_some_and(|module| {
                    known.iter().any(|name| name.eq_ignore_ascii_case(module))
                })
        }
        SQLITE_PRAGMA => first.and_then(pragma).is_some_and(|may| match may {
            Argument::Any => true,
            Argument::Nothing => second.is_none(),
            Argument::Boolean => second.is_none_or(is_boolean),
            Argument::Name => free(second),
            Argument::NameOrNothing => second.is_none_or(is_free),
            Argument::NumberOrNothing => second.is_none_or(|value| value.parse::<i32>().is_ok()),
            Argument::NumberNameOrNothing => {
                second.is_none_or(|value| value.parse::<u32>().is_ok() || is_free(value))
            }
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::FUNCTIONS;

    #[test]
    fn functions_are_found() {
        assert!(FUNCTIONS.is_sorted());
    }
}
