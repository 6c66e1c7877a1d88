//! Markdown as it is written while HTML is read: CommonMark, and GitHub's tables and strikethrough.

use ada_url::Url;
use html_escape::decode_html_entities;

use super::elements::{Attributes, ends, is_block, is_skipped};
use super::marks::{escaped, escaped_start, fence};
use super::page::{Kind, Open, Page, prefix};

/// How deep marks are made for what is inside of each other; below that, text is text.
const MAX_DEPTH: usize = 100;
/// How many elements are open at most, as in browsers; what is in others is read as if it were beside them.
const MAX_OPEN: usize = 512;

pub(super) struct Writer {
    stack: Vec<Open>,
    page: Page,
    /// Where the innermost cell's content begins in the stack.
    cell: usize,
    /// A text that has not ended yet.
    piece: String,
    /// Only what is in elements that were marked.
    is_choosy: bool,
    next_is_included: bool,
    base: Option<Url>,
    has_base: bool,
    plain: bool,
    title: String,
    description: String,
}

impl Writer {
    pub(super) fn new(is_choosy: bool, base: Option<Url>, plain: bool) -> Self {
        Self {
            stack: Vec::new(),
            page: Page::default(),
            cell: 0,
            piece: String::new(),
            is_choosy,
            next_is_included: false,
            base,
            has_base: false,
            plain,
            title: String::new(),
            description: String::new(),
        }
    }

    /// The element that starts next is one of those that are wanted.
    pub(super) fn include_next(&mut self) {
        self.next_is_included = true;
    }

    pub(super) fn start(&mut self, name: &str, attributes: &Attributes) {
        let (ended, keepers) = ends(name);
        for at in (0..self.stack.len()).rev().take(MAX_DEPTH) {
            let open = self.stack[at].name.as_str();
            if ended.contains(&open) {
                self.close_to(at);
                break;
            }
            if keepers.contains(&open) {
                break;
            }
        }
        let included = std::mem::take(&mut self.next_is_included);
        let is_included = included || self.stack.last().is_some_and(|open| open.is_included);
        let kind = match self.is_shown(is_included) {
            true => self.kind(name, attributes),
            false => Kind::Plain,
        };
        self.note(name, attributes);
        if self.stack.len() >= MAX_OPEN && !matches!(kind, Kind::Skipped) {
            return;
        }
        self.stack.push(Open {
            name: name.to_owned(),
            kind,
            is_included,
        });
    }

    /// Whether what is in here is written.
    fn is_shown(&self, is_included: bool) -> bool {
        let is_skipped = self
            .stack
            .iter()
            .rev()
            .any(|open| matches!(open.kind, Kind::Skipped));
        !is_skipped && (is_included || !self.is_choosy)
    }

    /// What is said about the page.
    fn note(&mut self, name: &str, attributes: &Attributes) {
        match (name, attributes.meta.as_deref(), &attributes.content) {
            ("meta", Some("description"), Some(text)) => self.description.clone_from(text),
            ("base", ..) if !self.has_base => {
                if let Some(href) = &attributes.href {
                    let base = Url::parse(href, self.base.as_ref().map(Url::href));
                    self.base = base.ok().or(self.base.take());
                    self.has_base = true;
                }
            }
            _ => {}
        }
    }

