// The names of an event's four fields, known by their bytes: for the scanner of the usual shape, and for the walk over
// the unusual ones.

export const USER = 1;
export const ITEM = 2;
export const TIMESTAMP = 4;
export const VALUE = 8;

const QUOTE = 0x22;

/**
 * Which of the four fields is named here, without escapes; 0 for none. Letter by letter: a loop over the expected name
 * would cost a third of the scan.
 */
export function fieldAt(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) return 0;
  switch (bytes[at + 1]) {
    case 0x75:
      return four(bytes, at + 2, 0x73, 0x65, 0x72, QUOTE) ? USER : 0;
    case 0x69:
      return four(bytes, at + 2, 0x74, 0x65, 0x6d, QUOTE) ? ITEM : 0;
    case 0x74:
      return four(bytes, at + 2, 0x69, 0x6d, 0x65, 0x73) &&
        four(bytes, at + 6, 0x74, 0x61, 0x6d, 0x70) &&
        bytes[at + 10] === QUOTE
        ? TIMESTAMP
        : 0;
    case 0x76:
      return four(bytes, at + 2, 0x61, 0x6c, 0x75, 0x65) && bytes[at + 6] === QUOTE ? VALUE : 0;
    default:
      return 0;
  }
}

function four(bytes: Uint8Array, at: number, a: number, b: number, c: number, d: number): boolean {
  return bytes[at] === a && bytes[at + 1] === b && bytes[at + 2] === c && bytes[at + 3] === d;
}
