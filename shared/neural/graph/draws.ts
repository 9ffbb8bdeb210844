// The draws of shared/compute/draws.ts as nodes: the same numbers, of the same keys, made where they are used. 32-bit
// words in int64, whose product of two is whole. Shapes: B users, N entries of their rows, L latent.

import { purposes } from "../../compute/draws.ts";
import type { Node } from "../../compute/graph/node.ts";
import {
  add,
  at,
  bitAnd,
  bitXor,
  cast,
  columns,
  constant,
  cosine,
  log,
  multiply,
  notLess,
  placesOf,
  reshape,
  rowsAt,
  shiftRight,
  sine,
  squareRoot,
  stack,
} from "../../compute/graph/operations.ts";

/** What names a step's draws: the seed's lower and upper half and the step, each int32. */
export interface DrawKey {
  readonly seedLow: Node;
  readonly seedHigh: Node;
  readonly step: Node;
}

type Words = readonly [Node, Node, Node, Node];
const WORD = 2 ** 32;

/** The lower 32 bits of a whole number. */
const word = (a: Node) => bitAnd(cast(a, "int64"), WORD - 1);

function philox([c0, c1, c2, c3]: Words, { seedLow, seedHigh }: DrawKey): Words {
  const keys = [word(seedLow), word(seedHigh)] as const;
  const keyOf = (which: 0 | 1, round: number, step: number) => word(add(keys[which], (round * step) % WORD));
  for (let round = 0; round < 10; round++) {
    const [first, second] = [multiply(c0, 0xd2511f53), multiply(c2, 0xcd9e8d57)];
    const high = (product: Node) => word(shiftRight(product, 32));
    [c0, c1, c2, c3] = [
      bitXor(bitXor(high(second), c1), keyOf(0, round, 0x9e3779b9)),
      word(second),
      bitXor(bitXor(high(first), c3), keyOf(1, round, 0xbb67ae85)),
      word(first),
    ];
  }
  return [c0, c1, c2, c3];
}

/** Four words of each block of each user's, in shapes that spread over each other. */
function drawn(block: Node, user: Node, key: DrawKey, purpose: number): Words {
  return philox([word(block), word(user), word(key.step), constant([purpose], "int64", [])], key);
}

/** Standard normal draws of the users, `[B, L]`. */
export function noise(users_B: Node, latent: number, key: DrawKey): Node {
  const blocks = Math.ceil((latent + 1) / 4);
  const block_1K = constant([...Array(blocks).keys()], "int32", [1, blocks]);
  const user_B1 = reshape(users_B, [users_B.shape[0]!, 1]);
  const words = drawn(block_1K, user_B1, key, purposes.noise);
  const pairs = [boxMuller(words[0], words[1]), boxMuller(words[2], words[3])];
  const all_BK4 = stack(pairs.flat());
  return cast(columns(reshape(all_BK4, [users_B.shape[0]!, 4 * blocks]), 0, latent), "float32");
}

function boxMuller(a: Node, b: Node): Node[] {
  const radius = squareRoot(multiply(log(multiply(add(cast(a, "float64"), 0.5), 1 / WORD)), -2));
  const angle = multiply(cast(b, "float64"), (2 * Math.PI) / WORD);
  return [multiply(radius, cosine(angle)), multiply(radius, sine(angle))];
}

/** Which entries dropout keeps, 1 or 0, `[N]`: `place_N` in the row of its user, `owner_N` among the users. */
export function keepMask(users_B: Node, owner_N: Node, place_N: Node, rate: number, key: DrawKey): Node {
  const words = drawn(shiftRight(place_N, 2), rowsAt(users_B, owner_N), key, purposes.dropout);
  const which_N2 = stack([placesOf(owner_N), bitAnd(place_N, 3)]);
  return cast(notLess(at(stack(words), which_N2), Math.ceil(rate * WORD)), "float32");
}