    fn kind(&mut self, name: &str, attributes: &Attributes) -> Kind {
        let frames = !self.is_choosy || !matches!(name, "header" | "footer");
        if (is_skipped(name) && frames) || attributes.is_hidden {
            return Kind::Skipped;
        }
        if self.stack.len() > MAX_DEPTH {
            return Kind::Plain;
        }
        let mark = |mark: &str| Kind::Mark {
            open: mark.to_owned(),
            close: mark.to_owned(),
            is_open: false,
        };
        let inside_code = self
            .stack
            .iter()
            .any(|open| matches!(open.kind, Kind::Code(_) | Kind::Preformatted { .. }));
        match name {
            "title" => Kind::Title,
            "code" | "kbd" | "samp" | "tt" if inside_code => {
                self.name_language(attributes);
                Kind::Plain
            }
            _ if inside_code => {
                if name == "br" {
                    self.raw("\n");
                }
                Kind::Plain
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.block();
                let level = usize::from(name.as_bytes()[1] - b'0');
                let marker = (!self.plain).then(|| format!("{} ", "#".repeat(level)));
                Kind::Heading { marker }
            }
            "blockquote" => {
                self.block();
                Kind::Quote
            }
            "ul" | "ol" => {
                self.list();
                let first = attributes
                    .start
                    .as_deref()
                    .and_then(|start| start.parse().ok());
                let next = (name == "ol").then_some(first.unwrap_or(1));
                Kind::List { next }
            }
            "li" => self.item(),
            "pre" => {
                self.block();
                let (text, language) = (String::new(), String::new());
                let kind = Kind::Preformatted { text, language };
                self.close_marks();
                kind
            }
            "hr" => {
                self.block();
                if !self.plain {
                    self.write("---");
                }
                self.block();
                Kind::Plain
            }
            "br" => {
                self.page.breaks = self.page.breaks.max(1);
                self.page.is_hard = self.page.breaks == 1;
                Kind::Plain
            }
            "img" => {
                self.image(attributes);
                Kind::Plain
            }
            "code" | "kbd" | "samp" | "tt" if !self.plain => Kind::Code(String::new()),
            "b" | "strong" if !self.plain => mark("**"),
            "i" | "em" if !self.plain => mark("*"),
            "s" | "del" | "strike" if !self.plain => mark("~~"),
            "a" if !self.plain => match &attributes.href {
                Some(href) => Kind::Mark {
                    open: "[".to_owned(),
                    close: format!("]({})", self.address(href)),
                    is_open: false,
                },
                None => Kind::Plain,
            },
            "table" => {
                self.block();
                self.close_marks();
                Kind::Table(Vec::new())
            }
            "tr" => {
                if let Some(rows) = self.rows() {
                    rows.push(Vec::new());
                }
                Kind::Row
            }
            "td" | "th" if self.rows().is_some_and(|rows| !rows.is_empty()) => {
                self.cell = self.stack.len() + 1;
                Kind::Cell(std::mem::take(&mut self.page))
            }
            name if is_block(name) => {
                self.block();
                Kind::Block
            }
            _ => Kind::Plain,
        }
    }

    /// The rows of the table that is being read.
    fn rows(&mut self) -> Option<&mut Vec<Vec<String>>> {
        let from = self.cell.min(self.stack.len());
        self.stack[from..]
            .iter_mut()
            .rev()
            .find_map(|open| match &mut open.kind {
                Kind::Table(rows) => Some(rows),
                _ => None,
            })
    }

    fn item(&mut self) -> Kind {
        self.close_marks();
        self.page.breaks = self.page.breaks.max(1);
        let list = self
            .stack
            .iter_mut()
            .rev()
            .find_map(|open| match &mut open.kind {
                Kind::List { next } => Some(next),
                _ => None,
            });
        let marker = match list {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            _ => "- ".to_owned(),
        };
        let width = marker.len();
        match self.plain {
            true => Kind::Block,
            false => Kind::Item {
                marker: Some(marker),
                width,
            },
        }
    }

    /// A list in an item follows it line by line.
    fn list(&mut self) {
        let in_item = self
            .stack
            .iter()
            .any(|open| matches!(open.kind, Kind::List { .. }));
        match in_item {
            true => {
                self.close_marks();
                self.page.breaks = self.page.breaks.max(1);
            }
            false => self.block(),
        }
    }

    fn name_language(&mut self, attributes: &Attributes) {
        let classes = attributes.class.as_deref().unwrap_or_default();
        let named = classes
            .split_whitespace()
            .find_map(|class| class.strip_prefix("language-"));
        if let (Some(Kind::Preformatted { language, .. }), Some(named)) =
            (self.stack.last_mut().map(|open| &mut open.kind), named)
        {
            *language = named.chars().filter(|letter| *letter != '`').collect();
        }
    }

    fn image(&mut self, attributes: &Attributes) {
        let alt = attributes.alt.as_deref().unwrap_or_default();
        let alt = escaped(&alt.split_whitespace().collect::<Vec<_>>().join(" "));
        match attributes.src.as_deref() {
            Some(source) if !self.plain && !source.is_empty() && !source.starts_with("data:") => {
                let text = format!("![{alt}]({})", self.address(source));
                self.write(&text);
            }
            _ if alt.is_empty() => {}
            _ => self.write(&alt),
        }
    }

