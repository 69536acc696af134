//! Whether what was staged is still there, asked before something is made to depend on it.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;

use object_store::ObjectStoreExt as _;

use super::{Storage, disk};
use crate::error::{Error, Result};

impl Storage {
    /// Fails unless all these objects are there and have these sizes. Of a store each folder is listed, unless one
    /// object of it is asked for.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn must_hold<'a>(&self, objects: impl Iterator<Item = (&'a str, u64)>) -> Result<()> {
        let mut folders: BTreeMap<&str, Vec<(&str, u64)>> = BTreeMap::new();
        for (key, bytes) in objects {
            folders.entry(key.rsplit_once('/').map_or("", |(folder, _)| folder)).or_default().push((key, bytes));
        }
        for (folder, wanted) in folders {
            let listed = if wanted.len() > 1 && self.path("").is_none() { Some(self.list(folder)?) } else { None };
            for (key, bytes) in wanted {
                let size = match &listed {
                    Some(listed) => listed.iter().find(|entry| entry.key == key).map(|entry| entry.bytes),
                    None => self.size(key)?,
                };
                let seen = match size {
                    Some(there) if there == bytes => continue,
                    Some(there) => format!("{there} bytes instead of {bytes}"),
                    None => "nothing there".to_owned(),
                };
                let next = "see what else deletes files below output.uri, then run again";
                return Err(Error::storage("object_gone", "looking at a staged file", self.shown(key), seen, next));
            }
        }
        Ok(())
    }

    fn size(&self, key: &str) -> Result<Option<u64>> {
        match self.path(key) {
            Some(path) => match fs::metadata(&path) {
                Err(e) if e.kind() != ErrorKind::NotFound => Err(disk::trouble("looking at a staged file", &path, &e)),
                about => Ok(about.ok().map(|about| about.len())),
            },
            None => match self.wait(self.root.head(&self.full(key))) {
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                about => Ok(Some(about.map_err(|e| self.trouble("looking at a staged file", key, &e))?.size)),
            },
        }
    }
}
