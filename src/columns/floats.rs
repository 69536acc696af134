//! Binary floating point as its shortest round-trip decimal (R-MONEY-3). Text only: no arithmetic is done on floats.

use std::io::Write;

/// Slots of a [`Memo`]; a power of two.
const SLOTS: usize = 1 << 12;

/// A small direct-mapped memory of what bit patterns mean: prices and rates repeat, and reading a float costs a print.
pub(super) struct Memo<K, V> {
    slots: Vec<Option<(K, V)>>,
}

impl<K: Copy + PartialEq + Into<u128>, V: Clone> Memo<K, V> {
    pub(super) fn new() -> Memo<K, V> {
        Memo { slots: vec![None; SLOTS] }
    }

    /// What `make` gives for this key, remembered.
    pub(super) fn get(&mut self, key: K, make: impl FnOnce() -> V) -> V {
        let wide: u128 = key.into();
        let folded = (wide as u64) ^ ((wide >> 64) as u64);
        let slot = (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 52) as usize % SLOTS;
        if let Some((_, value)) = self.slots[slot].as_ref().filter(|(k, _)| *k == key) {
            return value.clone();
        }
        let value = make();
        self.slots[slot] = Some((key, value.clone()));
        value
    }
}

/// Calls `read` with the shortest text that reads back as the same float.
pub(super) fn shortest<R>(value: impl std::fmt::LowerExp, read: impl FnOnce(&str) -> R) -> R {
    let mut buffer = [0u8; 40];
    let mut rest = &mut buffer[..];
    // The longest f64 takes 24 bytes; what did not fit would fail to parse, never be misread.
    let written = write!(rest, "{value:e}").map(|()| rest.len());
    let used = buffer.len() - written.unwrap_or(buffer.len());
    read(std::str::from_utf8(&buffer[..used]).unwrap_or_default())
}
