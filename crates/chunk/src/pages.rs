//! The pages of one chunk, compressed and counted.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, PageType, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder, PageEncodingStats};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::{Chunk, Codec, Settings};

/// Collects pages; offsets and sizes come from what was really written.
pub(super) struct Pages {
    settings: Settings,
    press: Press,
    sink: TrackedWrite<Vec<u8>>,
    dictionary_at: Option<i64>,
    data_at: Option<i64>,
    compressed: i64,
    uncompressed: i64,
    rows: usize,
    used: Vec<PageEncodingStats>,
    offsets: OffsetIndexBuilder,
}

impl Pages {
    pub(super) fn new(settings: Settings) -> Result<Pages> {
        Ok(Pages {
            settings,
            press: Press::new(settings.codec)?,
            sink: TrackedWrite::new(Vec::new()),
            dictionary_at: None,
            data_at: None,
            compressed: 0,
            uncompressed: 0,
            rows: 0,
            used: Vec::new(),
            offsets: OffsetIndexBuilder::new(),
        })
    }

    pub(super) fn dictionary(&mut self, body: Vec<u8>, entries: usize) -> Result<()> {
        let length = body.len();
        let page = Page::DictionaryPage { buf: self.press.compress(body)?, num_values: count(entries)?, encoding: Encoding::PLAIN, is_sorted: false };
        self.dictionary_at = Some(self.write(page, length, Encoding::PLAIN)?.0);
        Ok(())
    }

    pub(super) fn data(&mut self, body: Vec<u8>, rows: usize, encoding: Encoding) -> Result<()> {
        let length = body.len();
        let page = Page::DataPage {
            buf: self.press.compress(body)?,
            num_values: count(rows)?,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let (at, bytes) = self.write(page, length, encoding)?;
        self.data_at.get_or_insert(at);
        self.rows += rows;
        self.offsets.append_row_count(rows as i64);
        self.offsets.append_offset_and_size(at, bytes);
        Ok(())
    }

    /// Offset and compressed size, header included, of the page just written.
    fn write(&mut self, page: Page, length: usize, encoding: Encoding) -> Result<(i64, i32)> {
        let page_type = page.page_type();
        let written = SerializedPageWriter::new(&mut self.sink).write_page(CompressedPage::new(page, length))?;
        self.compressed += written.compressed_size as i64;
        self.uncompressed += written.uncompressed_size as i64;
        match self.used.iter_mut().find(|u| u.page_type == page_type && u.encoding == encoding) {
            Some(used) => used.count += 1,
            None => self.used.push(PageEncodingStats { page_type, encoding, count: 1 }),
        }
        let bytes = i32::try_from(written.compressed_size).map_err(|_| too_large(written.compressed_size))?;
        Ok((written.offset as i64, bytes))
    }

    pub(super) fn close(mut self, column: &ColumnDescPtr, rows: usize, statistics: Option<Statistics>) -> Result<Chunk> {
        if self.data_at.is_none() {
            self.data(Vec::new(), 0, Encoding::PLAIN)?; // a chunk has at least one data page
        }
        assert_eq!(self.rows, rows, "every row stands in a page");
        let mut encodings: Vec<Encoding> = vec![Encoding::RLE];
        for used in &self.used {
            if !encodings.contains(&used.encoding) {
                encodings.push(used.encoding);
            }
        }
        debug_assert!(self.used.iter().any(|u| u.page_type == PageType::DATA_PAGE));
        let metadata = ColumnChunkMetaData::builder(column.clone())
            .set_compression(compression(self.settings.codec)?)
            .set_encodings(encodings)
            .set_page_encoding_stats(self.used)
            .set_total_compressed_size(self.compressed)
            .set_total_uncompressed_size(self.uncompressed)
            .set_num_values(rows as i64)
            .set_data_page_offset(self.data_at.unwrap_or_default())
            .set_dictionary_page_offset(self.dictionary_at);
        let metadata = statistics.into_iter().fold(metadata, |metadata, statistics| metadata.set_statistics(statistics)).build()?;
        let close = ColumnCloseResult {
            bytes_written: self.compressed as u64,
            rows_written: rows as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: self.settings.offset_index.then(|| self.offsets.build()),
        };
        Ok(Chunk { bytes: self.sink.into_inner()?.into(), close })
    }
}

/// Compresses page by page.
enum Press {
    None,
    Snappy(Box<snap::raw::Encoder>),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Press {
    fn new(codec: Codec) -> Result<Press> {
        Ok(match codec {
            Codec::Uncompressed => Press::None,
            Codec::Snappy => Press::Snappy(Box::new(snap::raw::Encoder::new())),
            Codec::Zstd(level) => Press::Zstd(zstd::bulk::Compressor::new(level)?),
        })
    }

    fn compress(&mut self, body: Vec<u8>) -> Result<Bytes> {
        match self {
            Press::None => Ok(body.into()),
            Press::Snappy(encoder) => Ok(encoder.compress_vec(&body).map_err(|e| ParquetError::External(Box::new(e)))?.into()),
            Press::Zstd(compressor) => Ok(compressor.compress(&body)?.into()),
        }
    }
}

fn compression(codec: Codec) -> Result<Compression> {
    Ok(match codec {
        Codec::Uncompressed => Compression::UNCOMPRESSED,
        Codec::Snappy => Compression::SNAPPY,
        Codec::Zstd(level) => Compression::ZSTD(ZstdLevel::try_new(level)?),
    })
}

fn count(n: usize) -> Result<u32> {
    u32::try_from(n).map_err(|_| too_large(n))
}

fn too_large(n: usize) -> ParquetError {
    ParquetError::General(format!("a page with {n} values or bytes is too large"))
}
