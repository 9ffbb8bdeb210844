// Bytes to text: which encoding they are in, told by a byte order mark, by where zeros stand, or by the user; and a
// decoder that says where bytes are none of it. Pure.
import { isAscii, isUtf8 } from "node:buffer";
import { AppError } from "../errors/errors.ts";

export interface Decoded {
  readonly text: string;
  /** Some bytes of it were no text, and stand as U+FFFD. */
  readonly isDamaged: boolean;
}

export interface Decoder {
  /** `last`: nothing follows. */
  decode(bytes: Uint8Array, last: boolean): Decoded;
}

/** The name of an encoding as the user wrote it, to the name that the platform knows it by. Throws USAGE. */
export function encodingNamed(name: string): string {
  const label = name.toLowerCase() === "utf-16" ? "utf-16le" : name;
  try {
    return new TextDecoder(label).encoding;
  } catch (error) {
    const what =
      `--encoding "${name}" is not known: utf-8, utf-16le, utf-16be, windows-1252 (latin1), shift_jis, ` +
      "gb18030, ...";
    throw new AppError("USAGE", { what }, { cause: error });
  }
}

/**
 * By the beginning of a file. A mark counts whatever the user says; without one, every second byte of UTF-16 is a zero
 * where most letters are Latin.
 */
export function encodingOf(beginning: Uint8Array, named: string | undefined): string {
  const [a, b, c, d] = beginning;
  if ((a === 0xff && b === 0xfe && c === 0 && d === 0) || (a === 0 && b === 0 && c === 0xfe && d === 0xff))
    throw new AppError("CSV_MALFORMED", { what: "the text is UTF-32; save it as UTF-8" });
  if (a === 0xff && b === 0xfe) return "utf-16le";
  if (a === 0xfe && b === 0xff) return "utf-16be";
  if (a === 0xef && b === 0xbb && c === 0xbf) return "utf-8";
  if (named !== undefined) return named;
  const sample = beginning.subarray(0, 4096);
  const zeros = [0, 0];
  sample.forEach((byte, at) => {
    if (byte === 0) zeros[at % 2]!++;
  });
  const many = sample.length / 5;
  if (zeros[1]! > many && zeros[0]! <= zeros[1]! / 10) return "utf-16le";
  if (zeros[0]! > many && zeros[1]! <= zeros[0]! / 10) return "utf-16be";
  return "utf-8";
}

/** A mark at the beginning is taken off. */
export function decoderOf(encoding: string): Decoder {
  const decode = encoding === "utf-8" ? utf8() : encoding === "windows-1252" ? windows1252 : others(encoding);
  let isFirst = true;
  return {
    decode: (bytes, last) => {
      const decoded = decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), last);
      if (!isFirst || decoded.text === "") return decoded;
      isFirst = false;
      return decoded.text.startsWith("\ufeff") ? { ...decoded, text: decoded.text.slice(1) } : decoded;
    },
  };
}

type Decode = (bytes: Buffer, last: boolean) => Decoded;

function utf8(): Decode {
  let rest = Buffer.alloc(0);
  return (bytes, last) => {
    const joined = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    const end = last ? joined.length : wholeCharacters(joined);
    rest = Buffer.from(joined.subarray(end));
    const part = joined.subarray(0, end);
    // one byte a character, in memory too
    if (isAscii(part)) return { text: part.toString("latin1"), isDamaged: false };
    return { text: part.toString("utf8"), isDamaged: !isUtf8(part) };
  };
}

/** Where a character begins that is not all there yet, or the end. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) break;
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** By a table of our own: some versions of Node take it for Latin-1, and 27 characters differ. */
const windows1252: Decode = (bytes) => ({
  text: bytes
    .toString("latin1")
    .replace(/[\x80-\x9f]/g, (c) => "€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ"[c.charCodeAt(0) - 0x80]!),
  isDamaged: false,
});

function others(encoding: string): Decode {
  const decoder = new TextDecoder(encoding, { ignoreBOM: true });
  return (bytes, last) => {
    const text = decoder.decode(bytes, { stream: !last });
    return { text, isDamaged: text.includes("\ufffd") };
  };
}
