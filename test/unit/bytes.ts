// Safetensors in memory, whole: what tests put into files and take apart.
import type { Weights } from "../../shared/neural/parameters.ts";
import { decodeSafetensors, encodeSafetensors } from "../../shared/neural/safetensors.ts";

export const encoded = (weights: Weights, pieceBytes?: number) =>
  new Uint8Array(Buffer.concat([...encodeSafetensors(weights, pieceBytes)]));

export function decoded(bytes: Uint8Array, pieceBytes?: number): Promise<Weights> {
  let at = 0;
  const readOn = async (into: Uint8Array) => {
    expectWithin(pieceBytes, into.length);
    into.set(bytes.subarray(at, at + into.length));
    at += into.length;
  };
  return decodeSafetensors(bytes.length, readOn, { pieceBytes });
}

/** Headers are read whole; the tests' are small. */
function expectWithin(pieceBytes: number | undefined, length: number): void {
  if (pieceBytes !== undefined && length > Math.max(pieceBytes, 16_384))
    throw new Error(`${length} bytes at once, not ${pieceBytes}`);
}
