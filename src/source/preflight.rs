//! Budgets for Parquet: what a file claims is checked before anything is decoded, so that a damaged or hostile file is an
//! error that names it, never an allocation that ends the process.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};

use super::thrift::{self, Checked, PageHeader};

/// Longest footer that is read: 64 MiB hold thousands of row groups.
pub(super) const FOOTER_BYTES: u64 = 64 << 20;
/// Largest page, uncompressed.
const PAGE_BYTES: i64 = 512 << 20;
/// Largest column chunk as stored.
const CHUNK_BYTES: u64 = 2 << 30;
/// Pages of the needed columns of one row group, uncompressed.
const ROW_GROUP_BYTES: i64 = 4 << 30;
/// Most rows of a row group. Longer row groups exist in theory; the memory of a run follows this.
const ROW_GROUP_ROWS: i64 = 64 << 20;
/// Widest fixed-length value of a column that is decoded (a decimal of 256 bits takes 32).
const FIXED_WIDTH: i32 = 64;
/// Gzip pages beyond this are unpacked once for counting: their codec does not stop at the announced size.
const GZIP_TRUSTED: usize = 1 << 20;

/// Reads and checks the footer: its bytes without the last eight. `read` fills bytes from a place of the file; trouble of
/// the disk is its own to tell, and no damage of the file.
pub(super) fn footer<E>(
    length: u64,
    read: impl Fn(&mut [u8], u64) -> std::result::Result<(), E>,
    damaged: impl Fn(String) -> E,
) -> std::result::Result<Vec<u8>, E> {
    let mut tail = [0; 8];
    let start = length.checked_sub(12).ok_or_else(|| damaged("too short for a Parquet file".into()))?;
    read(&mut tail, start + 4)?;
    match &tail[4..] {
        b"PAR1" => {}
        b"PARE" => return Err(damaged("an encrypted footer".into())),
        _ => return Err(damaged("no Parquet file: it does not close with PAR1".into())),
    }
    let claimed = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    if claimed > FOOTER_BYTES || claimed > start {
        return Err(damaged(format!("a footer of {claimed} bytes in a file of {length}")));
    }
    let mut bytes = vec![0; claimed as usize];
    read(&mut bytes, length - 8 - claimed)?;
    thrift::check_footer(&bytes).map_err(|e| damaged(format!("a footer with {e}")))?;
    Ok(bytes)
}

/// Checks what the footer says of a row group.
pub(super) fn row_group(group: &RowGroupMetaData) -> Checked<()> {
    match group.num_rows() {
        rows if rows < 0 => Err("a negative number of rows".into()),
        rows if rows > ROW_GROUP_ROWS => Err(format!("a row group of {rows} rows, more than {ROW_GROUP_ROWS}")),
        _ => Ok(()),
    }
}

/// Checks what the footer says of a needed column chunk: where its bytes are in the file.
pub(super) fn chunk_range(chunk: &ColumnChunkMetaData, rows: i64, file_length: u64) -> Checked<(u64, usize)> {
    let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
    let (Ok(start), Ok(length)) = (u64::try_from(start), u64::try_from(chunk.compressed_size())) else {
        return Err("a negative offset or size".into());
    };
    if length > CHUNK_BYTES || start.checked_add(length).is_none_or(|until| until > file_length) {
        return Err(format!("{length} bytes at {start} in a file of {file_length}"));
    }
    if chunk.num_values() != rows {
        return Err(format!("{} values in a row group of {rows} rows", chunk.num_values()));
    }
    let column = chunk.column_descr();
    if column.max_rep_level() != 0 || column.max_def_level() > 1 {
        return Err("a nested column".into());
    }
    if column.type_length() > FIXED_WIDTH {
        return Err(format!("values of {} bytes", column.type_length()));
    }
    match chunk.compression() {
        Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) | Compression::ZSTD(_) => Ok((start, length as usize)),
        other => Err(format!("the compression {other}, which is not among uncompressed, snappy, gzip and zstd")),
    }
}

