// What was published on the paper's three data sets, to stand beside our own figures. Pure.

export const dataSets = ["ML-20M", "Netflix", "MSD"] as const;
export type DataSet = (typeof dataSets)[number];

/** `isRecalled`: quoted from memory, and not read again in the paper. */
export interface PublishedFigure {
  readonly value: number;
  readonly isRecalled: boolean;
}

/**
 * Recall@20, Recall@50 and NDCG@100 on ML-20M, Netflix and MSD, in the order of the paper's table (Shenbin et al., WSDM 2020); iALS and popularity from papers on the
 * same splits. A tilde: recalled, see above. A dash: not there, or the authors' run did not finish.
 */
const table: readonly (readonly [model: string, ...figures: [string, string, string]])[] = [
  ["warp", "~.314 ~.466 ~.341", "~.270 ~.365 ~.306", "~.206 ~.302 ~.249"],
  ["lambdanet", "~.395 ~.534 ~.427", "~.352 ~.441 ~.386", "~.259 ~.355 ~.308"],
  ["wmf", "~.360 ~.498 ~.386", "~.316 ~.404 ~.351", "~.211 ~.312 ~.257"],
  ["slim", "~.370 ~.495 ~.401", "~.347 ~.428 ~.379", "- - -"],
  ["cdae", "~.391 ~.523 ~.418", "~.343 ~.428 ~.376", "~.188 ~.283 ~.237"],
  ["mult-dae", ".387 .524 .419", ".344 .438 .380", "~.266 ~.363 ~.313"],
  ["mult-vae", ".395 .537 .426", ".351 .444 .386", "~.266 ~.364 .316"],
  ["ract", "~.403 ~.543 ~.434", "~.357 ~.450 ~.392", "~.268 ~.364 ~.319"],
  ["ease", ".391 .521 .420", ".362 .445 .393", "~.333 ~.428 .389"],
  ["recvae", ".414 .553 .442", ".361 .452 .394", "~.276 ~.374 .326"],
  ["ials", "~.395 ~.532 ~.425", "- - -", "~.309 ~.415 ~.368"],
  ["popularity", "- - ~.191", "- - ~.159", "- - ~.058"],
];
/** Of the rows above, those that are none of the paper's. */
const elsewhere = ["ials", "popularity"];

/** By metric, in the order of the table's columns; null where nothing was published. */
export function publishedOf(model: string, data: DataSet): readonly (PublishedFigure | null)[] | null {
  const row = table.find(([name]) => name === model);
  const cells = row?.[1 + dataSets.indexOf(data)]?.split(" ").map(figureOf);
  return cells?.some((cell) => cell !== null) ? cells : null;
}

function figureOf(cell: string): PublishedFigure | null {
  return cell === "-" ? null : { value: Number(cell.replace("~", "")), isRecalled: cell.startsWith("~") };
}

/** Models of the paper's table from the best on ML-20M downwards, by NDCG@100: what another data set's order is held against. */
export const paperOrder: readonly string[] = table
  .map(([model]) => model)
  .filter((model) => !elsewhere.includes(model))
  .sort((a, b) => publishedOf(b, "ML-20M")![2]!.value - publishedOf(a, "ML-20M")![2]!.value);

/** SHA-256 of unique_sid.txt of the canonical split of ML-20M. */
const ML_20M = "b9f95107e156c2feaf78439ae302001abf13bdb480aeedcb0e4d8382f2f8b76f";
/** Netflix and MSD are known by their users held out for each part and by their items, a few of which may stand in no training row. */
const numbers: readonly { name: DataSet; items: number; heldOut: number }[] = [
  { name: "Netflix", items: 17_769, heldOut: 40_000 },
  { name: "MSD", items: 41_140, heldOut: 50_000 },
];

/** Null where the data is none of the paper's. */
export function knownAs(of: { readonly vocabularySha256: string; readonly items: number; readonly heldOut: number }): DataSet | null {
  if (of.vocabularySha256 === ML_20M) return "ML-20M";
  const found = numbers.find(({ items, heldOut }) => of.heldOut === heldOut && of.items <= items && of.items > 0.99 * items);
  return found?.name ?? null;
}
