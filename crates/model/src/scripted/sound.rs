//! Speech without a voice: a tone for each letter, and the words in a chunk of their own, so that they can be heard again.

/// OpenAI's raw samples are 24,000 a second, of 16 bits.
const RATE: u32 = 24_000;
const SAMPLES_PER_LETTER: usize = RATE as usize / 50;
/// The longest text, in bytes; OpenAI takes as many characters.
pub(super) const MAX_TEXT_BYTES: usize = 4096;

/// The samples alone.
pub(super) fn samples(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() * SAMPLES_PER_LETTER * 2);
    for letter in text.bytes() {
        let period = 60 + i32::from(letter % 64);
        let silent = letter.is_ascii_whitespace();
        for at in (0..period).cycle().take(SAMPLES_PER_LETTER) {
            // A triangle: down and up again.
            let height = ((at * 4 - period * 2).abs() - period) * 4000 / period;
            let height = if silent { 0 } else { height };
            bytes.extend(
                i16::try_from(height)
                    .expect("four thousand at most")
                    .to_le_bytes(),
            );
        }
    }
    bytes
}

/// A WAV file that says this.
pub(super) fn wav(text: &str) -> Vec<u8> {
    let mut format = Vec::new();
    format.extend(1_u16.to_le_bytes());
    format.extend(1_u16.to_le_bytes());
    format.extend(RATE.to_le_bytes());
    format.extend((RATE * 2).to_le_bytes());
    format.extend(2_u16.to_le_bytes());
    format.extend(16_u16.to_le_bytes());
    let mut comment = b"INFO".to_vec();
    chunk(&mut comment, *b"ICMT", text.as_bytes());
    let mut chunks = b"WAVE".to_vec();
    chunk(&mut chunks, *b"fmt ", &format);
    chunk(&mut chunks, *b"LIST", &comment);
    chunk(&mut chunks, *b"data", &samples(text));
    let mut file = Vec::new();
    chunk(&mut file, *b"RIFF", &chunks);
    file
}

fn chunk(file: &mut Vec<u8>, kind: [u8; 4], bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("texts are short");
    file.extend(kind);
    file.extend(length.to_le_bytes());
    file.extend(bytes);
    // Chunks begin at even places.
    if bytes.len() % 2 == 1 {
        file.push(0);
    }
}

/// What is heard in a recording, and how many seconds it takes if that can be seen.
pub(super) fn heard(file: &[u8]) -> (String, f64) {
    let Some(chunks) = wave(file) else {
        return (format!("{} bytes of sound", file.len()), 0.0);
    };
    let bytes_a_second = find(chunks, *b"fmt ")
        .and_then(|format| format.get(8..12))
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u32::from_le_bytes);
    let length = find(chunks, *b"data").map_or(0, <[u8]>::len);
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let seconds = match bytes_a_second {
        0 => 0.0,
        rate => f64::from(length) / f64::from(rate),
    };
    let words = find(chunks, *b"LIST")
        .and_then(|list| list.strip_prefix(b"INFO"))
        .and_then(|list| find(list, *b"ICMT"));
    match words {
        Some(words) => (String::from_utf8_lossy(words).into_owned(), seconds),
        None => (format!("{seconds:.1} seconds of sound"), seconds),
    }
}

fn wave(file: &[u8]) -> Option<&[u8]> {
    let length: [u8; 4] = file.strip_prefix(b"RIFF")?.get(..4)?.try_into().ok()?;
    let length = u32::from_le_bytes(length) as usize;
    let whole = &file[8..];
    whole[..length.min(whole.len())].strip_prefix(b"WAVE")
}

fn find(mut chunks: &[u8], kind: [u8; 4]) -> Option<&[u8]> {
    loop {
        let (head, rest) = chunks.split_at_checked(8)?;
        let length: [u8; 4] = head[4..].try_into().ok()?;
        let length = (u32::from_le_bytes(length) as usize).min(rest.len());
        if head[..4] == kind {
            return Some(&rest[..length]);
        }
        chunks = rest.get(length + length % 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_heard() {
        let (text, seconds) = heard(&wav("h\u{e4}llo"));
        assert_eq!(text, "h\u{e4}llo");
        assert!((seconds - 0.12).abs() < 1e-9, "{seconds}");
    }

    #[test]
    fn other_sound_is_heard_by_its_length() {
        let mut other = wav("ab");
        let at = other.windows(4).position(|four| four == b"ICMT");
        other[at.expect("it has words")] = b'X';
        assert_eq!(heard(&other).0, "0.0 seconds of sound");
        assert_eq!(heard(b"ID3 and so on").0, "13 bytes of sound");
    }

    #[test]
    fn broken_files_are_heard_too() {
        let file = wav("hello");
        for length in 0..file.len() {
            heard(&file[..length]);
        }
        heard(b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff");
    }
}
