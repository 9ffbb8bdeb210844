// One file of a zip archive, as a stream. yauzl, since the format has corners (zip64, sizes behind the data) and it is
// what most programs read archives by; checksums are ours to compare.
import type { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import yauzl, { type Entry, type ZipFile } from "yauzl";
import { AppError } from "../errors/errors.ts";
import type { Bytes } from "./kinds.ts";

/** Throws FILE_UNREADABLE where it is no archive, or holds several files and `name` is none of them. */
export async function memberOf(descriptor: number, path: string, name: string | undefined): Promise<() => Bytes> {
  const unreadable = (what: string, cause?: unknown) => new AppError("FILE_UNREADABLE", { what, path }, { cause });
  const entries = await entriesOf(descriptor).catch((error: Error) => {
    throw unreadable(`zip: ${error.message}`, error);
  });
  if (entries.some(({ entry }) => entry.fileName.startsWith("xl/")))
    throw unreadable("this is an Excel workbook: save it as CSV UTF-8");
  const files = entries.filter(({ entry }) => !/\/$|^__MACOSX\/|(^|\/)\.DS_Store$/.test(entry.fileName));
  const names = files.map(({ entry }) => entry.fileName);
  const found =
    name === undefined
      ? files.length === 1
        ? files[0]
        : undefined
      : files.find(({ entry }) => entry.fileName === name);
  if (!found) {
    const shown = `${names.slice(0, 9).join(", ")}${names.length > 9 ? ", ..." : ""}`;
    if (names.length === 0) throw unreadable("the zip archive holds no file");
    throw unreadable(
      `${name === undefined ? "the zip archive holds several files" : `the zip archive holds no "${name}"`}: ` +
        `--member names one of ${shown}`,
    );
  }
  if (found.entry.isEncrypted())
    throw unreadable(`"${found.entry.fileName}" in the zip archive is encrypted: unpack it first`);
  if (isForeign(found.entry))
    throw unreadable(
      `"${found.entry.fileName}" in the zip archive is packed by another method than deflate: unpack it first`,
    );
  return () => contents(found);
}

interface Found {
  readonly archive: ZipFile;
  readonly entry: Entry;
}

function entriesOf(descriptor: number): Promise<Found[]> {
  return new Promise((resolve, reject) => {
    yauzl.fromFd(descriptor, { lazyEntries: true, autoClose: false }, (error, archive) => {
      if (error) return reject(error);
      const found: Found[] = [];
      archive.on("error", reject);
      archive.on("end", () => resolve(found));
      archive.on("entry", (entry: Entry) => {
        found.push({ archive, entry });
        archive.readEntry();
      });
      archive.readEntry();
    });
  });
}

/** Methods that are none of ours: bzip2, LZMA, zstd. */
const isForeign = (entry: Entry) => entry.compressionMethod !== 0 && entry.compressionMethod !== 8;

async function* contents({ archive, entry }: Found): Bytes {
  const stream = await new Promise<Readable>((resolve, reject) => {
    archive.openReadStream(entry, (error, opened) => (error ? reject(error) : resolve(opened)));
  });
  let sum = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    sum = crc32(piece, sum);
    yield piece;
  }
  if (sum !== entry.crc32) throw new Error(`the checksum of "${entry.fileName}" does not match: it is damaged`);
}
