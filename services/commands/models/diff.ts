// `models diff`: a difference as a text. Pure.
import type { Difference } from "../../../shared/checkpoints/difference.ts";
import { aligned } from "../../../shared/health/views/columns.ts";
import { printable } from "../../../shared/runtime/printable.ts";

const shown = 10;

export function differenceText({ from, to, metrics, changed, items, weights }: Difference): string {
  const number = (value: number | null) => (value === null ? "–" : value.toFixed(4));
  const signed = (value: number | null) => (value === null ? "–" : `${value < 0 ? "" : "+"}${value.toFixed(4)}`);
  const names = (all: readonly string[]) =>
    all.length === 0
      ? ""
      : ` (${all
          .slice(0, shown)
          .map((item) => printable(item, 60))
          .join(", ")}${all.length > shown ? ", …" : ""})`;
  return [
    aligned([
      ["metrics", from, to, "change"],
      ...metrics.map((each) => [`  ${each.name}`, number(each.from), number(each.to), signed(each.change)]),
    ]),
    `items  ${items.from} -> ${items.to}: ${items.added.length} added${names(items.added)}, ` +
      `${items.removed.length} removed${names(items.removed)}\n`,
    aligned([["changed", "", ""], ...changed.map((each) => [`  ${each.name}`, String(each.from), String(each.to)])]),
    aligned([
      ["weights", "relative change (L2), over the items that both have"],
      ...weights.map(({ name, relativeChange }) => [
        `  ${name}`,
        relativeChange === null ? "–" : relativeChange.toPrecision(3),
      ]),
    ]),
  ].join("\n");
}
