//! Walks Thrift (compact protocol) without building anything: what a Parquet file claims is measured before any reader
//! reserves memory for it.

/// The text of what is wrong.
pub(super) type Checked<T> = Result<T, String>;

/// No list of a Parquet footer is this long; a longer one is a lie.
const MAX_LIST: u64 = 1 << 20;
/// Nesting of structures; Parquet's own is below 10.
const MAX_DEPTH: u32 = 24;
/// Nesting of columns.
const MAX_SCHEMA_DEPTH: usize = 64;

const BYTE: u8 = 3;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;
const UUID: u8 = 13;
const INTEGERS: [u8; 3] = [4, 5, 6];

/// What a page header says, as far as it matters before decoding. Counts are signed because the file's are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PageHeader {
    /// 0 data, 1 index, 2 dictionary, 3 data of version 2.
    pub kind: i64,
    pub uncompressed: i64,
    pub compressed: i64,
    /// Values (nulls included) of a data page, entries of a dictionary page.
    pub values: i64,
    /// Bytes of levels in front of a version 2 page.
    pub levels: i64,
}

/// Checks that a footer is well-formed, its lists are really there and its schema is not nested absurdly.
pub(super) fn check_footer(bytes: &[u8]) -> Checked<()> {
    let mut walk = Walk { bytes, at: 0 };
    let mut children = Vec::new();
    walk.fields(|walk, id, kind| {
        if id != 2 || kind != LIST {
            return walk.skip(kind, 1);
        }
        let (element, count) = walk.list()?;
        for _ in 0..count {
            if element != STRUCT {
                return Err("a schema that is no list of columns".into());
            }
            let mut own = 0;
            walk.fields(|walk, id, kind| match (id, kind) {
                (5, 5) => walk.zigzag().map(|n| own = n),
                _ => walk.skip(kind, 2),
            })?;
            children.push(own);
        }
        Ok(())
    })?;
    check_schema(&children)
}

/// The schema is a tree in depth-first order; `children[i]` says how many follow below element i.
fn check_schema(children: &[i64]) -> Checked<()> {
    let mut open: Vec<i64> = Vec::new();
    for (i, own) in children.iter().enumerate() {
        if i > 0 {
            while open.last() == Some(&0) {
                open.pop();
            }
            *open.last_mut().ok_or("a schema with more columns than announced")? -= 1;
        }
        if *own < 0 || open.len() > MAX_SCHEMA_DEPTH {
            return Err(format!("a schema nested more than {MAX_SCHEMA_DEPTH} deep, or with a negative number of columns"));
        }
        open.push(*own);
    }
    if children.is_empty() || open.iter().any(|left| *left > 0) { Err("a schema with fewer columns than announced".into()) } else { Ok(()) }
}

