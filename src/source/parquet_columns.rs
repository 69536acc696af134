//! The columns of a Parquet file, as Parquet's own types have them.

use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use parquet::basic::ConvertedType;
use parquet::file::metadata::ParquetMetaData;

/// A column at the top level of a file.
#[derive(Debug, Clone)]
pub struct FileColumn {
    /// Its name as written.
    pub name: String,
    /// Its Arrow type; the schema a writer embedded is not believed.
    pub kind: DataType,
    /// Where its values are; `None`: a nested column, which cannot be read.
    pub(super) leaf: Option<usize>,
    /// Whether the decoder itself checks that it is UTF-8.
    pub(super) checked_text: bool,
}

impl FileColumn {
    /// Text as a dictionary, so that a row costs a key and not a string.
    pub(super) fn fine(&self) -> DataType {
        match self.kind {
            DataType::Utf8 if self.checked_text => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            _ => self.kind.clone(),
        }
    }

    /// Nanoseconds as microseconds, which hold the years nanoseconds do not.
    pub(super) fn coarse(&self) -> DataType {
        match &self.kind {
            DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
            other => other.clone(),
        }
    }

    /// Whether it has one value per row.
    pub fn is_flat(&self) -> bool {
        self.leaf.is_some()
    }
}

/// The columns at the top level, in file order.
pub(super) fn columns(metadata: &ParquetMetaData, schema: &SchemaRef) -> Vec<FileColumn> {
    let descriptor = metadata.file_metadata().schema_descr();
    let mut columns: Vec<FileColumn> =
        schema.fields().iter().map(|f| FileColumn { name: f.name().clone(), kind: f.data_type().clone(), leaf: None, checked_text: false }).collect();
    for leaf in 0..descriptor.num_columns() {
        let column = descriptor.column(leaf);
        let flat = column.path().parts().len() == 1 && column.max_rep_level() == 0;
        if let Some(slot) = columns.get_mut(descriptor.get_column_root_idx(leaf)).filter(|c| flat && !c.kind.is_nested()) {
            slot.leaf = Some(leaf);
            slot.checked_text = column.converted_type() == ConvertedType::UTF8;
        }
    }
    columns
}
