// Arrays that belong together and lie apart: a step's parts, a tensor's segments.

/** Puts the pieces one after another into an array that has room for them, and returns it. */
export function joined<T extends Float32Array | Uint32Array | Int32Array>(into: T, pieces: Iterable<T>): T {
  let at = 0;
  for (const piece of pieces) {
    into.set(piece, at);
    at += piece.length;
  }
  return into;
}
