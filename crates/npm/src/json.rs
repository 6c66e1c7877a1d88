//! Takes objects of JSON apart without reading what is in them: a registry tells thousands of versions, and a few are looked
//! at; a lock file has entries that stay as they are written.

/// The fields of an object, in their order, with the text of each value. A value is looked at when somebody reads it.
pub(crate) fn fields(text: &str) -> Result<Vec<(String, &str)>, String> {
    let mut scan = Scan { text, at: 0 };
    scan.skip_blanks();
    scan.expect(b'{')?;
    let mut found = Vec::new();
    scan.skip_blanks();
    if scan.peek() != Some(b'}') {
        loop {
            scan.skip_blanks();
            let name = scan.value()?;
            let name: String = serde_json::from_str(name).map_err(|error| error.to_string())?;
            scan.skip_blanks();
            scan.expect(b':')?;
            scan.skip_blanks();
            found.push((name, scan.value()?));
            scan.skip_blanks();
            match scan.next() {
                Some(b',') => {}
                Some(b'}') => break,
                _ => return Err(scan.wrong("a comma or the end of the object")),
            }
        }
    } else {
        scan.at += 1;
    }
    scan.skip_blanks();
    if scan.at < text.len() {
        return Err(scan.wrong("nothing more"));
    }
    Ok(found)
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn wrong(&self, wanted: &str) -> String {
        format!("expected {wanted} at byte {}", self.at)
    }

    fn expect(&mut self, wanted: u8) -> Result<(), String> {
        match self.next() {
            Some(byte) if byte == wanted => Ok(()),
            _ => Err(self.wrong(&format!("`{}`", char::from(wanted)))),
        }
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The text of a value. That it is one is only seen as far as its brackets and quotes go.
    fn value(&mut self) -> Result<&'a str, String> {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                Some(b'"') => self.string()?,
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b',' | b'}' | b']' | b':' | b' ' | b'\t' | b'\n' | b'\r') if depth == 0 => {
                    break;
                }
                Some(_) => self.at += 1,
                None if depth == 0 => break,
                None => return Err(self.wrong("the end of a value")),
            }
            // Strings, objects and arrays end by themselves.
            if depth == 0 && matches!(self.text.as_bytes()[self.at - 1], b'"' | b'}' | b']') {
                break;
            }
        }
        // All places where it stops are at ASCII signs.
        match &self.text[start..self.at] {
            "" => Err(self.wrong("a value")),
            value => Ok(value),
        }
    }

    fn string(&mut self) -> Result<(), String> {
        self.at += 1;
        loop {
            match self.next() {
                Some(b'"') => return Ok(()),
                Some(b'\\') => self.at += 1,
                Some(_) => {}
                None => return Err(self.wrong("the end of a string")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fields;

    #[test]
    fn values_are_found_and_not_read() {
        let text = " { \"a\" : { \"x\": [1, \"}\\\"]\"] } , \"b\\u0041\": -1.5e3,\"c\":null, \"é\": \"\" }\n";
        let found = fields(text).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        assert_eq!(
            found,
            [
                ("a", "{ \"x\": [1, \"}\\\"]\"] }"),
                ("bA", "-1.5e3"),
                ("c", "null"),
                ("é", "\"\"")
            ]
        );
        assert_eq!(fields("{}").unwrap(), []);
        for text in [
            "",
            "[]",
            "{",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1",
            "{\"a\":\"",
            "{\"a\":1}x",
            "{a:1}",
            "{\"a\":\"\\",
            "{\"a\":[}",
        ] {
            assert!(fields(text).is_err(), "{text}");
        }
    }
}
