//! One file of an export: its pieces are encoded by the workers and appended in order.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::{Compress, Compression, Crc, FlushCompress};
use keyed_chunk::{Chunk, ChunkWriter, Codec, NULL, Settings, Values};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{SchemaDescriptor, TypePtr};

use crate::calendar;
use crate::columns::{self, COLUMNS, Kind};
use crate::error::{Error, Result};
use crate::money;
use crate::options::{Format, Options};
use crate::sheet::{Cells, Sheet};

/// As Cost Management's Parquet is.
const AS_AZURE: Settings = Settings { codec: Codec::Snappy, statistics: true, offset_index: true };
/// Faster than the default, and a tenth larger.
const GZIP_LEVEL: u32 = 4;
/// A gzip header without name and time.
const GZIP_HEADER: [u8; 10] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF];
/// An empty last deflate block.
const GZIP_FOOT: [u8; 2] = [3, 0];

/// The rows of a block in the form of the file.
pub(crate) enum Piece {
    /// A row group.
    Group(Vec<Chunk>),
    /// Deflated lines, flushed, so that pieces may stand one after the other in one stream.
    Lines { deflated: Vec<u8>, crc: Crc },
}

/// Encodes blocks.
pub(crate) struct Encoder {
    schema: TypePtr,
    writers: Vec<ChunkWriter>,
    format: Format,
    plain: bool,
}

impl Encoder {
    /// # Errors
    /// If the schema cannot be made.
    pub(crate) fn new(options: &Options) -> Result<Encoder> {
        let trouble = || Error::parquet(&options.folder);
        let schema = columns::schema(options.double).map_err(trouble())?;
        let descriptor = SchemaDescriptor::new(schema.clone());
        let writers = descriptor.columns().iter().map(|column| ChunkWriter::new(column.clone(), AS_AZURE));
        Ok(Encoder { schema, writers: writers.collect::<std::result::Result<_, _>>().map_err(trouble())?, format: options.format, plain: options.plain })
    }

    /// Encodes one block.
    /// # Errors
    /// If the values do not fit their columns.
    pub(crate) fn encode(&self, sheet: Sheet) -> std::result::Result<Piece, ParquetError> {
        match self.format {
            Format::Parquet => {
                let chunks = self.writers.iter().zip(sheet.into_columns()).map(|(writer, cells)| self.chunk(writer, &cells));
                Ok(Piece::Group(chunks.collect::<std::result::Result<_, _>>()?))
            }
            Format::Csv => Ok(lines(&sheet.into_columns()).and_then(|text| deflate(&text))?),
        }
    }

    fn chunk(&self, writer: &ChunkWriter, cells: &Cells) -> std::result::Result<Chunk, ParquetError> {
        match cells {
            Cells::Text { entries, keys } => {
                let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
                if self.plain { writer.spelled_out(Values::Text(&entries), keys) } else { writer.keyed(Values::Text(&entries), keys) }
            }
            Cells::Days { entries, keys } => writer.keyed(Values::Days(entries), keys),
            Cells::Decimals(numbers) => writer.plain(Values::Decimals(numbers)),
            Cells::Doubles(numbers) => writer.plain(Values::Doubles(numbers)),
        }
    }
}

/// The lines of a block.
fn lines(columns: &[Cells]) -> io::Result<Vec<u8>> {
    let text: Vec<Vec<String>> = columns.iter().zip(&COLUMNS).map(|(cells, (_, kind))| texts(cells, *kind)).collect();
    let rows = match columns.first() {
        Some(Cells::Text { keys, .. }) => keys.len(),
        _ => 0,
    };
    let mut writer = csv::Writer::from_writer(Vec::with_capacity(rows * 1_000));
    let field = |column: usize, row: usize| match &columns[column] {
        Cells::Text { keys, .. } | Cells::Days { keys, .. } if keys[row] == NULL => "",
        Cells::Text { keys, .. } | Cells::Days { keys, .. } => text[column][keys[row] as usize].as_str(),
        _ => text[column][row].as_str(),
    };
    for row in 0..rows {
        writer.write_record((0..columns.len()).map(|column| field(column, row)))?;
    }
    writer.into_inner().map_err(|e| e.into_error())
}

