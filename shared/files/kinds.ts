// What a file is by its first bytes, whatever its name: packed, Parquet, text, or something that is no file of rows,
// with what helps. Pure.

/** A file's bytes as they come. */
export type Bytes = AsyncIterable<Uint8Array>;

export type Packing = "gzip" | "bzip2" | "zstd" | "zip";
export type Kind =
  | { readonly is: "packed"; readonly by: Packing }
  | { readonly is: "parquet" }
  | { readonly is: "text" }
  /** In words, and what to do with it. */
  | { readonly is: "other"; readonly what: string; readonly help: string };

/** Bytes that are needed to tell. */
export const BEGINNING = 512;

/** Latin-1 letters that a kind begins with. */
const packings: readonly (readonly [string, Packing])[] = [
  ["\x1f\x8b\x08", "gzip"],
  ["\x28\xb5\x2f\xfd", "zstd"],
  ["PK\x03\x04", "zip"],
  ["PK\x05\x06", "zip"],
];

const others: readonly (readonly [string, string, string])[] = [
  ["\xfd7zXZ\0", "packed by xz", "unpack it first: xz -d"],
  ["7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first: 7z x"],
  ["Rar!\x1a\x07", "a RAR archive", "unpack it first"],
  ["\x04\x22\x4d\x18", "packed by lz4", "unpack it first: lz4 -d"],
  ["\x1f\x9d", "packed by compress", "unpack it first: uncompress"],
  ["LZIP", "packed by lzip", "unpack it first: lzip -d"],
  ["\xff\x06\0\0sNaPpY", "packed by snappy", "unpack it first"],
  ["ARROW1", "an Arrow file", "write it as Parquet or CSV"],
  ["FEA1", "a Feather file", "write it as Parquet or CSV"],
  ["ORC", "an ORC file", "write it as Parquet or CSV"],
  ["Obj\x01", "an Avro file", "write it as Parquet or CSV"],
  ["SQLite format 3\0", "an SQLite database", "export the table of events as CSV"],
  ["\x89HDF\r\n", "an HDF5 file", "write it as Parquet or CSV"],
  ["\x93NUMPY", "an array of NumPy", "write it as Parquet or CSV"],
  ["RDX2\n", "a file of R's", "write it as CSV: write.csv"],
  ["RDX3\n", "a file of R's", "write it as CSV: write.csv"],
  ["X\n\0\0\0", "a file of R's", "write it as CSV: write.csv"],
  ["\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook (.xls)", "save it as CSV UTF-8"],
  ["%PDF-", "a PDF", "a CSV or Parquet file is read"],
  ["\x89PNG\r\n", "an image", "a CSV or Parquet file is read"],
  ["\xff\xff\xff\xff", "a stream of Arrow's", "write it as Parquet or CSV"],
  ["PARE", "an encrypted Parquet file", "write it without encryption"],
  ["version https://git-lfs", "a pointer of Git LFS, not the file itself", "fetch it: git lfs pull"],
];

export function kindOf(beginning: Uint8Array): Kind {
  const bytes = Buffer.from(beginning).toString("latin1");
  const other = (what: string, help: string): Kind => ({ is: "other", what, help });
  if (bytes.startsWith("PAR1")) return { is: "parquet" };
  if (/^BZh[1-9](1AY&SY|.rE8P\x90)/s.test(bytes)) return { is: "packed", by: "bzip2" };
  if (bytes.slice(1, 4) === "\x2a\x4d\x18" && (bytes.charCodeAt(0) & 0xf0) === 0x50)
    return { is: "packed", by: "zstd" }; // a frame to be skipped
  const packed = packings.find(([start]) => bytes.startsWith(start));
  if (packed) return { is: "packed", by: packed[1] };
  const kind = others.find(([start]) => bytes.startsWith(start));
  if (kind) return other(kind[1], kind[2]);
  if (bytes.slice(257, 262) === "ustar")
    return other("a tar archive", "unpack it first (tar xf), and name the file of events");
  if (bytes.slice(8, 12) === "DUCK")
    return other("a DuckDB database", "export the table of events: COPY events TO 'events.parquet'");
  if (bytes.startsWith("\x80") && "\x02\x03\x04\x05".includes(bytes[1] ?? "-"))
    return other("a pickle of Python", "write it as Parquet or CSV: to_parquet, to_csv");
  if (/^(\xef\xbb\xbf)?\s*<(!doctype html|html|\?xml|error|svg|!--)/i.test(bytes))
    return other("a page of HTML or XML", "if it was downloaded, this is the server's answer and not the file");
  return { is: "text" };
}
