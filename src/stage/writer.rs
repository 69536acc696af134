//! Writing one data file: row groups are encoded in parallel and appended in order, so the same rows give the same
//! bytes at any number of threads.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use keyed_chunk::{Chunk, ChunkWriter, Codec, Settings};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnDescPtr, ColumnPath, SchemaDescPtr};

use super::{FileSpec, StagedFile, Stats, keyed};
use crate::error::{Error, Result};
use crate::schema::{self, Table, name};
use crate::storage::{Spool, Storage, disk};

/// Fast, and nearly as small as the higher ones on such columns.
const ZSTD_LEVEL: i32 = 1;

/// Encodes row groups of one table; shared freely between threads.
#[derive(Clone)]
pub struct RowGroupEncoder {
    table: Table,
    schema: SchemaRef,
    parquet: SchemaDescPtr,
    properties: WriterPropertiesPtr,
    factory: Arc<ArrowRowGroupWriterFactory>,
    /// Of each column that may be written from keys.
    keyed: Arc<Vec<Option<ChunkWriter>>>,
}

/// A row group, encoded and compressed, waiting to be appended.
pub struct EncodedRowGroup {
    chunks: Vec<EncodedChunk>,
    stats: Stats,
}

enum EncodedChunk {
    /// Written from keys.
    Keyed(Chunk),
    /// By the library.
    Arrow(ArrowColumnChunk),
}

impl EncodedRowGroup {
    /// Its rows.
    pub fn rows(&self) -> u64 {
        self.stats.rows
    }
}

impl RowGroupEncoder {
    /// An encoder for the files of `table` with these carried columns.
    ///
    /// # Errors
    /// `Error::Bug` if our schema has no Parquet form.
    pub fn new(table: Table, carry: &[String]) -> Result<RowGroupEncoder> {
        let schema = table.file_schema(carry);
        let fault = |e: ParquetError| bug(table, &e);
        let parquet = Arc::new(ArrowSchemaConverter::new().convert(&schema).map_err(fault)?);
        let properties = Arc::new(properties(&schema)?);
        // The factory takes schema and properties from a file writer; this one writes nowhere.
        let nowhere = SerializedFileWriter::new(std::io::sink(), parquet.root_schema_ptr(), Arc::clone(&properties)).map_err(fault)?;
        let factory = Arc::new(ArrowRowGroupWriterFactory::new(&nowhere, Arc::clone(&schema)));
        let keyed = Arc::new(parquet.columns().iter().map(keyed_writer).collect::<std::result::Result<_, _>>().map_err(fault)?);
        Ok(RowGroupEncoder { table, schema, parquet, properties, factory, keyed })
    }

    /// Encodes one row group. Columns are found by name; text may be plain or dictionary encoded (int32 keys);
    /// a column of `billing_month` in a partitioned table is passed over, since it is in the path.
    ///
    /// # Errors
    /// `Error::Bug` if a column is missing, has another type, or has nulls where none may be.
    pub fn encode(&self, batch: &RecordBatch) -> Result<EncodedRowGroup> {
        let columns = self.columns(batch)?;
        let fault = |e: ParquetError| bug(self.table, &e);
        let writers = self.factory.create_column_writers(0).map_err(fault)?;
        let mut writers = writers.into_iter();
        let mut chunks = Vec::with_capacity(writers.len());
        for (field, column) in self.schema.fields().iter().zip(&columns) {
            if let Some(writer) = self.keyed.get(chunks.len()).and_then(Option::as_ref)
                && let Some(chunk) = keyed::chunk(writer, column).map_err(fault)?
            {
                writers.next();
                chunks.push(EncodedChunk::Keyed(chunk));
                continue;
            }
            for leaf in compute_leaves(field, column).map_err(fault)? {
                let mut writer = writers.next().ok_or_else(|| bug(self.table, &"more leaves than columns"))?;
                writer.write(&leaf).map_err(fault)?;
                chunks.push(EncodedChunk::Arrow(writer.close().map_err(fault)?));
            }
        }
        let fields: Vec<_> =
            self.schema.fields().iter().zip(&columns).map(|(field, column)| field.as_ref().clone().with_data_type(column.data_type().clone())).collect();
        let measured = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|e| bug(self.table, &e))?;
        Ok(EncodedRowGroup { chunks, stats: Stats::of(&measured) })
    }

    fn columns(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        for field in self.schema.fields() {
            let column = batch.column_by_name(field.name()).ok_or_else(|| bug(self.table, &format!("no column {}", field.name())))?;
            if !field.is_nullable() && column.logical_null_count() > 0 {
                return Err(bug(self.table, &format!("null in column {}", field.name())));
            }
            columns.push(Arc::clone(column));
        }
        let known = |name: &str| self.schema.field_with_name(name).is_ok() || name == name::BILLING_MONTH;
        match batch.schema_ref().fields().iter().find(|field| !known(field.name())) {
            Some(extra) => Err(bug(self.table, &format!("unknown column {}", extra.name()))),
            None => Ok(columns),
        }
    }
}

