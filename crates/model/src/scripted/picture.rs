//! A picture of a prompt: colours in squares, mirrored, the same for the same words.

use pictures::Picture;

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

/// A picture of these bytes.
pub(super) fn draw(seed: &[u8], (width, height): (usize, usize)) -> Picture {
    let colours = colours(seed);
    let rows = (0..height).map(|y| y * GRID / height);
    let points = rows.flat_map(|row| {
        let columns = (0..width).map(|x| x * GRID / width);
        let columns = columns.map(|column| column.min(GRID - 1 - column));
        let colours = &colours;
        columns.map(move |column| colours[row * (GRID / 2) + column])
    });
    Picture {
        width,
        points: points.collect(),
    }
}

/// The picture, with another one of these bytes wherever the mask is wholly transparent.
pub(super) fn redraw(seed: &[u8], mut picture: Picture, mask: &Picture) -> Picture {
    let other = draw(seed, (picture.width, picture.height()));
    let others = mask.points.iter().zip(other.points);
    for (point, (mask, other)) in picture.points.iter_mut().zip(others) {
        if mask[3] == 0 {
            *point = other;
        }
    }
    picture
}

/// One colour for each square of the left half, two of them in turn with a third here and there.
fn colours(seed: &[u8]) -> Vec<[u8; 4]> {
    let mut state = crc32fast::hash(seed) | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    let mut palette = [[0; 4]; 3];
    for colour in &mut palette {
        let [red, green, blue, _] = next().to_le_bytes();
        *colour = [red, green, blue, u8::MAX];
    }
    let squares = (0..GRID * GRID / 2).map(|_| match next() % 8 {
        0..4 => palette[0],
        4..7 => palette[1],
        _ => palette[2],
    });
    squares.collect()
}
