// EASE (Steck 2019): an item-to-item model with a closed solution, the reference line of evaluations. Shapes: B users, I items. Source: spec/baselines.md.
// P = (X'X + lambda 1)^-1, weights_ij = -P_ij / P_jj with a diagonal of zeros, scores = X weights.
import type { Engine } from "../engine/engine.ts";

/** A matrix of so many items squared fits 6 GB with what its inversion needs, and takes minutes rather than hours. */
export const largestEase = 20_000;
/** What MovieLens-1M and Netflix like best. */
export const usualLambda = 1000;

export interface Ease {
  /** [I x I], from the item that a user has to the item that is scored. */
  readonly weights_II: Float32Array;
  /** Scores of B users over all items, [B x I] by rows. */
  scoreBatch(foldIns: readonly Int32Array[]): Float32Array;
  dispose(): void;
}

/** Null when the model can be solved here, else why not, in words that follow "left out: ". */
export function easeObstacle(engine: Engine, items: number): string | null {
  if (!engine.inverse) return `the ${engine.name} engine has no kernel that inverts a matrix`;
  if (items > largestEase) return `${items} items are more than ${largestEase}`;
  return null;
}

/** `rows`: distinct columns of each train user. Takes 4 bytes x I x I on the engine, three to five times that while it is solved. */
export function solveEase(engine: Engine, rows: Iterable<Int32Array>, items: number, lambda = usualLambda): Ease {
  const { tf } = engine;
  if (!engine.inverse) throw new Error(`no inverse on the ${engine.name} engine`);
  const gram_II = tf.tensor2d(cooccurrences(rows, items, lambda), [items, items]);
  const inverse_II = engine.inverse(gram_II);
  gram_II.dispose();
  const quotient_II = tf.tidy(() => {
    const diagonal = Int32Array.from({ length: items }, (_, column) => column * (items + 1));
    const diagonal_I = tf.gather(inverse_II.reshape([items * items]), tf.tensor1d(diagonal, "int32"));
    return tf.div(inverse_II, tf.neg(diagonal_I)) as typeof inverse_II;
  });
  inverse_II.dispose();
  // x / -x is exactly -1: taking it away leaves exactly 0.
  const weights_II = engine.subtractAt(
    quotient_II,
    Array.from({ length: items }, (_, column) => Int32Array.of(column)),
    new Float32Array(items).fill(-1),
  );
  quotient_II.dispose();
  return {
    get weights_II() {
      return weights_II.dataSync<"float32">();
    },
    scoreBatch(foldIns) {
      const scores_BI = engine.sumRows(weights_II, foldIns);
      const scores = scores_BI.dataSync<"float32">();
      scores_BI.dispose();
      return scores;
    },
    dispose: () => weights_II.dispose(),
  };
}

/** X'X + lambda 1, [I x I]: users who have both items. Whole numbers below 2^24, so float32 holds them exactly. */
function cooccurrences(rows: Iterable<Int32Array>, items: number, lambda: number): Float32Array {
  const counts_II = new Float32Array(items * items);
  for (const row of rows) {
    const columns = row.slice().sort();
    for (let a = 0; a < columns.length; a++) {
      const start = columns[a]! * items;
      for (let b = a; b < columns.length; b++) counts_II[start + columns[b]!]!++;
    }
  }
  for (let a = 0; a < items; a++) {
    counts_II[a * items + a]! += lambda;
    for (let b = a + 1; b < items; b++) counts_II[b * items + a] = counts_II[a * items + b]!;
  }
  return counts_II;
}