    /// An address from the base, without what would end it.
    fn address(&self, address: &str) -> String {
        let address = address.trim();
        let whole = self
            .base
            .as_ref()
            .and_then(|base| Url::parse(address, Some(base.href())).ok());
        let text = whole.map_or_else(|| address.to_owned(), |url| url.href().to_owned());
        let mut safe = String::with_capacity(text.len());
        for letter in text.chars() {
            match letter {
                '(' | ')' | '<' | '>' | ' ' | '\t' | '\n' | '\r' => {
                    safe.push_str(&format!("%{:02X}", u32::from(letter)));
                }
                letter => safe.push(letter),
            }
        }
        safe
    }

    pub(super) fn end(&mut self, name: &str) {
        if let Some(at) = self.stack.iter().rposition(|open| open.name == name) {
            self.close_to(at);
        }
    }

    /// Closes the element at this place of the stack, and all in it.
    fn close_to(&mut self, at: usize) {
        while self.stack.len() > at {
            if let Some(open) = self.stack.pop() {
                self.close(open);
            }
        }
    }

    fn close(&mut self, open: Open) {
        match open.kind {
            Kind::Block | Kind::Quote | Kind::Heading { .. } => self.block(),
            Kind::List { .. } => self.list(),
            Kind::Item { marker, .. } => {
                if marker.is_none() {
                    self.page.breaks = self.page.breaks.max(1);
                }
                self.page.is_hard = false;
            }
            Kind::Mark { close, is_open, .. } => {
                if is_open {
                    self.page.text.push_str(&close);
                }
            }
            Kind::Code(text) => self.code(&text),
            Kind::Preformatted { text, language } => self.preformatted(&text, &language),
            Kind::Cell(before) => {
                self.close_marks();
                let cell = std::mem::replace(&mut self.page, before);
                let from = self
                    .stack
                    .iter()
                    .rposition(|open| matches!(open.kind, Kind::Cell(_)));
                self.cell = from.map_or(0, |at| at + 1);
                let text = cell.text.split_whitespace().collect::<Vec<_>>().join(" ");
                let text = if self.plain {
                    text
                } else {
                    text.replace('|', "\\|")
                };
                if let Some(row) = self.rows().and_then(|rows| rows.last_mut()) {
                    row.push(text);
                }
            }
            Kind::Table(rows) => self.table(&rows),
            Kind::Title | Kind::Plain | Kind::Skipped | Kind::Row => {}
        }
    }

