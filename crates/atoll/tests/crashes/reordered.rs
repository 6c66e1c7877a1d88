//! A batch of the log in another order. Every record is whole and says rightly where it is, so that the log itself has
//! nothing to complain of.
//!
//! What is known here of the log's form, `storage` has in `segment.rs` and `record.rs`.

use std::collections::HashMap;
use std::io;

use host::disk::File;

const HEADER_BYTES: usize = 40;
/// What the body of a commit begins with.
const COMMIT: u8 = 6;
/// What comes first in it: that, and whose it is.
const OBJECT_BYTES: usize = 34;

/// A record's header and its body.
type Record<'a> = (&'a [u8; HEADER_BYTES], &'a [u8]);

/// The batch with the commits of each object the other way round.
pub(crate) fn reordered(segment: &dyn File, batch: &[u8]) -> io::Result<Vec<u8>> {
    let mut log = [0; 8];
    segment.read_at(&mut log, 8)?;
    let records = records(batch);
    let mut of: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (place, (_, body)) in records.iter().enumerate() {
        if body[0] == COMMIT {
            of.entry(&body[..OBJECT_BYTES]).or_default().push(place);
        }
    }
    let mut order: Vec<usize> = (0..records.len()).collect();
    for places in of.values() {
        for (place, other) in places.iter().zip(places.iter().rev()) {
            order[*place] = *other;
        }
    }
    let bytes = in_order(log, &records, &order);
    if order.is_sorted() {
        assert_eq!(bytes, batch, "the log has another form than is known here");
    }
    Ok(bytes)
}

fn records(batch: &[u8]) -> Vec<Record<'_>> {
    let mut records = Vec::new();
    let mut rest = batch;
    while let Some((header, after)) = rest.split_first_chunk::<HEADER_BYTES>() {
        let length = u32::from_le_bytes(*header[4..].first_chunk().unwrap());
        let (body, after) = after.split_at(usize::try_from(length).unwrap());
        records.push((header, body));
        rest = after;
    }
    records
}

fn in_order(log: [u8; 8], records: &[Record<'_>], order: &[usize]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (first, _) = records[0];
    let mut position = u64::from_le_bytes(*first[8..].first_chunk().unwrap());
    for (place, record) in order.iter().enumerate() {
        // The place keeps its time and its batch; the record brings its length and the checksum of its body.
        let (mut header, (own, body)) = (*records[place].0, records[*record]);
        header[4..8].copy_from_slice(&own[4..8]);
        header[8..16].copy_from_slice(&position.to_le_bytes());
        header[32..36].copy_from_slice(&own[32..36]);
        let mut check = flate2::Crc::new();
        check.update(&log);
        check.update(&header[4..]);
        header[..4].copy_from_slice(&check.sum().to_le_bytes());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(body);
        position += u64::try_from(HEADER_BYTES + body.len()).unwrap();
    }
    bytes
}
