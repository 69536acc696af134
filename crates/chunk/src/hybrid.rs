//! The RLE / bit-packed hybrid of Parquet, for dictionary keys and definition levels.

/// Runs at least this long are written as one value and a count.
const RUN: usize = 8;

/// Bits that keys of a dictionary with `entries` entries need; at least one, since some readers mind zero.
pub(super) fn width(entries: usize) -> u32 {
    let greatest = entries.saturating_sub(1).min(u32::MAX as usize) as u32;
    (u32::BITS - greatest.leading_zeros()).max(1)
}

/// Appends one run: `count` times `value`.
pub(super) fn run(value: u32, count: usize, width: u32, out: &mut Vec<u8>) {
    varint((count as u64) << 1, out);
    out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// Appends the values: long runs as runs, what lies between them bit-packed in groups of eight.
pub(super) fn pack(values: &[u32], width: u32, out: &mut Vec<u8>) {
    let (mut at, mut waiting) = (0, 0); // values[waiting..at] wait to be bit-packed, a multiple of eight except at the foot
    while at < values.len() {
        let first = values[at];
        let is_run = values.get(at..at + RUN).is_some_and(|group| group.iter().all(|v| *v == first));
        if is_run {
            let length = RUN + values[at + RUN..].iter().take_while(|v| **v == first).count();
            packed(&values[waiting..at], width, out);
            run(first, length, width, out);
            at += length;
            waiting = at;
        } else {
            at = (at + RUN).min(values.len());
        }
    }
    packed(&values[waiting..at], width, out);
}

fn packed(values: &[u32], width: u32, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let groups = values.len().div_ceil(8);
    varint((groups as u64) << 1 | 1, out);
    let until = out.len() + groups * width as usize;
    let (mut bits, mut held) = (0u64, 0u32);
    for value in values {
        bits |= u64::from(*value) << held;
        held += width;
        if held >= 32 {
            out.extend_from_slice(&(bits as u32).to_le_bytes());
            bits >>= 32;
            held -= 32;
        }
    }
    while out.len() < until {
        out.push(bits as u8);
        bits >>= 8;
    }
    // The last four bytes written at once may hold padding beyond the last group.
    out.truncate(until);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The naive twin: reads one bit at a time.
    fn unpack(bytes: &[u8], width: u32, count: usize) -> Vec<u32> {
        let (mut values, mut at) = (Vec::new(), 0);
        while values.len() < count {
            let (mut head, mut shift) = (0u64, 0);
            loop {
                head |= u64::from(bytes[at] & 0x7F) << shift;
                shift += 7;
                at += 1;
                if bytes[at - 1] < 0x80 {
                    break;
                }
            }
            let bytes_of = width.div_ceil(8) as usize;
            if head & 1 == 0 {
                let value = bytes[at..at + bytes_of].iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
                values.extend(std::iter::repeat_n(value, (head >> 1) as usize));
                at += bytes_of;
            } else {
                let length = (head >> 1) as usize * 8;
                let bit = |n: usize| u32::from(bytes[at + n / 8] >> (n % 8) & 1);
                values.extend((0..length).map(|k| (0..width as usize).fold(0, |value, b| value | bit(k * width as usize + b) << b)));
                at += length * width as usize / 8;
            }
        }
        assert_eq!(at, bytes.len(), "nothing is left over");
        values.truncate(count);
        values
    }

    #[test]
    fn what_is_packed_can_be_read_bit_by_bit() {
        for width in [1, 2, 3, 7, 8, 9, 12, 17, 24, 31, 32] {
            for length in [0usize, 1, 7, 8, 9, 31, 100, 1000] {
                let mask = if width == 32 { u32::MAX } else { (1 << width) - 1 };
                for runs in [1, 5, 8, 23] {
                    let values: Vec<u32> = (0..length).map(|k| ((k / runs) as u32).wrapping_mul(2_654_435_761) & mask).collect();
                    let mut bytes = Vec::new();
                    pack(&values, width, &mut bytes);
                    assert_eq!(unpack(&bytes, width, length), values, "{width} {length} {runs}");
                }
            }
        }
    }

    #[test]
    fn widths_are_the_least_that_hold_every_key() {
        assert_eq!([0, 1, 2, 3, 4, 5, 256, 257, 65_537].map(width), [1, 1, 1, 2, 2, 3, 8, 9, 17]);
    }
}
