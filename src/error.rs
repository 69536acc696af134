//! Trouble outside the program, sorted by what the operator does next.
//!
//! Facts about data are not errors: a row that cannot be understood is a [`Rejection`](crate::rejection::Rejection).
//! Our own mistakes are assertions. What is left is here, and its variant decides the exit code.

use std::fmt;

/// The result of everything that touches the world.
pub type Result<T> = std::result::Result<T, Error>;

/// What was tried, where, what was seen and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Stable code, listed in `docs/RUNBOOK.md`.
    pub code: &'static str,
    /// What the program was doing.
    pub tried: String,
    /// File, column, key or table.
    pub place: String,
    /// What it found there.
    pub seen: String,
    /// What a person should do now.
    pub next: String,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} [{}]", self.tried, self.code)?;
        writeln!(f, "  where: {}", self.place)?;
        writeln!(f, "  seen:  {}", self.seen)?;
        write!(f, "  next:  {}", self.next)
    }
}

/// One variant per exit code of the contract (data-contracts §3).
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Exit 1: a mistake of ours.
    #[error("bug in pecan: {0}")]
    Bug(Box<Trouble>),
    /// Exit 2: the command line or the job file is wrong.
    #[error("{0}")]
    Usage(Box<Trouble>),
    /// Exit 3: an input is wrong or missing.
    #[error("{0}")]
    Input(Box<Trouble>),
    /// Exit 4: another run won; run again.
    #[error("{0}")]
    Lost(Box<Trouble>),
    /// Exit 5: storage trouble; retry later.
    #[error("{0}")]
    Storage(Box<Trouble>),
    /// Exit 6: month end went through, and found more than the job tolerates.
    #[error("{0}")]
    Above(Box<Trouble>),
    /// Exit 7: more rejections than the job allows; nothing committed.
    #[error("{0}")]
    Rejections(Box<Trouble>),
    /// Exit 1, and no mistake of ours is known: a past run, done again, gives other tables (data-contracts §3, `verify`).
    #[error("{0}")]
    Different(Box<Trouble>),
}

macro_rules! constructors {
    ($($name:ident => $variant:ident),*) => { $(
        #[doc = concat!("Makes an `Error::", stringify!($variant), "`: code, what was tried, where, what was seen, what to do next.")]
        pub fn $name(code: &'static str, tried: impl Into<String>, place: impl fmt::Display, seen: impl fmt::Display, next: impl Into<String>) -> Error {
            Error::$variant(Box::new(Trouble { code, tried: tried.into(), place: place.to_string(), seen: seen.to_string(), next: sentence(next.into()) }))
        }
    )* };
}

/// What to do is told in whole sentences, wherever the words come from.
fn sentence(text: String) -> String {
    let mut characters = text.chars();
    let Some(first) = characters.next() else { return text };
    let word = text.split(' ').next().unwrap_or_default();
    let begins = if word.bytes().all(|b| b.is_ascii_lowercase()) { first.to_ascii_uppercase() } else { first };
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{begins}{}{stop}", characters.as_str())
}

impl Error {
    constructors!(bug => Bug, usage => Usage, input => Input, lost => Lost, storage => Storage, above => Above, rejections => Rejections, different => Different);

    /// The process exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Bug(_) | Error::Different(_) => 1,
            Error::Usage(_) => 2,
            Error::Input(_) => 3,
            Error::Lost(_) => 4,
            Error::Storage(_) => 5,
            Error::Above(_) => 6,
            Error::Rejections(_) => 7,
        }
    }

    /// The four answers behind the message.
    pub fn trouble(&self) -> &Trouble {
        match self {
            Error::Bug(t)
            | Error::Usage(t)
            | Error::Input(t)
            | Error::Lost(t)
            | Error::Storage(t)
            | Error::Above(t)
            | Error::Rejections(t)
            | Error::Different(t) => t,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_is_a_whole_sentence() {
        for (given, told) in [
            ("fetch it again", "Fetch it again."),
            ("Fetch it again.", "Fetch it again."),
            ("`pecan check` lists them", "`pecan check` lists them."),
            ("snapshot_at = \"…\" says when", "snapshot_at = \"…\" says when."),
            ("", ""),
        ] {
            assert_eq!(Error::usage("x", "", "", "", given).trouble().next, told);
        }
    }
}
