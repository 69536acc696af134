//! With no failure planned, the store that fails and the server that fails are as any other: `object_store`'s own kit of
//! tests for stores says so. The kit deletes all it finds: a local disk is given to it as one temporary folder.

use std::sync::Arc;

use object_store::integration as kit;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt as _};
use pecan::storage::DurableLocal;
use tempfile::TempDir;

use super::fake::{FakeStore, Shape};
use super::faulty::Faulty;
use super::runtime;

/// What a store can do, as far as stores differ.
struct Able {
    update: bool,
    copy: bool,
    last_upload_wins: bool,
}

async fn prove(store: &Arc<dyn ObjectStore>, able: &Able) {
    kit::put_get_delete_list(store).await;
    kit::list_with_offset_exclusivity(store).await;
    kit::get_opts(store).await;
    kit::list_uses_directories_correctly(store).await;
    kit::list_with_delimiter(store).await;
    if able.copy {
        kit::rename_and_copy(store).await;
        kit::copy_if_not_exists(store).await;
        kit::copy_rename_nonexistent_object(store).await;
    }
    kit::stream_get(store).await;
    kit::multipart_out_of_order(store).await;
    kit::multipart_race_condition(store, able.last_upload_wins).await;
    kit::put_opts(store, able.update).await;
    kit::put_get_attributes(store).await;
    let missing = kit::get_nonexistent_object(store, None).await;
    assert!(matches!(missing, Err(object_store::Error::NotFound { .. })), "{missing:?}");
}

#[test]
fn a_faulty_store_in_memory_is_sound_without_a_plan() {
    let store: Arc<dyn ObjectStore> = Arc::new(Faulty::around(Arc::new(InMemory::new())));
    runtime().block_on(prove(&store, &Able { update: true, copy: true, last_upload_wins: true }));
}

/// The kit deletes everything in the store it is given, so the disk must never be given to it as a whole.
fn below(folder: &TempDir) -> Arc<dyn ObjectStore> {
    let path = Path::from_absolute_path(folder.path()).expect("an absolute path");
    assert!(path.parts().count() >= 2, "{path} is no temporary folder");
    Arc::new(PrefixStore::new(DurableLocal::default(), path))
}

#[test]
fn our_durable_local_disk_is_a_sound_store_faulty_or_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let able = Able { update: false, copy: true, last_upload_wins: true };
    runtime().block_on(prove(&below(&folder), &able));
    let folder = tempfile::tempdir().expect("a folder");
    let faulty: Arc<dyn ObjectStore> = Arc::new(Faulty::around(below(&folder)));
    runtime().block_on(prove(&faulty, &able));
}

/// `page` names per answer to a listing.
fn server(shape: Shape, page: usize) {
    let server = FakeStore::start(shape, page);
    let able = Able { update: true, copy: shape != Shape::Gcs, last_upload_wins: shape != Shape::Azure };
    runtime().block_on(async {
        prove(&server.client(), &able).await;
        match shape {
            Shape::S3 => {
                kit::multipart(&server.s3(), &server.s3()).await;
                kit::list_paginated(&server.s3(), &server.s3()).await;
            }
            Shape::Azure => {
                kit::multipart(&server.azure(), &server.azure()).await;
                kit::list_paginated(&server.azure(), &server.azure()).await;
            }
            Shape::Gcs => {
                kit::multipart(&server.gcs(), &server.gcs()).await;
                kit::list_paginated(&server.gcs(), &server.gcs()).await;
            }
        }
    });
}

/// Listings in pages of five names, so that each is continued.
#[test]
fn the_fake_s3_is_sound_without_a_plan() {
    server(Shape::S3, 5);
}

#[test]
fn the_fake_azure_blob_is_sound_without_a_plan() {
    server(Shape::Azure, 5);
}

#[test]
fn the_fake_gcs_is_sound_without_a_plan() {
    server(Shape::Gcs, 5);
}

/// Version 0.13.2 of `object_store` has the two modes of a copy in GCS the wrong way round (`copy_opts` in its
/// `gcp/mod.rs`), so the kit's tests of copies are left out there, and nothing of ours may rest on a copy that creates. When
/// this fails, a newer version has mended it: let the kit test copies in GCS again.
#[test]
fn the_client_of_gcs_mixes_up_copies() {
    let server = FakeStore::start(Shape::Gcs, 5000);
    runtime().block_on(async {
        let (client, from, to) = (server.gcs(), Path::from("from"), Path::from("to"));
        client.put(&from, "new".into()).await.expect("put");
        client.put(&to, "old".into()).await.expect("put");
        let overwritten = client.copy(&from, &to).await;
        assert!(matches!(overwritten, Err(object_store::Error::AlreadyExists { .. })), "{overwritten:?}");
        client.copy_if_not_exists(&from, &to).await.expect("it overwrites");
        assert_eq!(client.get(&to).await.expect("there").bytes().await.expect("read"), "new");
    });
}
