//! Places in text, and names that resemble a mistyped one.

/// The line and the column (in characters) of a byte offset, both counted from 1.
pub(crate) fn line_and_column(source: &str, offset: usize) -> (u32, u32) {
    let mut offset = offset.min(source.len());
    while !source.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &source[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() as u32 + 1;
    (line, before[line_start..].chars().count() as u32 + 1)
}

/// The candidate that `name` was most likely meant to be, if any is near enough.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace, swap neighbours) between two names, letter case aside.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.to_lowercase().chars().collect();
    let right: Vec<char> = right.to_lowercase().chars().collect();
    if left.len().abs_diff(right.len()) > left.len().max(3) {
        return usize::MAX;
    }
    let mut rows: [Vec<usize>; 3] = [
        vec![0; right.len() + 1],
        (0..=right.len()).collect(),
        vec![0; right.len() + 1],
    ];
    for (row, left_char) in left.iter().enumerate() {
        rows[2][0] = row + 1;
        for (column, right_char) in right.iter().enumerate() {
            let replaced = rows[1][column] + usize::from(left_char != right_char);
            let mut best = replaced
                .min(rows[1][column + 1] + 1)
                .min(rows[2][column] + 1);
            if row > 0
                && column > 0
                && left[row - 1] == *right_char
                && *left_char == right[column - 1]
            {
                best = best.min(rows[0][column - 1] + 1);
            }
            rows[2][column + 1] = best;
        }
        rows.rotate_left(1);
    }
    rows[1][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_finds_its_neighbour() {
        let keys = ["compatibility_date", "compatibility_flags", "main", "vars"];
        assert_eq!(
            nearest("compatability_date", keys),
            Some("compatibility_date")
        );
        assert_eq!(nearest("mian", keys), Some("main"));
        assert_eq!(nearest("zebra", keys), None);
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(line_and_column("a\nö = 1", "a\nö ".len()), (2, 3));
        assert_eq!(line_and_column("", 9), (1, 1));
    }
}