/// Texts of the entries, or of every number.
fn texts(cells: &Cells, kind: Kind) -> Vec<String> {
    match (cells, kind) {
        (Cells::Text { entries, .. }, _) => entries.clone(),
        (Cells::Days { entries, .. }, _) => entries.iter().map(|day| calendar::american(*day)).collect(),
        (Cells::Decimals(numbers), Kind::Number(places)) => numbers.iter().map(|units| money::text(*units, places)).collect(),
        (Cells::Decimals(numbers), _) => numbers.iter().map(i128::to_string).collect(),
        (Cells::Doubles(numbers), _) => numbers.iter().map(f64::to_string).collect(),
    }
}

fn deflate(text: &[u8]) -> io::Result<Piece> {
    let mut compress = Compress::new(Compression::new(GZIP_LEVEL), false);
    let mut deflated = Vec::with_capacity(text.len() / 4 + 1_024);
    loop {
        let rest = &text[compress.total_in() as usize..];
        compress.compress_vec(rest, &mut deflated, FlushCompress::Full).map_err(io::Error::other)?;
        // Room left over means that everything was flushed.
        if compress.total_in() as usize == text.len() && deflated.len() < deflated.capacity() {
            break;
        }
        deflated.reserve(text.len() / 4 + 1_024);
    }
    let mut crc = Crc::new();
    crc.update(text);
    Ok(Piece::Lines { deflated, crc })
}

/// A file being written.
pub(crate) struct Part {
    path: PathBuf,
    form: Form,
}

enum Form {
    Parquet(Box<SerializedFileWriter<BufWriter<File>>>),
    Csv { file: BufWriter<File>, crc: Crc },
}

impl Part {
    /// # Errors
    /// If the file cannot be made.
    pub(crate) fn create(path: &Path, encoder: &Encoder) -> Result<Part> {
        let file = BufWriter::with_capacity(1 << 20, File::create(path).map_err(Error::io(path))?);
        let form = match encoder.format {
            Format::Parquet => {
                let properties = Arc::new(WriterProperties::builder().set_created_by("pecan generate".into()).build());
                Form::Parquet(Box::new(SerializedFileWriter::new(file, encoder.schema.clone(), properties).map_err(Error::parquet(path))?))
            }
            Format::Csv => Form::Csv { file, crc: Crc::new() },
        };
        let mut part = Part { path: path.to_path_buf(), form };
        if let Form::Csv { file, .. } = &mut part.form {
            file.write_all(&GZIP_HEADER).map_err(Error::io(path))?;
            let mut header = COLUMNS.map(|(name, _)| name).join(",");
            header.push('\n');
            part.append(deflate(header.as_bytes()).map_err(Error::io(path))?)?;
        }
        Ok(part)
    }

    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn append(&mut self, piece: Piece) -> Result<()> {
        match (&mut self.form, piece) {
            (Form::Parquet(writer), Piece::Group(chunks)) => {
                let trouble = || Error::parquet(&self.path);
                let mut group = writer.next_row_group().map_err(trouble())?;
                chunks.into_iter().try_for_each(|chunk| chunk.append_to(&mut group)).map_err(trouble())?;
                group.close().map_err(trouble())?;
            }
            (Form::Csv { file, crc }, Piece::Lines { deflated, crc: part }) => {
                file.write_all(&deflated).map_err(Error::io(&self.path))?;
                crc.combine(&part);
            }
            _ => unreachable!("pieces are made by the encoder that made the file"),
        }
        Ok(())
    }

    /// Completes the file; gives its bytes.
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn close(self) -> Result<u64> {
        let trouble = || Error::io(&self.path);
        match self.form {
            Form::Parquet(writer) => {
                writer.into_inner().map_err(Error::parquet(&self.path))?.flush().map_err(trouble())?;
            }
            Form::Csv { mut file, crc } => {
                let foot = [&GZIP_FOOT[..], &crc.sum().to_le_bytes(), &crc.amount().to_le_bytes()].concat();
                file.write_all(&foot).and_then(|()| file.flush()).map_err(trouble())?;
            }
        }
        Ok(std::fs::metadata(&self.path).map_err(trouble())?.len())
    }
}
