//! `UPDATE` and `DELETE` with `ORDER BY` and `LIMIT`.
//!
//! SQLite has them as an option of its parser, whose generated source is not the one that is built here. What they mean is
//! a statement for the rows of a subquery, and that is what they are turned into. See
//! <https://www.sqlite.org/lang_delete.html#optional_limit_and_order_by_clauses>.

use std::ops::Range;

/// A word of SQL that is in no parentheses.
struct Word<'a> {
    text: &'a str,
    at: Range<usize>,
}

impl Word<'_> {
    fn is(&self, keyword: &str) -> bool {
        self.text.eq_ignore_ascii_case(keyword)
    }

    fn is_one_of(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is(keyword))
    }
}

/// The words of the first statement of `sql`, where its content ends, and where the next statement begins.
fn words(sql: &str) -> (Vec<Word<'_>>, usize, usize) {
    let bytes = sql.as_bytes();
    let (mut words, mut at, mut depth) = (Vec::new(), 0, 0_usize);
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    // The place behind the next `end`, from `from` on.
    let behind = |from: usize, end: &str| {
        let found = sql.get(from..).and_then(|rest| rest.find(end));
        found.map_or(bytes.len(), |found| from + found + end.len())
    };
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b'-' if bytes.get(at + 1) == Some(&b'-') => at = behind(at, "\n"),
            b'/' if bytes.get(at + 1) == Some(&b'*') => at = behind(at + 2, "*/"),
            b'\'' => at = behind(at + 1, "'"),
            b'"' => at = behind(at + 1, "\""),
            b'`' => at = behind(at + 1, "`"),
            b'[' => at = behind(at + 1, "]"),
            b';' => return (words, at, at + 1),
            byte if is_word(byte) => {
                while at < bytes.len() && is_word(bytes[at]) {
                    at += 1;
                }
                if depth == 0 {
                    words.push(Word {
                        text: &sql[start..at],
                        at: start..at,
                    });
                }
            }
            byte => {
                match byte {
                    b'(' => depth += 1,
                    b')' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                at += 1;
            }
        }
    }
    (words, bytes.len(), bytes.len())
}

/// A statement with such clauses as one without.
#[derive(Debug, PartialEq)]
pub(crate) struct Rewritten {
    pub(crate) sql: String,
    /// How many bytes of what was given it took.
    pub(crate) used: usize,
    /// The table that it is about, as SQL text for it.
    pub(crate) table: String,
}

/// The name at the start of `text`, without what names its database, in SQLite's own quotes.
fn table_name(text: &str) -> Option<String> {
    let mut rest = text.trim_start();
    loop {
        let first = rest.chars().next()?;
        let end = match first {
            '"' | '`' | '\'' => 1 + rest[1..].find(first)? + 1,
            '[' => rest.find(']')? + 1,
            _ => rest
                .find(|letter: char| !letter.is_alphanumeric() && !"_$".contains(letter))
                .unwrap_or(rest.len()),
        };
        let name = match first {
            '"' | '`' | '\'' | '[' => &rest[1..end - 1],
            _ => &rest[..end],
        };
        rest = rest[end..].trim_start();
        match rest.strip_prefix('.') {
            Some(after) => rest = after.trim_start(),
            None => return (!name.is_empty()).then(|| format!("'{}'", name.replace('\'', "''"))),
        }
    }
}

