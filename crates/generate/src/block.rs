//! A block of streams × days: the rows of one row group, day after day.

use crate::calendar::Month;
use crate::plan::Plan;
use crate::sheet::{Cells, Labels};
use crate::stream::Stream;
use crate::world::World;
use keyed_chunk::NULL;

/// Which rows.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub month: Month,
    pub first_slot: u64,
    pub slots: u64,
    pub days: std::ops::Range<i32>,
}

impl Block {
    pub(crate) fn rows(&self) -> u64 {
        self.slots * self.days.len() as u64
    }
}

/// A block with its streams.
pub(crate) struct Scene<'a> {
    pub world: &'a World,
    pub plan: &'a Plan,
    pub block: &'a Block,
    pub streams: Vec<Stream>,
}

impl Scene<'_> {
    pub(crate) fn rows(&self) -> usize {
        self.block.rows() as usize
    }

    /// Keys of the streams, once per day.
    pub(crate) fn repeated(&self, keys: Vec<u32>) -> Vec<u32> {
        keys.repeat(self.block.days.len())
    }

    /// A text per stream: equal numbers have equal texts.
    pub(crate) fn text(&self, number: impl Fn(&Stream) -> Option<u64>, text: impl Fn(&Stream) -> String) -> Cells {
        let mut labels = Labels::default();
        let keys = self.streams.iter().map(|s| number(s).map_or(NULL, |number| labels.key(number, || text(s)))).collect();
        Cells::Text { entries: labels.entries, keys: self.repeated(keys) }
    }

    pub(crate) fn constant(&self, text: &str) -> Cells {
        Cells::constant(text, self.rows())
    }

    pub(crate) fn of_subscription(&self, text: impl Fn(&Stream) -> String) -> Cells {
        self.text(|s| Some(s.subscription as u64), text)
    }

    pub(crate) fn of_customer(&self, text: impl Fn(usize) -> String) -> Cells {
        let customer = |s: &Stream| self.world.subscriptions[s.subscription].customer;
        self.text(|s| Some(customer(s) as u64), |s| text(customer(s)))
    }

    pub(crate) fn of_currency(&self, text: impl Fn(usize) -> String) -> Cells {
        self.text(|s| Some(self.currency(s) as u64), |s| text(self.currency(s)))
    }

    /// Place of the stream's billing currency.
    pub(crate) fn currency(&self, stream: &Stream) -> usize {
        self.world.customers[self.world.subscriptions[stream.subscription].customer].currency
    }
}