/// Reads the page header at the start of `bytes`: the header and its length.
pub(super) fn page_header(bytes: &[u8]) -> Checked<(PageHeader, usize)> {
    let mut walk = Walk { bytes, at: 0 };
    let mut header = PageHeader { kind: -1, uncompressed: -1, compressed: -1, ..PageHeader::default() };
    walk.fields(|walk, id, kind| match (id, kind) {
        (1, 5) => walk.zigzag().map(|n| header.kind = n),
        (2, 5) => walk.zigzag().map(|n| header.uncompressed = n),
        (3, 5) => walk.zigzag().map(|n| header.compressed = n),
        (5 | 7, STRUCT) => walk.fields(|walk, id, kind| match (id, kind) {
            (1, 5) => walk.zigzag().map(|n| header.values = n),
            _ => walk.skip(kind, 2),
        }),
        (8, STRUCT) => walk.fields(|walk, id, kind| match (id, kind) {
            (1, 5) => walk.zigzag().map(|n| header.values = n),
            (5 | 6, 5) => {
                let n = walk.zigzag()?;
                header.levels = if n < 0 { i64::MIN } else { header.levels.saturating_add(n) };
                Ok(())
            }
            _ => walk.skip(kind, 2),
        }),
        _ => walk.skip(kind, 1),
    })?;
    Ok((header, walk.at))
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Walk<'_> {
    fn byte(&mut self) -> Checked<u8> {
        let byte = self.bytes.get(self.at).copied().ok_or("cut short")?;
        self.at += 1;
        Ok(byte)
    }

    fn advance(&mut self, count: u64) -> Checked<()> {
        let left = (self.bytes.len() - self.at) as u64;
        if count > left {
            return Err(format!("a value of {count} bytes where {left} are left"));
        }
        self.at += count as usize;
        Ok(())
    }

    fn varint(&mut self) -> Checked<u64> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("an integer of more than ten bytes".into())
    }

    fn zigzag(&mut self) -> Checked<i64> {
        let raw = self.varint()?;
        Ok((raw >> 1).cast_signed() ^ -((raw & 1).cast_signed()))
    }

    /// Calls `each(walk, field id, type)` for the fields of a structure; it must consume the value.
    fn fields(&mut self, mut each: impl FnMut(&mut Self, i64, u8) -> Checked<()>) -> Checked<()> {
        let mut id = 0i64;
        loop {
            let head = self.byte()?;
            let kind = head & 0x0F;
            if kind == 0 {
                return Ok(());
            }
            id = match head >> 4 {
                0 => self.zigzag()?,
                step => id.saturating_add(i64::from(step)),
            };
            each(self, id, kind)?;
        }
    }

    /// The element type and length of a list; every element takes at least a byte.
    fn list(&mut self) -> Checked<(u8, u64)> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => self.varint()?,
            short => u64::from(short),
        };
        let left = (self.bytes.len() - self.at) as u64;
        if count > left || count > MAX_LIST {
            return Err(format!("a list of {count} elements where {left} bytes are left"));
        }
        Ok((head & 0x0F, count))
    }

    fn skip(&mut self, kind: u8, depth: u32) -> Checked<()> {
        if depth > MAX_DEPTH {
            return Err(format!("structures nested more than {MAX_DEPTH} deep"));
        }
        match kind {
            1 | 2 => Ok(()), // a boolean field is all in its type
            BYTE => self.advance(1),
            kind if INTEGERS.contains(&kind) => self.varint().map(drop),
            DOUBLE => self.advance(8),
            BINARY => {
                let length = self.varint()?;
                self.advance(length)
            }
            UUID => self.advance(16),
            STRUCT => self.fields(|walk, _, kind| walk.skip(kind, depth + 1)),
            LIST | SET => {
                let (element, count) = self.list()?;
                (0..count).try_for_each(|_| self.skip_element(element, depth))
            }
            MAP => self.skip_map(depth),
            other => Err(format!("an unknown type {other}")),
        }
    }

    /// In lists and maps a boolean takes a byte.
    fn skip_element(&mut self, kind: u8, depth: u32) -> Checked<()> {
        if matches!(kind, 1 | 2) { self.advance(1) } else { self.skip(kind, depth + 1) }
    }

    fn skip_map(&mut self, depth: u32) -> Checked<()> {
        let count = self.varint()?;
        if count == 0 {
            return Ok(());
        }
        if count > MAX_LIST {
            return Err(format!("a map of {count} entries"));
        }
        let kinds = self.byte()?;
        for _ in 0..count {
            self.skip_element(kinds >> 4, depth)?;
            self.skip_element(kinds & 0x0F, depth)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_headers_are_read_with_their_length() {
        // type 0, uncompressed 100, compressed 60, data_page_header { num_values 7, encoding 0 }
        let bytes = [0x15, 0x00, 0x15, 0xC8, 0x01, 0x15, 0x78, 0x2C, 0x15, 0x0E, 0x15, 0x00, 0x00, 0x00, 0xFF];
        let (header, length) = page_header(&bytes).unwrap();
        assert_eq!(header, PageHeader { kind: 0, uncompressed: 100, compressed: 60, values: 7, levels: 0 });
        assert_eq!(length, bytes.len() - 1);
        assert!(page_header(&bytes[..9]).is_err());
    }

    #[test]
    fn claims_larger_than_the_bytes_are_refused() {
        // field 1: binary of 2^40 bytes; field 1: list of 2^31 structs; an integer that never stops
        let huge_text = [0x18, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0x00];
        let huge_list = [0x19, 0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0x00];
        let endless = [0x15, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00];
        for bytes in [&huge_text[..], &huge_list, &endless, &[0x1C; 200], &[]] {
            assert!(check_footer(bytes).is_err());
        }
    }

    #[test]
    fn a_schema_must_be_a_tree_of_sane_depth() {
        assert!(check_schema(&[2, 0, 1, 0]).is_ok());
        assert!(check_schema(&[0]).is_ok());
        for bad in [&[2i64, 0][..], &[1, 0, 0], &[-1], &[], &[1; 100]] {
            assert!(check_schema(bad).is_err(), "{bad:?}");
        }
    }
}
