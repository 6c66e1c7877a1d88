//! Insertions and replacements in a text that leave every line break where it is, and where
//! positions move to by them.

/// Changes to one text. Ranges may touch but not overlap.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    edits: Vec<Edit>,
}

#[derive(Debug)]
struct Edit {
    start: u32,
    end: u32,
    text: String,
    /// Orders insertions at one place: lower comes first, then the order of the calls.
    rank: i32,
}

impl Edits {
    pub(crate) fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Inserts at `offset`. Among insertions at one place the lowest rank comes first.
    pub(crate) fn insert(&mut self, offset: u32, rank: i32, text: impl Into<String>) {
        self.replace(offset, offset, rank, text);
    }

    pub(crate) fn replace(&mut self, start: u32, end: u32, rank: i32, text: impl Into<String>) {
        let text = text.into();
        debug_assert!(!text.contains('\n'), "edits must not make lines");
        self.edits.push(Edit {
            start,
            end,
            text,
            rank,
        });
    }

    /// The changed text and how positions moved. Line breaks inside replaced ranges are kept.
    pub(crate) fn apply(mut self, source: &str) -> (String, Moved) {
        // An insertion comes before a replacement that starts at the same place, and after one
        // that ends there.
        self.edits
            .sort_by_key(|edit| (edit.start, edit.end != edit.start, edit.rank));
        let mut output = String::with_capacity(source.len() + self.edits.len() * 24);
        let mut moved = Moved::default();
        let mut done = 0;
        for edit in &self.edits {
            let (start, end) = (edit.start as usize, edit.end as usize);
            debug_assert!(start >= done, "edits must not overlap");
            output.push_str(&source[done..start]);
            let removed = &source[start..end];
            moved.record(source, start, removed, &edit.text);
            output.push_str(&edit.text);
            output.extend(removed.chars().filter(|character| *character == '\n'));
            done = end;
        }
        output.push_str(&source[done..]);
        (output, moved)
    }
}

/// How far columns moved, line by line.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    shifts: Vec<Shift>,
    /// How far `record` has counted.
    counted: Place,
}

/// A byte offset with its line and its column in UTF-16 units, all from 0.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    offset: usize,
    line: u32,
    column: u32,
}

impl Place {
    /// The place `text` further on.
    fn after(self, text: &str) -> Self {
        let units = |text: &str| text.encode_utf16().count() as u32;
        Self {
            offset: self.offset + text.len(),
            line: self.line + text.bytes().filter(|byte| *byte == b'\n').count() as u32,
            column: match text.rfind('\n') {
                Some(newline) => units(&text[newline + 1..]),
                None => self.column + units(text),
            },
        }
    }
}

/// From `column` on (in UTF-16 units, as it was before), columns of `line` move by `by` more.
#[derive(Debug)]
struct Shift {
    line: u32,
    column: u32,
    by: i64,
}

impl Moved {
    fn record(&mut self, source: &str, start: usize, removed: &str, text: &str) {
        let place = self.counted.after(&source[self.counted.offset..start]);
        let end = place.after(removed);
        self.counted = end;
        let added = text.encode_utf16().count() as i64;
        let mut shift = |place: Place, by| {
            self.shifts.push(Shift {
                line: place.line,
                column: place.column,
                by,
            });
        };
        if place.line == end.line {
            shift(place, added - i64::from(end.column - place.column));
        } else {
            shift(place, added);
            shift(end, -i64::from(end.column));
        }
    }

    /// Moves columns of places that come in ascending order.
    pub(crate) fn cursor(&self) -> Cursor<'_> {
        Cursor {
            shifts: &self.shifts,
            next: 0,
            line: 0,
            by: 0,
        }
    }
}

/// Walks the shifts along with ascending places.
pub(crate) struct Cursor<'a> {
    shifts: &'a [Shift],
    next: usize,
    line: u32,
    by: i64,
}

impl Cursor<'_> {
    /// The new column of a place that is not before the last one asked for.
    pub(crate) fn column(&mut self, line: u32, column: u32) -> u32 {
        if line != self.line {
            (self.line, self.by) = (line, 0);
        }
        while let Some(shift) = self.shifts.get(self.next) {
            if (shift.line, shift.column) > (line, column) {
                break;
            }
            if shift.line == line {
                self.by += shift.by;
            }
            self.next += 1;
        }
        u32::try_from(i64::from(column) + self.by).unwrap_or(0)
    }
}
