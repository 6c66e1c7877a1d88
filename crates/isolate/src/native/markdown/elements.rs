//! HTML's elements, as far as they matter to text.

/// What of an element's attributes means something here.
#[derive(Default)]
pub(super) struct Attributes {
    pub(super) href: Option<String>,
    pub(super) src: Option<String>,
    pub(super) alt: Option<String>,
    pub(super) class: Option<String>,
    pub(super) start: Option<String>,
    /// A `meta` element's name or property.
    pub(super) meta: Option<String>,
    pub(super) content: Option<String>,
    pub(super) is_hidden: bool,
}

/// What shows no text of its own, and the frame around a page's content.
const SKIPPED: [&str; 17] = [
    "script", "style", "noscript", "template", "svg", "canvas", "iframe", "object", "embed",
    "video", "audio", "select", "textarea", "dialog", "math", "header", "footer",
];
const BLOCKS: [&str; 26] = [
    "address",
    "article",
    "aside",
    "body",
    "center",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "form",
    "hgroup",
    "html",
    "legend",
    "main",
    "menu",
    "nav",
    "p",
    "search",
    "section",
    "summary",
    "header",
    "footer",
];
/// What ends an open paragraph besides them.
const ENDING: [&str; 12] = [
    "ul",
    "ol",
    "table",
    "blockquote",
    "pre",
    "hr",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
];
const AROUND_PARAGRAPHS: [&str; 8] = [
    "li",
    "td",
    "th",
    "blockquote",
    "div",
    "section",
    "article",
    "main",
];

pub(super) fn is_skipped(name: &str) -> bool {
    SKIPPED.contains(&name)
}

pub(super) fn is_block(name: &str) -> bool {
    BLOCKS.contains(&name)
}

/// Which open elements an element ends, and which keep them open.
pub(super) fn ends(name: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match name {
        "li" => (&["li"], &["ul", "ol", "menu", "td", "th"]),
        "dt" | "dd" => (&["dt", "dd"], &["dl", "td", "th"]),
        "tr" => (&["tr"], &["table"]),
        "td" | "th" => (&["td", "th"], &["tr", "table"]),
        name if is_block(name) || ENDING.contains(&name) => (&["p"], &AROUND_PARAGRAPHS),
        _ => (&[], &[]),
    }
}
