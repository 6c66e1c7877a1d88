//! What stands for itself in Markdown.

/// Backticks that the text does not have.
pub(super) fn fence(text: &str, least: usize) -> String {
    let longest = text
        .split(|letter| letter != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    "`".repeat(if longest < least { least } else { longest + 1 })
}

/// Text that means nothing but itself.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let opens = letter == '<'
            && letters
                .peek()
                .is_some_and(|next| next.is_ascii_alphabetic() || "/!?".contains(*next));
        if opens || matches!(letter, '\\' | '`' | '*' | '_' | '[' | ']') {
            safe.push('\\');
        }
        safe.push(letter);
    }
    safe
}

/// The same, where a line begins with it.
pub(super) fn escaped_start(text: &str) -> String {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &text[digits..];
    if digits > 0 && (rest.starts_with(". ") || rest.starts_with(") ")) {
        return format!("{}\\{rest}", &text[..digits]);
    }
    let first = text.split(' ').next().unwrap_or_default();
    let means = match first {
        "-" | "+" | "#" | "##" | "###" | "####" | "#####" | "######" => true,
        first => {
            first.starts_with('>')
                || first.starts_with("~~~")
                || first.starts_with("---")
                || first.starts_with("===")
        }
    };
    if means {
        format!("\\{text}")
    } else {
        text.to_owned()
    }
}
