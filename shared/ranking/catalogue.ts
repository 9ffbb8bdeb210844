// What top-k lists are like taken together, whoever gets them: how much of the catalogue they show, how surprising they
// are, how much goes to what everybody knows.

export interface CatalogueFigures {
  /** Share of all columns that stand in at least one list, in 0..1. */
  readonly coverage: number;
  /**
   * Mean self-information of all recommendations, in bits: -log2 of the share of training users who have the item. One
   * that no training user has counts as if one had it. NaN without recommendations.
   */
  readonly novelty: number;
  /**
   * Share of all recommendations that go to the 1 % of columns with the most training users (rounded up, ties by
   * column), in 0..1. NaN without recommendations.
   */
  readonly topShare: number;
}

export interface Catalogue<K extends number> {
  /** One user's list, best first, at least as long as the largest k where there are so many columns. */
  readonly see: (top: Int32Array) => void;
  figures(): Record<K, CatalogueFigures>;
}

/** `popularity`: training users of each column, [I], of `trainUsers` in all. */
export function openCatalogue<K extends number>(
  popularity: ArrayLike<number>,
  trainUsers: number,
  ks: readonly K[],
): Catalogue<K> {
  const items = popularity.length;
  const bits_I = Float64Array.from(popularity, (users) => Math.log2(trainUsers / Math.max(users, 1)));
  const isTop_I = topOf(popularity, Math.ceil(items / 100));
  /** The best rank that any list gave to a column. */
  const bestRank_I = new Int32Array(items).fill(items);
  const sums = ks.map(() => ({ recommendations: 0, bits: 0, top: 0 }));

  return {
    see(top) {
      top.forEach((column, rank) => {
        if (rank < bestRank_I[column]!) bestRank_I[column] = rank;
      });
      ks.forEach((k, at) => {
        const sum = sums[at]!;
        const length = Math.min(k, top.length);
        sum.recommendations += length;
        for (let rank = 0; rank < length; rank++) {
          sum.bits += bits_I[top[rank]!]!;
          sum.top += isTop_I[top[rank]!]!;
        }
      });
    },
    figures: () =>
      Object.fromEntries(
        ks.map((k, at) => {
          const { recommendations, bits, top } = sums[at]!;
          const shown = bestRank_I.reduce((count, rank) => count + (rank < Math.min(k, items) ? 1 : 0), 0);
          return [k, { coverage: shown / items, novelty: bits / recommendations, topShare: top / recommendations }];
        }),
      ) as Record<K, CatalogueFigures>,
  };
}

/** 1 for the `count` columns with the most users, 0 for the others, [I]. */
function topOf(popularity: ArrayLike<number>, count: number): Uint8Array {
  const isTop_I = new Uint8Array(popularity.length);
  const columns = [...isTop_I.keys()].sort((a, b) => popularity[b]! - popularity[a]! || a - b);
  for (const column of columns.slice(0, count)) isTop_I[column] = 1;
  return isTop_I;
}
