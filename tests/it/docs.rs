//! The documents say what the program says.
//!
//! `UPDATE=1 cargo test --test it docs::` (or `make docs`) writes `docs/TABLES.md` from the schema.

use std::path::Path;

use pecan::schema::tables_markdown;

#[test]
fn tables_md_is_the_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/TABLES.md");
    let wanted = tables_markdown();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &wanted).expect("docs/TABLES.md can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "docs/TABLES.md differs from src/schema.rs: run `make docs`");
}
