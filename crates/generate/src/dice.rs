//! Numbers that look random and are a function of the seed alone: nothing is drawn in order, so nothing depends on threads.

/// A source of hashes; each use has its own [`Dice::of`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dice(u64);

/// Multiplies to 128 bits and folds: every bit of both depends on every bit of either.
#[inline]
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9E37_79B9_7F4A_7C15) * u128::from(b ^ 0xD1B5_4A32_D192_ED03);
    (product as u64) ^ (product >> 64) as u64
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(mix(mix(seed, 0x0070_6563_616E), seed))
    }

    /// A source of its own for a purpose.
    pub(crate) fn of(self, purpose: &str) -> Dice {
        Dice(purpose.bytes().fold(self.0, |hash, byte| mix(hash, u64::from(byte))))
    }

    #[inline]
    pub(crate) fn at(self, n: u64) -> u64 {
        mix(mix(self.0, n), 0x2545_F491_4F6C_DD1D)
    }

    #[inline]
    pub(crate) fn at2(self, n: u64, m: u64) -> u64 {
        mix(mix(self.0, n), m)
    }

    /// A number below `limit`; 0 if that is 0.
    #[inline]
    pub(crate) fn below(self, n: u64, limit: u64) -> u64 {
        ((u128::from(self.at(n)) * u128::from(limit)) >> 64) as u64
    }

    /// A GUID of version 4.
    pub(crate) fn guid(self, n: u64) -> String {
        let (a, b) = (self.at2(n, 1), self.at2(n, 2));
        format!("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", a >> 32, a >> 16 & 0xFFFF, a & 0xFFF, b >> 48 & 0x3FFF | 0x8000, b & 0xFFFF_FFFF_FFFF)
    }

    /// Letters and digits as product ids have them.
    pub(crate) fn code(self, n: u64, length: usize) -> String {
        const SIGNS: &[u8; 32] = b"0123456789BCDFGHJKLMNPQRSTVWXYZ0";
        let hash = self.at(n);
        (0..length).map(|k| char::from(SIGNS[(hash >> (5 * k) & 31) as usize])).collect()
    }
}