/// The writer of a flat column. Numbers of rows count up: the library packs their differences.
fn keyed_writer(column: &ColumnDescPtr) -> std::result::Result<Option<ChunkWriter>, ParquetError> {
    if column.max_rep_level() > 0 || column.path().parts().len() > 1 || column.name() == name::SOURCE_ROW {
        return Ok(None);
    }
    let settings = Settings { codec: Codec::Zstd(ZSTD_LEVEL), statistics: schema::BOUNDED.contains(&column.name()), offset_index: false };
    ChunkWriter::new(column.clone(), settings).map(Some)
}

/// How our columns are stored. Statistics only where a reader can use them to skip row groups; none for decimals, whose
/// full precision some readers cannot hold. Nothing here may depend on the run or the clock.
fn properties(schema: &Schema) -> Result<WriterProperties> {
    let zstd = ZstdLevel::try_new(ZSTD_LEVEL).map_err(|e| Error::bug("zstd", "setting up compression", ZSTD_LEVEL, e, "report this"))?;
    let mut properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(zstd)).set_statistics_enabled(EnabledStatistics::None).set_offset_index_disabled(true);
    for bounded in schema::BOUNDED {
        properties = properties.set_column_statistics_enabled(ColumnPath::from(bounded), EnabledStatistics::Chunk);
    }
    // Amounts hardly repeat: a dictionary would be built, hashed and thrown away.
    for summed in schema::SUMMED.into_iter().filter(|summed| schema.field_with_name(summed).is_ok()) {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(summed), false);
    }
    let rows = ColumnPath::from(name::SOURCE_ROW);
    properties = properties.set_column_dictionary_enabled(rows.clone(), false).set_column_encoding(rows, Encoding::DELTA_BINARY_PACKED);
    Ok(properties.build())
}

/// Writes one file: [`RowGroupEncoder::encode`] anywhere, [`append`](Self::append) in order, [`finish`](Self::finish).
/// Dropped unfinished, it deletes what it wrote.
pub struct FileWriter {
    spec: FileSpec,
    encoder: RowGroupEncoder,
    file: Option<SerializedFileWriter<BufWriter<File>>>,
    spool: Spool,
    key: String,
    stats: Stats,
}

/// A finished file that is not at its output yet: here it is read back. Dropped, it is gone.
#[derive(Debug)]
pub struct WrittenFile {
    spec: FileSpec,
    spool: Spool,
    key: String,
    bytes: u64,
    stats: Stats,
}

impl FileWriter {
    /// Begins the file of an output that is to have this key.
    ///
    /// # Errors
    /// `Error::Storage` if the folder or the file cannot be made.
    pub fn create(storage: &Storage, key: String, spec: FileSpec, carry: &[String]) -> Result<FileWriter> {
        if spec.table.partitioned() != spec.month.is_some() {
            return Err(bug(spec.table, &format!("billing month {:?}", spec.month)));
        }
        let encoder = RowGroupEncoder::new(spec.table, carry)?;
        let (spool, opened) = storage.spool(&key)?;
        let file = SerializedFileWriter::new(BufWriter::with_capacity(1 << 20, opened), encoder.parquet.root_schema_ptr(), Arc::clone(&encoder.properties))
            .map_err(|e| written(spool.path(), e))?;
        Ok(FileWriter { spec, encoder, file: Some(file), spool, key, stats: Stats::default() })
    }

