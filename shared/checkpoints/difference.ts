// What changed from one published version to another: metrics, items, configuration, and how far each tensor moved.
// `models diff` and the dashboard tell it.
import { systemOf } from "../systems/registry.ts";
import { loadModel, type Model } from "./checkpoints.ts";
import { below, flattened } from "./leaves.ts";
import { modelFolder } from "./models.ts";
import type { ModelRecord } from "./records.ts";

type Leaf = string | number | boolean | null;

export interface Difference {
  readonly from: string;
  readonly to: string;
  readonly metrics: readonly {
    readonly name: string;
    readonly from: number | null;
    readonly to: number | null;
    readonly change: number | null;
  }[];
  /** What else the manifests say differently. */
  readonly changed: readonly { readonly name: string; readonly from: Leaf; readonly to: Leaf }[];
  readonly items: {
    readonly from: number;
    readonly to: number;
    readonly added: readonly string[];
    readonly removed: readonly string[];
  };
  /**
   * |to - from| / |from| of each tensor, over the items that both have; null where it has another shape, or was all
   * zero.
   */
  readonly weights: readonly { readonly name: string; readonly relativeChange: number | null }[];
}

/** Reads both models whole. Throws CHECKPOINT_CORRUPT. */
export async function differenceOf(modelsDir: string, from: ModelRecord, to: ModelRecord): Promise<Difference> {
  const [before, after] = [
    await loadModel(await modelFolder(modelsDir, from.version)),
    await loadModel(await modelFolder(modelsDir, to.version)),
  ];
  const [old, now] = [new Set(before.vocabulary), new Set(after.vocabulary)];
  return {
    from: from.version,
    to: to.version,
    metrics: metricsOf(below(from.metrics, "metrics"), below(to.metrics, "metrics")),
    changed: changesOf(from, to),
    items: {
      from: old.size,
      to: now.size,
      added: after.vocabulary.filter((item) => !old.has(item)),
      removed: before.vocabulary.filter((item) => !now.has(item)),
    },
    weights: movesOf(before, after),
  };
}

function metricsOf(from: object, to: object): Difference["metrics"] {
  const numbers = (figures: object) =>
    new Map(flattened(figures).filter((pair): pair is [string, number] => typeof pair[1] === "number"));
  const [before, after] = [numbers(from), numbers(to)];
  return [...new Set([...before.keys(), ...after.keys()])].map((name) => {
    const [a, b] = [before.get(name) ?? null, after.get(name) ?? null];
    return { name, from: a, to: b, change: a === null || b === null ? null : b - a };
  });
}

function changesOf({ manifest: from }: ModelRecord, { manifest: to }: ModelRecord): Difference["changed"] {
  const facts = ({ sha256: _hashes, published: _published, vocabulary: _items, ...rest }: ModelRecord["manifest"]) =>
    new Map(flattened(rest));
  const [before, after] = [facts(from), facts(to)];
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((name) => ({ name, from: before.get(name) ?? null, to: after.get(name) ?? null }))
    .filter((each) => each.from !== each.to);
}

function movesOf(before: Model, after: Model): Difference["weights"] {
  const perItem = new Set(systemOf(before.manifest.model).perItem(before.manifest.config));
  const columns = new Map(after.vocabulary.map((item, column) => [item, column]));
  return Object.entries(before.weights).map(([name, { shape, data }]) => {
    const other = after.weights[name];
    const [rows, width] = perItem.has(name) ? [shape[0]!, data.length / shape[0]!] : [1, data.length];
    if (!other || other.data.length / (perItem.has(name) ? other.shape[0]! : 1) !== width)
      return { name, relativeChange: null };
    let [moved, size] = [0, 0];
    for (let row = 0; row < rows; row++) {
      const there = perItem.has(name) ? columns.get(before.vocabulary[row]!) : 0;
      if (there === undefined) continue;
      for (let k = 0; k < width; k++) {
        const value = data[row * width + k]!;
        moved += (other.data[there * width + k]! - value) ** 2;
        size += value ** 2;
      }
    }
    return { name, relativeChange: moved === 0 ? 0 : size === 0 ? null : Math.sqrt(moved / size) };
  });
}
