//! What is open, and what has been written.

/// What an open element does to the text in it.
pub(super) enum Kind {
    /// Nothing.
    Plain,
    /// It stands for itself.
    Block,
    /// Nothing of it is shown.
    Skipped,
    /// The title of the page.
    Title,
    Quote,
    List {
        next: Option<u64>,
    },
    /// What its first line begins with, until that is written, and how far the others stand in.
    Item {
        marker: Option<String>,
        width: usize,
    },
    Heading {
        marker: Option<String>,
    },
    /// Marks around text. They are written when there is text.
    Mark {
        open: String,
        close: String,
        is_open: bool,
    },
    Code(String),
    Preformatted {
        text: String,
        language: String,
    },
    Table(Vec<Vec<String>>),
    Row,
    /// What was written before it.
    Cell(Page),
}

pub(super) struct Open {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) is_included: bool,
}

/// Text, and what comes before more of it.
#[derive(Default)]
pub(super) struct Page {
    pub(super) text: String,
    /// Line breaks.
    pub(super) breaks: usize,
    pub(super) is_hard: bool,
    pub(super) has_space: bool,
}

/// What a line begins with: marks of quotes, and the place of items, whose own marks their first lines have.
pub(super) fn prefix(stack: &mut [Open], text: &mut String, has_text: bool) {
    for open in stack {
        match &mut open.kind {
            Kind::Quote => text.push_str("> "),
            Kind::Item { marker, width } => match marker.take_if(|_| has_text) {
                Some(marker) => text.push_str(&marker),
                None => text.extend(std::iter::repeat_n(' ', *width)),
            },
            Kind::Heading { marker } if has_text => text.extend(marker.take()),
            _ => {}
        }
    }
}
