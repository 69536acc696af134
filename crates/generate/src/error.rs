//! What can go wrong: the arguments, the folder, the disk.

use std::path::{Path, PathBuf};

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;

/// Why nothing, or not everything, was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An argument makes no sense.
    #[error("{argument}: {seen}; {next}")]
    Argument {
        /// Which one, as typed.
        argument: &'static str,
        /// What it says.
        seen: String,
        /// What would be right.
        next: String,
    },
    /// Something is in the way: the folder holds files already, or is none.
    #[error("{}: {seen}", folder.display())]
    Occupied {
        /// The folder asked for.
        folder: PathBuf,
        /// What is there.
        seen: String,
    },
    /// A file or folder could not be written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A Parquet file could not be made.
    #[error("{}: {source}", path.display())]
    Parquet {
        /// Which one.
        path: PathBuf,
        /// What the writer said.
        source: parquet::errors::ParquetError,
    },
}

impl Error {
    pub(crate) fn argument(argument: &'static str, seen: impl ToString, next: impl Into<String>) -> Error {
        Error::Argument { argument, seen: seen.to_string(), next: next.into() }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error + use<> {
        let path = path.to_path_buf();
        move |source| Error::Io { path, source }
    }

    pub(crate) fn parquet(path: &Path) -> impl FnOnce(parquet::errors::ParquetError) -> Error + use<> {
        let path = path.to_path_buf();
        move |source| Error::Parquet { path, source }
    }
}