/// The first statement of `sql` without such clauses. `None` when it has none. `key` names the columns that tell the rows
/// of its table apart.
pub(crate) fn rewrite(sql: &str, key: &str) -> Option<Rewritten> {
    let (words, end, used) = words(sql);
    let verb = words
        .iter()
        .position(|word| word.is_one_of(&["DELETE", "UPDATE"]))?;
    let is_update = words[verb].is("UPDATE");
    let next = verb + 1;
    let target = match words.get(next)? {
        word if is_update && word.is("OR") => next + 2,
        _ if is_update => next,
        word if word.is("FROM") => next + 1,
        _ => return None,
    };
    // Where the first of some words stands, from `from` on; the end of the statement if none does.
    let find = |from: usize, keywords: &[&str]| {
        let found = words
            .iter()
            .skip(from)
            .position(|word| word.is_one_of(keywords));
        found.map_or(words.len(), |found| from + found)
    };
    let place = |word: usize| words.get(word).map_or(end, |word| word.at.start);
    let part = |from: usize, to: usize| &sql[place(from)..place(to)];

    // What has no word may have a name in quotes.
    let name = words.get(target - 1).map_or(end, |word| word.at.end);
    let limit = find(target, &["ORDER", "LIMIT"]);
    if limit == words.len() {
        return None;
    }
    let returning = find(target, &["RETURNING"]).min(limit);
    let filter = find(target, &["WHERE"]).min(returning);
    let mut set = filter;
    if is_update {
        set = find(target, &["SET"]);
        let other = find(set, &["FROM"]);
        if set >= filter || (other < filter && !words[other - 1].is("DISTINCT")) {
            return None;
        }
    }
    // How its rows are found is for the subquery to say.
    let index = find(target, &["INDEXED", "NOT"]).min(set);
    let (rows, returned) = (sql.get(name..place(index))?, part(returning, limit));
    // A parameter would change its place.
    if returned.contains('?') {
        return None;
    }
    let statement = format!(
        "{}{} WHERE ({key}) IN (SELECT {key} FROM{} {} {}) {returned}",
        &sql[..place(index)],
        part(set, filter),
        rows,
        &sql[place(index)..place(set)],
        format_args!("{} {}", part(filter, returning), part(limit, words.len())),
    );
    Some(Rewritten {
        sql: statement,
        used,
        table: table_name(rows)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::rewrite;

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "DELETE", "UPDATE", "FROM", "SET", "WHERE", "RETURNING", "ORDER", "LIMIT", "OR", "INDEXED", "NOT",
                    "DISTINCT", "t", "é", "(", ")", "'", "\"", "[", "]", "`", "--", "/*", "*/", "\n", ";", "?", "1",
                ]),
                0..20,
            )
        ) {
            let sql = parts.join(" ");
            if let Some(rewritten) = rewrite(&sql, "rowid") {
                prop_assert!(sql.is_char_boundary(rewritten.used));
            }
        }
    }

    #[test]
    fn what_is_limited_is_a_subquery() {
        let cases = [
            (
                "delete from t limit 1",
                "'t'",
                "delete from t  WHERE (rowid) IN (SELECT rowid FROM t    limit 1) ",
            ),
            (
                "delete from main.\"it's\" order by a limit 1",
                "'it''s'",
                "delete from main.\"it's\"  WHERE (rowid) IN (SELECT rowid FROM main.\"it's\"    order by a limit 1) ",
            ),
            (
                "UPDATE t AS x SET a = (SELECT 1 LIMIT 1), b = 'LIMIT' WHERE a > ? ORDER BY a LIMIT ?; SELECT 1",
                "'t'",
                "UPDATE t AS x SET a = (SELECT 1 LIMIT 1), b = 'LIMIT'  WHERE (rowid) IN (SELECT rowid FROM t AS x   \
                 WHERE a > ?  ORDER BY a LIMIT ?) ",
            ),
        ];
        for (sql, table, expected) in cases {
            let rewritten = rewrite(sql, "rowid").unwrap();
            assert_eq!(
                (&*rewritten.sql, &*rewritten.table),
                (expected, table),
                "{sql}"
            );
        }
        for sql in [
            "SELECT 1 LIMIT 1",
            "DELETE FROM t WHERE x IN (SELECT 1 LIMIT 1)",
            "DELETE FROM t WHERE 'é' = \"LIMIT",
            "UPDATE t SET a = 1 FROM o LIMIT 1",
            "DELETE",
            "UPDATE OR",
        ] {
            assert_eq!(rewrite(sql, "rowid"), None, "{sql}");
        }
    }
}
