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

/// The first statement of `sql` without such clauses, and how many bytes of `sql` it took. `None` when it has none.
pub(crate) fn rewrite(sql: &str) -> Option<(String, usize)> {
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
    let (rows, returned) = (part(target, index), part(returning, limit));
    // A parameter would change its place.
    if returned.contains('?') {
        return None;
    }
    let statement = format!(
        "{}{} WHERE rowid IN (SELECT rowid FROM {} {} {}) {returned}",
        &sql[..place(index)],
        part(set, filter),
        rows,
        &sql[place(index)..place(set)],
        format_args!("{} {}", part(filter, returning), part(limit, words.len())),
    );
    Some((statement, used))
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
            if let Some((_, used)) = rewrite(&sql) {
                prop_assert!(sql.is_char_boundary(used));
            }
        }
    }

    #[test]
    fn what_is_limited_is_a_subquery() {
        let cases = [
            (
                "delete from t limit 1",
                "delete from t  WHERE rowid IN (SELECT rowid FROM t    limit 1) ",
            ),
            (
                "UPDATE t AS x SET a = (SELECT 1 LIMIT 1), b = 'LIMIT' WHERE a > ? ORDER BY a LIMIT ?; SELECT 1",
                "UPDATE t AS x SET a = (SELECT 1 LIMIT 1), b = 'LIMIT'  WHERE rowid IN (SELECT rowid FROM t AS x   \
                 WHERE a > ?  ORDER BY a LIMIT ?) ",
            ),
        ];
        for (sql, expected) in cases {
            assert_eq!(rewrite(sql).unwrap().0, expected);
        }
        for sql in [
            "SELECT 1 LIMIT 1",
            "DELETE FROM t WHERE x IN (SELECT 1 LIMIT 1)",
            "DELETE FROM t WHERE 'é' = \"LIMIT",
            "UPDATE t SET a = 1 FROM o LIMIT 1",
            "DELETE",
            "UPDATE OR",
        ] {
            assert_eq!(rewrite(sql), None, "{sql}");
        }
    }
}
