//! A panic is a bug of ours: exit 1, in words a person can use, and no raw panic text.

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Mutex;

use crate::error::{Error, Result};

/// Place and words of the newest panic, on whatever thread it was.
static NEWEST: Mutex<Option<(String, String)>> = Mutex::new(None);

/// Records panics instead of printing them. Panics that are caught and become rejections or errors stay unseen.
pub(super) fn silence() {
    std::panic::set_hook(Box::new(record));
}

fn record(info: &PanicHookInfo<'_>) {
    let place = info.location().map_or_else(|| "an unknown place".to_string(), ToString::to_string);
    let words = info.payload_as_str().unwrap_or("a panic without words").to_string();
    if let Ok(mut newest) = NEWEST.lock() {
        *newest = Some((place, words));
    }
}

/// Runs `work`; a panic inside becomes `Error::Bug`.
pub(super) fn guarded(work: impl FnOnce() -> Result<()>) -> Result<()> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let recorded = NEWEST.lock().ok().and_then(|mut newest| newest.take());
        let (place, words) = recorded.unwrap_or_else(|| ("an unknown place".to_string(), words_of(payload.as_ref())));
        let next = format!(
            "Nothing half-done is visible: outputs change only by a commit at the very last. Please report this text with version {}, the command and the job file; run the command again with -vv to see how far it gets.",
            super::args::VERSION
        );
        Err(Error::bug("panic", "the program stopped at a check of its own", place, words, next))
    })
}

fn words_of(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string).or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without words".to_string())
}
