//! Listing an input in an object store: everything below the deepest folder without a wildcard, in one listing.

use std::collections::{BTreeMap, BTreeSet};

use object_store::path::Path;

use super::bucket::{Bucket, Failed, Object};
use super::{InputFile, Listing, Location, Shape, glob, join_shown, nothing_found, store_trouble, wildcard_free};
use crate::error::Result;
use crate::storage;

/// What a listing is called in messages.
const TRIED: &str = "finding input files";

/// The files a uri means, as [`super::look`] has it for local paths.
pub(super) fn look(uri: &str, written: &str) -> Result<Listing> {
    let trouble = |failed: Failed| store_trouble(TRIED, written, &failed.0);
    let Some(folder) = wildcard_free(uri) else {
        let place = storage::address(uri)?;
        let bucket = Bucket::at(&place.base)?;
        let objects = match one_object(&bucket, &place.prefix).map_err(trouble)? {
            Some(object) => return Ok(of_one(object, written)),
            None => bucket.list(&place.prefix).map_err(trouble)?,
        };
        return match objects.is_empty() {
            false => Ok(below(&place.prefix, objects, written.trim_end_matches('/'))),
            true if !has_ending(&place.prefix) => {
                bucket.object(&place.prefix).map_err(trouble)?.map(|object| of_one(object, written)).ok_or_else(|| nothing_found(written))
            }
            true => Err(nothing_found(written)),
        };
    };
    let place = storage::address(folder)?;
    let bucket = Bucket::at(&place.base)?;
    let objects = bucket.list(&place.prefix).map_err(trouble)?;
    let pattern = uri.get(folder.len()..).unwrap_or_default().trim_start_matches('/');
    let written_folder = written.strip_suffix(pattern).or_else(|| wildcard_free(written)).unwrap_or_default().trim_end_matches('/');
    // A name that exists is no wildcard.
    let literal = pattern.split('/').filter(|part| !part.is_empty()).fold(place.prefix.clone(), |path, part| path.join(part));
    if let Some(object) = objects.iter().find(|object| object.key() == literal.as_ref()) {
        return Ok(of_one(object.clone(), written));
    }
    let inside: Vec<Object> = objects.iter().filter(|object| relative(&literal, object).is_some()).cloned().collect();
    if !inside.is_empty() {
        return Ok(below(&literal, inside, written.trim_end_matches('/')));
    }
    let matcher = glob(pattern, written)?;
    let mut listing = below(&place.prefix, objects, written_folder);
    listing.files.retain(|file| matcher.is_match(&file.relative));
    listing.shape = Shape::Wildcard;
    Ok(listing)
}

/// Names with an ending are more likely files than folders: which is asked for first only saves a request.
fn has_ending(path: &Path) -> bool {
    path.filename().is_some_and(|name| name.contains('.'))
}

fn one_object(bucket: &std::sync::Arc<Bucket>, path: &Path) -> std::result::Result<Option<Object>, Failed> {
    if has_ending(path) { bucket.object(path) } else { Ok(None) }
}

fn of_one(object: Object, written: &str) -> Listing {
    let relative = object.key().rsplit('/').next().unwrap_or_default().to_owned();
    let file = InputFile { bytes: object.bytes(), at: Location::Object(object), name: written.to_owned(), relative };
    Listing { files: vec![file], shape: Shape::File, written: written.to_owned(), folder: None, all: BTreeMap::new() }
}

fn below(prefix: &Path, objects: Vec<Object>, written: &str) -> Listing {
    let mut all = BTreeMap::new();
    for object in objects {
        if let Some(relative) = relative(prefix, &object) {
            let file = InputFile { bytes: object.bytes(), name: join_shown(written, &relative), relative: relative.clone(), at: Location::Object(object) };
            all.insert(relative, file);
        }
    }
    // Some tools make empty objects to stand for folders.
    let parent = |name: &str| name.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    let folders: BTreeSet<String> = all.keys().filter_map(|name| parent(name)).collect();
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().contains('.');
    all.retain(|name, file| file.bytes > 0 || (last(name) && !folders.contains(name)));
    let hidden = |name: &str| name.split('/').any(|part| part.starts_with(['_', '.']));
    let files = all.values().filter(|file| !hidden(&file.relative)).cloned().collect();
    Listing { files, shape: Shape::Folder, written: written.to_owned(), folder: None, all }
}

/// The name of an object below a prefix.
fn relative(prefix: &Path, object: &Object) -> Option<String> {
    if prefix.as_ref().is_empty() {
        return Some(object.key().to_owned());
    }
    object.key().strip_prefix(prefix.as_ref())?.strip_prefix('/').map(str::to_owned)
}
