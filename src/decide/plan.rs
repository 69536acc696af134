//! A row that could be read, in few numbers: a batch of them waits for its access answers.

/// A readable row with everything but its money.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) row: u32,
    pub(super) day: i32,
    pub(super) month: i32,
    pub(super) scope: u32,
    pub(super) terms: u32,
    pub(super) billed: Option<u32>,
    pub(super) question: Option<u32>,
}

impl Plan {
    pub(super) fn row(&self) -> usize {
        self.row as usize
    }

    pub(super) fn billed(&self) -> Option<usize> {
        self.billed.map(|code| code as usize)
    }
}

/// Rows, scopes, terms and questions of a batch are numbered in 32 bits; a batch has at most a million rows.
pub(super) fn narrow(at: usize) -> u32 {
    u32::try_from(at).expect("fewer than 2^32 rows in a batch")
}
