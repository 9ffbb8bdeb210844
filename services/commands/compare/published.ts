// What was published on the paper's three data sets, as the systems' folders have it, to stand beside our own figures.
// Pure.
import type { DataSet } from "../../../shared/systems/benchmarked.ts";
import { findSystem, systemNames } from "../../../shared/systems/registry.ts";

/** `isRecalled`: quoted from memory, and not read again in the paper. */
export interface PublishedFigure {
  readonly value: number;
  readonly isRecalled: boolean;
}

/** Recall@20, Recall@50 and NDCG@100; null where nothing was published. */
export function publishedOf(model: string, data: DataSet): readonly (PublishedFigure | null)[] | null {
  const cells = findSystem(model)?.published?.[data].split(" ").map(figureOf);
  return cells?.some((cell) => cell !== null) ? cells : null;
}

function figureOf(cell: string): PublishedFigure | null {
  return cell === "-" ? null : { value: Number(cell.replace("~", "")), isRecalled: cell.startsWith("~") };
}

/**
 * Models of the paper's table from the best on ML-20M downwards, by NDCG@100: what another data set's order is held
 * against.
 */
export const paperOrder: readonly string[] = systemNames
  .filter((model) => findSystem(model)?.published?.inTable)
  .sort((a, b) => publishedOf(b, "ML-20M")![2]!.value - publishedOf(a, "ML-20M")![2]!.value);

/** SHA-256 of unique_sid.txt of the canonical split of ML-20M. */
const ML_20M = "b9f95107e156c2feaf78439ae302001abf13bdb480aeedcb0e4d8382f2f8b76f";
/**
 * Netflix and MSD are known by their users held out for each part and by their items, a few of which may stand in no
 * training row.
 */
const numbers: readonly { name: DataSet; items: number; heldOut: number }[] = [
  { name: "Netflix", items: 17_769, heldOut: 40_000 },
  { name: "MSD", items: 41_140, heldOut: 50_000 },
];

/** Null where the data is none of the paper's. */
export function knownAs(of: {
  readonly vocabularySha256: string;
  readonly items: number;
  readonly heldOut: number;
}): DataSet | null {
  if (of.vocabularySha256 === ML_20M) return "ML-20M";
  const found = numbers.find(
    ({ items, heldOut }) => of.heldOut === heldOut && of.items <= items && of.items > 0.99 * items,
  );
  return found?.name ?? null;
}
