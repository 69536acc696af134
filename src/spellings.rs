//! Ids that ignore case, by small codes: a group meets each of its ids millions of times and keeps its text once.

use hashbrown::HashMap;

/// The code of no id.
pub const NOTHING: u32 = u32::MAX;

/// Ids by code, each with its first spelling in byte order.
#[derive(Debug, Default)]
pub struct Spellings {
    codes: HashMap<String, u32>,
    texts: Vec<(String, String)>,
}

impl Spellings {
    /// The code of an id, given its comparison key and how it is spelled here.
    pub fn code(&mut self, key: &str, shown: &str) -> u32 {
        if let Some(code) = self.codes.get(key) {
            let known = &mut self.texts[*code as usize].1;
            if shown < known.as_str() {
                shown.clone_into(known);
            }
            return *code;
        }
        let code = u32::try_from(self.texts.len()).ok().filter(|code| *code != NOTHING).expect("fewer than 2^32 distinct ids in a group");
        self.codes.insert(key.to_owned(), code);
        self.texts.push((key.to_owned(), shown.to_owned()));
        code
    }

    /// The code of an id that may be missing.
    pub fn code_of(&mut self, id: Option<(&str, &str)>) -> u32 {
        id.map_or(NOTHING, |(key, shown)| self.code(key, shown))
    }

    /// The comparison key of a code; `None` for [`NOTHING`].
    pub fn key(&self, code: u32) -> Option<&str> {
        self.texts.get(code as usize).map(|(key, _)| key.as_str())
    }

    /// How the id is shown.
    pub fn shown(&self, code: u32) -> Option<&str> {
        self.texts.get(code as usize).map(|(_, shown)| shown.as_str())
    }

    /// Takes other ids in; returns the new code of each of theirs.
    pub fn merge(&mut self, other: &Spellings) -> Vec<u32> {
        other.texts.iter().map(|(key, shown)| self.code(key, shown)).collect()
    }

    /// The place of each code in the byte order of keys, with missing ids first: what rows are sorted by.
    pub fn ranks(&self) -> Ranks {
        let mut order: Vec<u32> = (0..u32::try_from(self.texts.len()).unwrap_or(NOTHING)).collect();
        order.sort_unstable_by_key(|code| self.key(*code));
        let mut ranks = vec![0; order.len()];
        for (rank, code) in (1u32..).zip(order) {
            ranks[code as usize] = rank;
        }
        Ranks(ranks)
    }
}

/// See [`Spellings::ranks`].
pub struct Ranks(Vec<u32>);

impl Ranks {
    /// The place of a code; 0 for [`NOTHING`].
    pub fn of(&self, code: u32) -> u32 {
        self.0.get(code as usize).copied().unwrap_or(0)
    }

    /// Number of codes.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The codes in the order of their places, from 1.
    pub fn by_rank(&self) -> Vec<u32> {
        let mut codes = vec![0; self.0.len()];
        for (code, rank) in (0u32..).zip(&self.0) {
            codes[*rank as usize - 1] = code;
        }
        codes
    }
}

/// The new code of an old one after [`Spellings::merge`].
pub fn moved(codes: &[u32], old: u32) -> u32 {
    codes.get(old as usize).copied().unwrap_or(NOTHING)
}