    /// An encoder for this file's row groups, to be used on other threads.
    pub fn encoder(&self) -> RowGroupEncoder {
        self.encoder.clone()
    }

    /// Encodes one row group; see [`RowGroupEncoder::encode`].
    ///
    /// # Errors
    /// As [`RowGroupEncoder::encode`].
    pub fn encode(&self, batch: &RecordBatch) -> Result<EncodedRowGroup> {
        self.encoder.encode(batch)
    }

    /// Appends a row group; an empty one is passed over. The order of calls is the order of rows.
    ///
    /// # Errors
    /// `Error::Storage` naming the file.
    pub fn append(&mut self, group: EncodedRowGroup) -> Result<()> {
        if group.rows() == 0 {
            return Ok(());
        }
        let Some(file) = self.file.as_mut() else { return Err(bug(self.spec.table, &"append after finish")) };
        let append = || -> std::result::Result<(), ParquetError> {
            let mut row_group = file.next_row_group()?;
            for chunk in group.chunks {
                match chunk {
                    EncodedChunk::Keyed(chunk) => chunk.append_to(&mut row_group)?,
                    EncodedChunk::Arrow(chunk) => chunk.append_to_row_group(&mut row_group)?,
                }
            }
            row_group.close().map(|_| ())
        };
        append().map_err(|e| written(self.spool.path(), e))?;
        self.stats.merge(group.stats);
        Ok(())
    }

    /// Completes the file, durably where it stays on this disk.
    ///
    /// # Errors
    /// `Error::Storage` naming the file.
    pub fn finish(mut self) -> Result<WrittenFile> {
        let Some(file) = self.file.take() else { return Err(bug(self.spec.table, &"finish twice")) };
        let path = self.spool.path();
        let mut buffered = file.into_inner().map_err(|e| written(path, e))?;
        let sync = |file: &File| if self.spool.durable() { file.sync_all() } else { Ok(()) };
        let done = buffered.flush().and_then(|()| sync(buffered.get_ref())).and_then(|()| buffered.get_ref().metadata());
        let bytes = done.map_err(|e| disk::trouble("writing a data file", path, &e))?.len();
        Ok(WrittenFile { spec: self.spec, spool: self.spool, key: self.key, bytes, stats: self.stats })
    }
}

impl WrittenFile {
    /// Its table.
    pub fn table(&self) -> Table {
        self.spec.table
    }

    /// Where it is now, on a local disk.
    pub fn path(&self) -> &Path {
        self.spool.path()
    }

    /// Size.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Rows.
    pub fn rows(&self) -> u64 {
        self.stats.rows
    }

    /// Brings it to its output, where it waits for a commit.
    ///
    /// # Errors
    /// `Error::Storage`.
    pub fn stage(self, storage: &Storage) -> Result<StagedFile> {
        storage.keep(self.spool, &self.key)?;
        Ok(StagedFile {
            table: self.spec.table,
            path: self.spec.path(),
            key: self.key,
            bytes: self.bytes,
            rows: self.stats.rows,
            stats: self.stats,
            month: self.spec.month,
            group: self.spec.group,
            fingerprint: self.spec.fingerprint,
            run: self.spec.run,
        })
    }
}

fn bug(table: Table, seen: &dyn std::fmt::Display) -> Error {
    Error::bug("encode", "encoding a row group", table.name(), seen, "report this with the job file and the version")
}

/// Trouble of the Parquet writer below a file is trouble of the disk.
fn written(path: &Path, seen: ParquetError) -> Error {
    let io = match &seen {
        ParquetError::External(inner) => inner.downcast_ref::<std::io::Error>(),
        _ => None,
    };
    match io {
        Some(io) => disk::trouble("writing a data file", path, io),
        None => Error::storage("disk", "writing a data file", path.display(), seen, "see whether the disk is full or failing, then run again"),
    }
}
