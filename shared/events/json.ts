// Walks the JSON of a message byte by byte, without making anything of it: what a stranger sends costs its own length
// once, whatever it holds and however deep. JSON.parse makes an object of every `{}`: 10 MB of them took a gigabyte.
// Grammar: RFC 8259; that the bytes are UTF-8 is for the caller to know.

const QUOTE = 0x22;
const MINUS = 0x2d;
const ZERO = 0x30;
const BACKSLASH = 0x5c;
const [OPEN, CLOSE] = [0x7b, 0x7d];
const [OPEN_LIST, CLOSE_LIST] = [0x5b, 0x5d];
const [COLON, COMMA, POINT] = [0x3a, 0x2c, 0x2e];

/** Bytes that can be read by number; undefined after the last. */
type Bytes = ArrayLike<number>;

/**
 * Where the name of a field of the outermost object is, quotes included, and where its value is. `into` is the
 * caller's: a function made for each message would cost more than the walk.
 */
export type Tell<T> = (into: T, nameStart: number, nameEnd: number, start: number, end: number) => void;

/**
 * Tells of each field of the outermost object, in order. Nothing that was told counts unless the answer is "object".
 */
export function walkJson<T>(bytes: Bytes, tell: Tell<T>, into: T): "object" | "other" | "broken" {
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== OPEN) {
    const end = endOfValue(bytes, at);
    return end >= 0 && skipSpace(bytes, end) === bytes.length ? "other" : "broken";
  }
  at = skipSpace(bytes, at + 1);
  if (bytes[at] === CLOSE) at++;
  else
    for (;;) {
      const nameEnd = endOfString(bytes, at);
      const colon = nameEnd < 0 ? -1 : skipSpace(bytes, nameEnd);
      if (bytes[colon] !== COLON) return "broken";
      const start = skipSpace(bytes, colon + 1);
      const end = endOfValue(bytes, start);
      if (end < 0) return "broken";
      tell(into, at, nameEnd, start, end);
      at = skipSpace(bytes, end);
      if (bytes[at] === CLOSE) {
        at++;
        break;
      }
      if (bytes[at] !== COMMA) return "broken";
      at = skipSpace(bytes, at + 1);
    }
  return skipSpace(bytes, at) === bytes.length ? "object" : "broken";
}

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

export function skipSpace(bytes: Bytes, from: number): number {
  let at = from;
  while (bytes[at]! <= 0x20 && isSpace(bytes[at])) at++; // nothing is not below anything
  return at;
}

/**
 * What is open, a bit each, 1 for an object: as deep as the message is long, in an eighth of its size. One walk at a
 * time, so one array serves all.
 */
let open = new Uint8Array(64);

function opened(depth: number, isObject: boolean): number {
  if (depth >> 3 === open.length) {
    const more = new Uint8Array(2 * open.length);
    more.set(open);
    open = more;
  }
  const mask = 1 << (depth & 7);
  open[depth >> 3] = isObject ? open[depth >> 3]! | mask : open[depth >> 3]! & ~mask;
  return depth + 1;
}

/** Where the value at `from` ends, -1 when it is none. */
export function endOfValue(bytes: Bytes, from: number): number {
  let depth = 0;
  let at = from;
  for (;;) {
    const first = bytes[at];
    if (first === OPEN || first === OPEN_LIST) {
      const isObject = first === OPEN;
      at = skipSpace(bytes, at + 1);
      if (bytes[at] !== (isObject ? CLOSE : CLOSE_LIST)) {
        depth = opened(depth, isObject);
        if (isObject) at = startOfNamed(bytes, at);
        if (at < 0) return -1;
        continue;
      }
      at++;
    } else at = endOfScalar(bytes, at);
    if (at < 0) return -1;
    // a value is complete: so may be what it stands in
    for (;;) {
      if (depth === 0) return at;
      at = skipSpace(bytes, at);
      const isObject = ((open[(depth - 1) >> 3]! >> ((depth - 1) & 7)) & 1) === 1;
      if (bytes[at] === COMMA) {
        at = skipSpace(bytes, at + 1);
        if (isObject) at = startOfNamed(bytes, at);
        if (at < 0) return -1;
        break;
      }
      if (bytes[at] !== (isObject ? CLOSE : CLOSE_LIST)) return -1;
      depth--;
      at++;
    }
  }
}

/** Where the value of the name at `from` begins, -1 where there is no name. */
function startOfNamed(bytes: Bytes, from: number): number {
  const end = endOfString(bytes, from);
  const colon = end < 0 ? -1 : skipSpace(bytes, end);
  return bytes[colon] === COLON ? skipSpace(bytes, colon + 1) : -1;
}

function endOfScalar(bytes: Bytes, at: number): number {
  switch (bytes[at]) {
    case QUOTE:
      return endOfString(bytes, at);
    case 0x74:
      return endOfWord(bytes, at, TRUE);
    case 0x66:
      return endOfWord(bytes, at, FALSE);
    case 0x6e:
      return endOfWord(bytes, at, NULL);
    default:
      return endOfNumber(bytes, at);
  }
}

const [TRUE, FALSE, NULL] = ["true", "false", "null"].map((word) => new TextEncoder().encode(word)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

function endOfWord(bytes: Bytes, at: number, word: Uint8Array): number {
  for (let k = 0; k < word.length; k++) if (bytes[at + k] !== word[k]) return -1;
  return at + word.length;
}

/** 1 for what may follow a backslash, `u` apart. */
const escapes = Uint8Array.from({ length: 256 }, (_, byte) =>
  '"\\/bfnrt'.includes(String.fromCharCode(byte)) ? 1 : 0,
);

export function endOfString(bytes: Bytes, from: number): number {
  if (bytes[from] !== QUOTE) return -1;
  for (let at = from + 1; ; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === undefined || byte < 0x20) return -1;
    if (byte !== BACKSLASH) continue;
    const escaped = bytes[++at] ?? 0;
    if (escaped === 0x75) {
      for (let k = 1; k <= 4; k++) if (!isHex(bytes[at + k])) return -1;
      at += 4;
    } else if (escapes[escaped] !== 1) return -1;
  }
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= ZERO && byte <= 0x39;
const isHex = (byte: number | undefined): boolean =>
  isDigit(byte) || (byte !== undefined && (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);

function skipDigits(bytes: Bytes, from: number): number {
  let at = from;
  while (isDigit(bytes[at])) at++;
  return at;
}

function endOfNumber(bytes: Bytes, from: number): number {
  const first = bytes[from] === MINUS ? from + 1 : from;
  let at = bytes[first] === ZERO ? first + 1 : skipDigits(bytes, first);
  if (at === first) return -1;
  if (bytes[at] === POINT) {
    const decimals = at + 1;
    at = skipDigits(bytes, decimals);
    if (at === decimals) return -1;
  }
  if (((bytes[at] ?? 0) | 0x20) === 0x65) {
    const sign = bytes[at + 1];
    const power = sign === 0x2b || sign === MINUS ? at + 2 : at + 1;
    at = skipDigits(bytes, power);
    if (at === power) return -1;
  }
  return at;
}
