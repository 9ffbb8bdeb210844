// The words of strangers in a terminal: control characters are escaped, so that no message moves the cursor or hides
// what it is. Pure.

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** One line of `most` characters at most; what was cut off is a "…". */
export function printable(text: string, most: number): string {
  let line = "";
  for (const character of text) {
    const shown = /[\p{C}\p{Zl}\p{Zp}]/u.test(character)
      ? (short[character] ?? `\\u{${character.codePointAt(0)!.toString(16)}}`)
      : character;
    if (line.length + shown.length > most) return `${line}…`;
    line += shown;
  }
  return line;
}

/** The same, whole. */
export const onOneLine = (text: string): string => printable(text, Number.POSITIVE_INFINITY);

/** Null where the bytes are no UTF-8. */
export function textIn(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

/** The same of bytes; those of no text are \xff. */
export function printableBytes(bytes: Uint8Array, most: number): string {
  const text = textIn(bytes);
  if (text !== null) return printable(text, most);
  const pieces = Array.from(bytes.subarray(0, most + 1), (byte) =>
    byte < 0x20 || byte > 0x7e ? `\\x${byte.toString(16).padStart(2, "0")}` : String.fromCharCode(byte),
  );
  return printable(pieces.join(""), most);
}
