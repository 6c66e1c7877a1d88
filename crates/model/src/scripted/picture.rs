//! A picture of a prompt: colours in squares, mirrored, the same for the same words.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// Squares across and down.
const GRID: usize = 8;
/// The largest width and height, in points.
pub(super) const MAX_SIDE: usize = 2048;
/// What is drawn when nobody says how large.
const SIDE: usize = 256;

/// Width and height as `WxH`, `auto` or nothing say them; nothing if they cannot be had.
pub(super) fn size(text: Option<&str>) -> Option<(usize, usize)> {
    let Some(text) = text.filter(|text| *text != "auto") else {
        return Some((SIDE, SIDE));
    };
    let (width, height) = text.split_once('x')?;
    let sides = (width.parse().ok()?, height.parse().ok()?);
    let fits = |side| (1..=MAX_SIDE).contains(&side);
    (fits(sides.0) && fits(sides.1)).then_some(sides)
}

/// The picture as a PNG, with the prompt in it. <https://www.w3.org/TR/png-3/>
pub(super) fn draw(prompt: &str, (width, height): (usize, usize)) -> Vec<u8> {
    let colours = colours(prompt);
    let mut pixels = Vec::with_capacity(height * (1 + width * 3));
    for y in 0..height {
        pixels.push(0);
        for x in 0..width {
            let (column, row) = (x * GRID / width, y * GRID / height);
            let column = column.min(GRID - 1 - column);
            pixels.extend(colours[row * (GRID / 2) + column]);
        }
    }
    let side = |side: usize| u32::try_from(side).expect("a side is at most MAX_SIDE");
    let mut header = Vec::new();
    header.extend(side(width).to_be_bytes());
    header.extend(side(height).to_be_bytes());
    // Eight bits, red, green and blue, and the only compression, filter and no interlacing.
    header.extend([8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, b"IHDR", &header);
    let text = [b"Description\0\0\0\0\0", prompt.as_bytes()].concat();
    chunk(&mut png, b"iTXt", &text);
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&pixels).expect("memory takes it");
    chunk(
        &mut png,
        b"IDAT",
        &packed.finish().expect("memory takes it"),
    );
    chunk(&mut png, b"IEND", &[]);
    png
}

/// One colour for each square of the left half, two of them in turn with a third here and there.
fn colours(prompt: &str) -> Vec<[u8; 3]> {
    let mut state = crc32fast::hash(prompt.as_bytes()) | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    let mut palette = [[0; 3]; 3];
    for colour in &mut palette {
        let [red, green, blue, _] = next().to_le_bytes();
        *colour = [red, green, blue];
    }
    let squares = (0..GRID * GRID / 2).map(|_| match next() % 8 {
        0..4 => palette[0],
        4..7 => palette[1],
        _ => palette[2],
    });
    squares.collect()
}

fn chunk(png: &mut Vec<u8>, kind: &[u8; 4], bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("a chunk is as small as what it is made of");
    png.extend(length.to_be_bytes());
    let start = png.len();
    png.extend(kind);
    png.extend(bytes);
    let sum = crc32fast::hash(&png[start..]);
    png.extend(sum.to_be_bytes());
}