/// Adds up what decoding the row group may take.
#[derive(Default)]
pub(super) struct Budget {
    uncompressed: i64,
}

impl Budget {
    /// Walks the page headers of one column chunk.
    pub(super) fn chunk(&mut self, chunk: &ColumnChunkMetaData, bytes: &[u8]) -> Checked<()> {
        let mut rest = bytes;
        let mut values = 0i64;
        while values < chunk.num_values() {
            let (header, length) = thrift::page_header(rest).map_err(|e| format!("a page header with {e}"))?;
            let body = rest.get(length..).unwrap_or_default();
            page(chunk, &header, body.len())?;
            let (page, after) = body.split_at(header.compressed as usize);
            count_gzip(chunk, &header, page)?;
            self.uncompressed = self.uncompressed.saturating_add(header.uncompressed);
            if self.uncompressed > ROW_GROUP_BYTES {
                return Err(format!("a row group of more than {ROW_GROUP_BYTES} bytes"));
            }
            if matches!(header.kind, 0 | 3) {
                values = values.saturating_add(header.values);
            }
            rest = after;
        }
        if values == chunk.num_values() { Ok(()) } else { Err(format!("{values} values in pages, {} announced", chunk.num_values())) }
    }
}

/// Checks one page header against the `left` bytes that follow it.
fn page(chunk: &ColumnChunkMetaData, header: &PageHeader, left: usize) -> Checked<()> {
    let PageHeader { kind, uncompressed, compressed, values, levels } = *header;
    if compressed < 0 || compressed as u64 > left as u64 {
        return Err(format!("a page of {compressed} bytes where {left} are left"));
    }
    if !(0..=PAGE_BYTES).contains(&uncompressed) || uncompressed > most_uncompressed(chunk.compression(), compressed) {
        return Err(format!("a page of {compressed} bytes that claims {uncompressed} uncompressed"));
    }
    // A dictionary entry takes its width, or at least four bytes (booleans have no dictionary).
    let width = i64::from(chunk.column_descr().type_length());
    let most = if kind == 2 { uncompressed / if width > 0 { width } else { 4 } } else { chunk.num_values() };
    if values < 0 || values > most || (kind == 3 && !(0..=compressed.min(uncompressed)).contains(&levels)) {
        return Err(format!("a page of {uncompressed} bytes that claims {values} values"));
    }
    Ok(())
}

/// The most a codec can make of so many bytes; generous, to be an upper bound.
fn most_uncompressed(codec: Compression, compressed: i64) -> i64 {
    let factor = match codec {
        Compression::SNAPPY => 64,
        Compression::GZIP(_) => 1_100,
        Compression::ZSTD(_) => 50_000,
        _ => return compressed,
    };
    compressed.saturating_mul(factor).saturating_add(1_024)
}

fn count_gzip(chunk: &ColumnChunkMetaData, header: &PageHeader, page: &[u8]) -> Checked<()> {
    if !matches!(chunk.compression(), Compression::GZIP(_)) || page.len() <= GZIP_TRUSTED {
        return Ok(());
    }
    let most = header.uncompressed as u64;
    let body = page.get(header.levels as usize..).unwrap_or_default();
    let mut limited = MultiGzDecoder::new(body).take(most + 1);
    let read = std::io::copy(&mut limited, &mut std::io::sink()).map_err(|e| e.to_string())?;
    if read > most { Err(format!("a gzip page that unpacks to more than the {most} bytes it claims")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_cannot_claim_more_than_they_can_make() {
        assert_eq!(most_uncompressed(Compression::UNCOMPRESSED, 10), 10);
        assert!(most_uncompressed(Compression::SNAPPY, 10) < 2_000);
        assert_eq!(most_uncompressed(Compression::ZSTD(Default::default()), i64::MAX), i64::MAX);
    }
}