    fn code(&mut self, text: &str) {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            return;
        }
        let ticks = fence(&text, 1);
        let pad = if text.starts_with('`') || text.ends_with('`') {
            " "
        } else {
            ""
        };
        self.write(&format!("{ticks}{pad}{text}{pad}{ticks}"));
    }

    fn preformatted(&mut self, text: &str, language: &str) {
        let text = text.strip_prefix('\n').unwrap_or(text).trim_end();
        if !text.is_empty() {
            let ticks = fence(text, 3);
            let lines: Vec<&str> = text.lines().collect();
            if !self.plain {
                self.write(&format!("{ticks}{language}"));
                self.page.breaks = 1;
            }
            for line in lines {
                // An empty line is a line, too.
                self.write_line(line);
            }
            if !self.plain {
                self.write(&ticks);
            }
        }
        self.block();
    }

    fn write_line(&mut self, line: &str) {
        self.write(line);
        self.page.breaks = 1;
    }

    fn table(&mut self, rows: &[Vec<String>]) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let rows = rows.iter().filter(|row| !row.is_empty());
        for (index, row) in rows.enumerate() {
            let cells = (0..columns).map(|column| row.get(column).map_or("", String::as_str));
            let cells: Vec<&str> = cells.collect();
            if self.plain {
                self.write_line(cells.join("\t").trim_end());
                continue;
            }
            self.write_line(&format!("| {} |", cells.join(" | ")));
            if index == 0 {
                self.write_line(&format!("| {} |", vec!["---"; columns].join(" | ")));
            }
        }
        self.block();
    }

    /// A piece of text, as it stands in the source.
    pub(super) fn text(&mut self, text: &str, is_last: bool) {
        self.piece.push_str(text);
        if !is_last {
            return;
        }
        let piece = std::mem::take(&mut self.piece);
        let piece = decode_html_entities(&piece);
        let is_included = self.stack.last().is_some_and(|open| open.is_included);
        if let Some(Kind::Title) = self.stack.last().map(|open| &open.kind) {
            self.title.push_str(&piece);
            return;
        }
        let in_head = self
            .stack
            .iter()
            .any(|open| open.name == "title" || open.name == "head");
        if in_head || !self.is_shown(is_included) || self.raw(&piece) {
            return;
        }
        let mut words = piece.split_whitespace().peekable();
        if piece.starts_with(char::is_whitespace) {
            self.page.has_space = true;
        }
        if words.peek().is_none() {
            return;
        }
        let text = words.collect::<Vec<_>>().join(" ");
        let text = if self.plain { text } else { escaped(&text) };
        let begins = self.page.text.is_empty() || self.page.breaks > 0;
        match begins && !self.plain {
            true => self.write(&escaped_start(&text)),
            false => self.write(&text),
        }
        self.page.has_space = piece.ends_with(char::is_whitespace);
    }

    /// Text of code is kept as it is, until its end. Says whether it was that.
    fn raw(&mut self, piece: &str) -> bool {
        for open in self.stack.iter_mut().rev() {
            match &mut open.kind {
                Kind::Code(text) | Kind::Preformatted { text, .. } => {
                    text.push_str(piece);
                    return true;
                }
                _ => {}
            }
        }
        false
    }

    /// What follows stands for itself.
    fn block(&mut self) {
        self.close_marks();
        let has_marker = self.stack.iter().rev().any(|open| {
            matches!(
                &open.kind,
                Kind::Item {
                    marker: Some(_),
                    ..
                }
            )
        });
        self.page.breaks = if has_marker {
            self.page.breaks.max(1)
        } else {
            2
        };
        self.page.is_hard = false;
        self.page.has_space = false;
    }

    /// Marks do not go from one block to the next: they are written anew when there is text in it.
    fn close_marks(&mut self) {
        let from = self.cell.min(self.stack.len());
        for open in self.stack[from..].iter_mut().rev() {
            if let Kind::Mark { close, is_open, .. } = &mut open.kind
                && *is_open
            {
                self.page.text.push_str(close);
                *is_open = false;
            }
        }
    }

    /// Writes what is no white space, after what has to stand before it.
    fn write(&mut self, text: &str) {
        let from = self.cell.min(self.stack.len());
        let page = &mut self.page;
        let in_heading = self.stack[from..]
            .iter()
            .any(|open| matches!(open.kind, Kind::Heading { marker: None }));
        let begins = page.text.is_empty();
        let breaks = if begins { 0 } else { page.breaks };
        if breaks == 1 && in_heading {
            page.text.push(' ');
        } else if breaks > 0 {
            if page.is_hard && breaks == 1 && !self.plain {
                page.text.push_str("  ");
            }
            for left in (0..breaks).rev() {
                page.text.push('\n');
                let start = page.text.len();
                prefix(&mut self.stack[from..], &mut page.text, left == 0);
                if left > 0 {
                    let line = page.text[start..].trim_end().len();
                    page.text.truncate(start + line);
                }
            }
        } else if begins {
            prefix(&mut self.stack[from..], &mut page.text, true);
        } else if page.has_space {
            page.text.push(' ');
        }
        page.breaks = 0;
        page.is_hard = false;
        page.has_space = false;
        for open in &mut self.stack[from..] {
            if let Kind::Mark { open, is_open, .. } = &mut open.kind
                && !*is_open
            {
                page.text.push_str(open);
                *is_open = true;
            }
        }
        page.text.push_str(text);
    }

    pub(super) fn finish(&mut self) -> String {
        self.close_to(0);
        let body = self.page.text.trim_end();
        let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let facts = [
            ("title", line(&self.title)),
            ("description", line(&self.description)),
        ];
        let mut head = String::new();
        for (name, text) in facts
            .iter()
            .filter(|(_, text)| !text.is_empty() && !self.plain)
        {
            head.push_str(&format!("{name}: {text:?}\n"));
        }
        match head.is_empty() {
            true => body.to_owned(),
            false => format!("---\n{head}---\n\n{body}"),
        }
    }
}
