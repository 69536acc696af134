//! Which names are of our own making. Only files that have one, and lie where we put them, are ever deleted.

use crate::schema::name;

/// What a file of ours in a table's folder is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnName {
    /// A finished data file.
    Data,
    /// A data file that was being written.
    Unfinished,
    /// A finished data file aside, not yet where readers look.
    Staged,
}

impl OwnName {
    /// What the name says; `None`: others made it. The exact form, since Spark calls its files `part-…` and `.parquet`, too.
    pub fn of(name: &str) -> Option<OwnName> {
        if is_data(name) {
            return Some(OwnName::Data);
        }
        if let Some(inside) = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp")) {
            return (is_data(inside) || is_staged(inside)).then_some(OwnName::Unfinished);
        }
        is_staged(name).then_some(OwnName::Staged)
    }
}

/// A data file's name, with the billing month before it where there is one, and `.staged` behind.
fn is_staged(name: &str) -> bool {
    name.strip_suffix(".staged").is_some_and(|staged| {
        let with_month = || staged.split_at_checked(8).is_some_and(|(month, rest)| month.strip_suffix('-').is_some_and(is_month) && is_data(rest));
        is_data(staged) || with_month()
    })
}

/// Whether a folder is the one of a billing month: `billing_month=YYYY-MM`.
pub fn is_month_folder(folder: &str) -> bool {
    folder.strip_prefix(name::BILLING_MONTH).and_then(|rest| rest.strip_prefix('=')).is_some_and(is_month)
}

fn is_month(text: &str) -> bool {
    matches!(text.as_bytes(), [y @ .., b'-', a, b] if y.len() == 4 && y.iter().chain([a, b]).all(u8::is_ascii_digit))
}

/// `part-{16 hex digits}-{8}-{5 digits or more}-{12 hex digits}.parquet`, as [`super::FileSpec`] makes it.
fn is_data(name: &str) -> bool {
    let parts: Option<Vec<&str>> = name.strip_prefix("part-").and_then(|name| name.strip_suffix(".parquet")).map(|name| name.split('-').collect());
    let hex = |text: &str, length: usize| text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    match parts.as_deref() {
        Some([group, content, ordinal, run]) => {
            let number = ordinal.len() >= 5 && ordinal.bytes().all(|b| b.is_ascii_digit());
            hex(group, 16) && hex(content, 8) && number && hex(run, 12)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::FileSpec;
    use super::*;
    use crate::schema::Table;

    #[test]
    fn what_we_write_is_ours_and_nothing_else() {
        let spec = |month: Option<&str>| FileSpec {
            table: Table::FactCreditLine,
            month: month.map(str::to_owned),
            group: "contoso/a b#1".to_owned(),
            fingerprint: "f".to_owned(),
            run: "r".to_owned(),
            ordinal: 100_000,
        };
        let data = spec(Some("2026-09")).file_name();
        for (name, what) in [
            (data.clone(), OwnName::Data),
            (spec(None).file_name(), OwnName::Data),
            (format!(".{data}.tmp"), OwnName::Unfinished),
            (format!("{data}.staged"), OwnName::Staged),
            (format!("2026-09-{data}.staged"), OwnName::Staged),
            (format!(".2026-09-{data}.staged.tmp"), OwnName::Unfinished),
        ] {
            assert_eq!(OwnName::of(&name), Some(what), "{name}");
        }
        for name in [
            "part-00000-5f0a1c52-3c1e-4a52-9e7e-2c8d4b5f7a11-c000.snappy.parquet",
            "part-00000-5f0a1c52-3c1e-4a52-9e7e-2c8d4b5f7a11-c000.parquet",
            "part-0123456789abcdef-01234567-00000-0123456789AB.parquet",
            "part-0123456789abcdef-01234567-0000-0123456789ab.parquet",
            "part-0123456789abcdef-01234567-00000-0123456789ab.parquet.bak",
            "_part-0123456789abcdef-01234567-00000-0123456789ab.parquet",
            ".part-half.tmp",
            "2026-9-part-0123456789abcdef-01234567-00000-0123456789ab.parquet.staged",
            "notes.txt",
            "",
        ] {
            assert_eq!(OwnName::of(name), None, "{name}");
        }
        assert!(is_month_folder(&spec(Some("2026-09")).folder()));
        for folder in ["billing_month=2026", "billing_month=__HIVE_DEFAULT_PARTITION__", "month=2026-09", "billing_month=2026-09x"] {
            assert!(!is_month_folder(folder), "{folder}");
        }
    }
}
