//! Content cut into pieces at places that its own bytes name, so that equal stretches give equal pieces wherever they lie.

use std::io::{Read, Write};
use std::sync::LazyLock;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::Kept;
use crate::error::{Error, Result};

/// Shortest, and longest piece; between them one in 2^16 places is a cut.
const LEAST: usize = 16 << 10;
const MOST: usize = 512 << 10;
const CUT: u64 = ((1 << 16) - 1) << 40;
/// So many bytes before a place decide whether it is a cut.
const WINDOW: usize = 64;

/// A number per byte value, as good as random and always the same.
static GEAR: LazyLock<[u64; 256]> = LazyLock::new(|| {
    let number = |byte: u8| blake3::hash(&[byte]).as_bytes().iter().take(8).fold(0, |sum: u64, b| (sum << 8) | u64::from(*b));
    let mut gear = [0; 256];
    gear.iter_mut().zip(0..=u8::MAX).for_each(|(slot, byte)| *slot = number(byte));
    gear
});

/// Kept content: the BLAKE3 of each of its pieces, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pieces(pub Vec<String>);

impl Pieces {
    /// The content; `None` if a piece is gone or damaged.
    pub fn read(&self, kept: &Kept) -> Option<Vec<u8>> {
        let mut content = Vec::new();
        for hash in &self.0 {
            let mut piece = Vec::new();
            GzDecoder::new(kept.read(&Kept::piece_name(hash))?.as_ref()).read_to_end(&mut piece).ok()?;
            if blake3::hash(&piece).to_hex().as_str() != hash {
                return None;
            }
            content.extend(piece);
        }
        Some(content)
    }
}

/// Takes content in and keeps it piece by piece.
pub struct Cutter<'a> {
    kept: &'a Kept<'a>,
    waiting: Vec<u8>,
    pieces: Pieces,
}

impl<'a> Cutter<'a> {
    /// Nothing yet.
    pub fn new(kept: &'a Kept<'a>) -> Cutter<'a> {
        Cutter { kept, waiting: Vec::new(), pieces: Pieces::default() }
    }

    /// Takes in what comes next.
    /// # Errors
    /// `Storage`.
    pub fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.waiting.extend_from_slice(bytes);
        while self.waiting.len() >= MOST {
            self.keep_one()?;
        }
        Ok(())
    }

    /// Keeps the rest.
    /// # Errors
    /// `Storage`.
    pub fn finish(mut self) -> Result<Pieces> {
        while !self.waiting.is_empty() {
            self.keep_one()?;
        }
        Ok(self.pieces)
    }

    fn keep_one(&mut self) -> Result<()> {
        let piece: Vec<u8> = self.waiting.drain(..first_cut(&self.waiting)).collect();
        let hash = blake3::hash(&piece).to_hex().to_string();
        let name = Kept::piece_name(&hash);
        let seen = self.pieces.0.contains(&hash);
        if !seen && !self.kept.has_piece(&hash) {
            let mut packer = GzEncoder::new(Vec::new(), Compression::default());
            let packed = packer.write_all(&piece).and_then(|()| packer.finish());
            let packed = packed.map_err(|e| Error::bug("keep", "packing a piece of an input", &hash, e, "report this"))?;
            self.kept.write(&name, &packed)?;
        }
        self.pieces.0.push(hash);
        Ok(())
    }
}

/// Length of the first piece.
fn first_cut(bytes: &[u8]) -> usize {
    let most = bytes.len().min(MOST);
    let mut rolled = 0u64;
    for (at, byte) in bytes.iter().enumerate().take(most).skip(LEAST - WINDOW) {
        rolled = (rolled << 1).wrapping_add(GEAR[usize::from(*byte)]);
        if at >= LEAST && rolled & CUT == 0 {
            return at;
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Storage;

    /// Bytes that look random.
    fn noise(seed: u64, length: usize) -> Vec<u8> {
        let mut reader = blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof();
        let mut bytes = vec![0; length];
        reader.fill(&mut bytes);
        bytes
    }

    fn keep(kept: &Kept, content: &[u8]) -> Pieces {
        let mut cutter = Cutter::new(kept);
        content.chunks(10_007).for_each(|part| cutter.take(part).expect("kept"));
        cutter.finish().expect("kept")
    }

    #[test]
    fn what_is_kept_comes_back_and_is_kept_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let storage = Storage::open(&folder.path().to_string_lossy()).expect("a place");
        let kept = Kept::of(&storage);
        let files = || std::fs::read_dir(folder.path().join("_pecan/inputs")).expect("a folder").count();
        for length in [0, 1, LEAST, MOST, 5 << 20] {
            let content = noise(1, length);
            let pieces = keep(&kept, &content);
            assert_eq!(pieces.read(&kept).as_ref(), Some(&content), "{length}");
        }
        // What a run with a row refers to is not written again.
        let first = keep(&kept, &noise(1, 5 << 20));
        let path = folder.path().join("_pecan").join(Kept::piece_name(&first.0[0]));
        let written = || std::fs::metadata(&path).expect("a file").modified().expect("a time");
        let (time, trusting) = (written(), Kept::of(&storage).trusting(first.0.iter()));
        std::thread::sleep(std::time::Duration::from_millis(20));
        keep(&trusting, &noise(1, 5 << 20));
        assert_eq!(written(), time);
        keep(&kept, &noise(1, 5 << 20));
        assert!(written() > time, "a piece that no run refers to becomes young");
        let before = files();
        let longer = [noise(1, 5 << 20), noise(2, 1000)].concat();
        let pieces = keep(&kept, &longer);
        assert!(pieces.0.len() > 5 && files() <= before + 2, "only what is new: {} files, then {}", before, files());
        // Something in the middle changes what is around it alone.
        let mut middle = noise(1, 5 << 20);
        middle.splice(2_000_000..2_000_000, *b"one more line");
        let before = files();
        keep(&kept, &middle);
        assert!(files() <= before + 3, "{before} files, then {}", files());
        // News in ten places of a hundred pieces.
        let long = noise(3, 8 << 20);
        let pieces = keep(&kept, &long).0.len();
        let parts: Vec<&[u8]> = long.chunks(800_000).collect();
        let before = files();
        keep(&kept, &parts.join(&b"a line more"[..]));
        assert!(pieces > 60 && files() <= before + 2 * parts.len(), "{pieces} pieces, {before} files, then {}", files());
    }

    #[test]
    fn damage_is_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        let storage = Storage::open(&folder.path().to_string_lossy()).expect("a place");
        let kept = Kept::of(&storage);
        let pieces = keep(&kept, b"some content");
        kept.write(&Kept::piece_name(&pieces.0[0]), b"something else").expect("written");
        assert_eq!(pieces.read(&kept), None);
        assert_eq!(Pieces(vec!["0".repeat(64)]).read(&kept), None);
    }
}
