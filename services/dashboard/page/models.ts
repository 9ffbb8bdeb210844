// The table of published models, two of them side by side, and the way back to an earlier one. Asked for every few
// seconds: they change seldom.
import type { Difference } from "../../../shared/checkpoints/difference.ts";
import type { Line } from "../../../shared/checkpoints/lines.ts";
import { count, ratio } from "../../../shared/health/views/figures.ts";
import { mixInShort } from "../../../shared/health/views/mix.ts";
import type { ModelsAnswer } from "../models.ts";
import { ask } from "./asking.ts";
import { clock, find, make, write, writeWithCode } from "./elements.ts";
import { offerRollback } from "./rollback.ts";
import { makeTable } from "./table.ts";

const every = 5000;
const [from, to] = [find<HTMLSelectElement>("compare-from"), find<HTMLSelectElement>("compare-to")];
const compare = find<HTMLButtonElement>("compare");
const buttons = new Map<string, HTMLButtonElement>();
let askedAt = Number.NEGATIVE_INFINITY;
let chosen = false;

const show = makeTable({
  host: "models-table",
  label: "Table of models",
  columns: [
    { title: "Version" },
    { title: "In use" },
    { title: "Published" },
    ...["NDCG@100", "Popularity", "Round", "Step", "Items"].map((title) => ({ title, kind: "figure" as const })),
    { title: "Laid over" },
    { title: "Parent" },
    { title: "", kind: "controls" },
  ],
  empty: "none has been published: the evaluator publishes the first that is as good as popularity",
});

export function followModels(): void {
  if (performance.now() - askedAt < every) return;
  askedAt = performance.now();
  void refresh();
}

async function refresh(): Promise<void> {
  const answer = await ask<ModelsAnswer>("api/models");
  if ("hint" in answer) return write(find("models-note"), `${answer.message}; ${answer.hint}`);
  const { models, canRollBack } = answer;
  show([...models].reverse().map((line) => ({ id: line.version, cells: cellsOf(line, canRollBack) })));
  offerChoice(models);
  const how = canRollBack
    ? "Rolling back asks for an operator's token, and pins: nothing newer is published until `tributary models pin " +
      "--off`."
    : "Rolling back from here is off: start `tributary dashboard --token-file FILE`, or use `tributary models " +
      "rollback VERSION`.";
  writeWithCode(find("models-note"), how);
}

function cellsOf(line: Line, canRollBack: boolean) {
  const { version, current, pinned, publishedAt, step, round, items, standardError, popularity, parent, problem } =
    line;
  const { mix } = line;
  const ndcg = line["ndcg@100"];
  const marks = [current ? "✓ current" : "", pinned ? "pinned" : "", problem ? `! ${problem}` : ""].filter(
    (mark) => mark !== "",
  );
  return [
    version,
    marks.join(", ") || "–",
    { text: publishedAt === null ? "–" : `${day(publishedAt)} ${clock(publishedAt)}`, sort: publishedAt },
    { text: `${ratio(ndcg)}${standardError === null ? "" : ` ± ${ratio(standardError)}`}`, sort: ndcg },
    { text: ratio(popularity), sort: popularity },
    ...[count(round), count(step), count(items)],
    mixInShort(mix),
    parent ?? "–",
    canRollBack && !current && !problem ? buttonOf(version) : "",
  ];
}

const day = (at: number) => new Date(at).toLocaleDateString("en-GB", { day: "numeric", month: "short" });

function buttonOf(version: string): HTMLButtonElement {
  const existing = buttons.get(version);
  if (existing) return existing;
  const button = make("button", "quiet", "Roll back");
  button.type = "button";
  button.setAttribute("aria-label", `Roll back to ${version}`);
  button.addEventListener("click", () => offerRollback(version, refresh));
  buttons.set(version, button);
  return button;
}

/** Before somebody has chosen: what is current, and what was before. */
function offerChoice(models: readonly Line[]): void {
  find("compare-models").hidden = models.length < 2;
  const versions = models.map(({ version }) => version).reverse();
  for (const select of [from, to]) {
    if ([...select.options].map(({ value }) => value).join() === versions.join()) continue;
    const { value } = select;
    select.replaceChildren(...versions.map((version) => make("option", "", version)));
    if (versions.includes(value)) select.value = value;
  }
  if (chosen || models.length < 2) return;
  const current = models.find((line) => line.current) ?? models.at(-1)!;
  to.value = current.version;
  from.value = versions.includes(current.parent ?? "")
    ? current.parent!
    : versions.find((version) => version !== to.value)!;
}

for (const select of [from, to])
  select.addEventListener("change", () => {
    chosen = true;
  });

compare.addEventListener("click", async () => {
  chosen = true;
  compare.disabled = true;
  const answer = await ask<Difference>(`api/models/diff?a=${from.value}&b=${to.value}`);
  compare.disabled = false;
  if ("hint" in answer)
    return find("difference").replaceChildren(make("p", "problem", `${answer.message}; ${answer.hint}`));
  find("difference").replaceChildren(...differenceOf(answer));
});

function differenceOf({ from, to, metrics, changed, items, weights }: Difference): Node[] {
  const number = (value: number | null) => (value === null ? "–" : value.toFixed(4));
  const signed = (value: number | null) =>
    value === null ? "–" : `${value > 0 ? "+" : ""}${value.toFixed(4)}`.replace("-", "−");
  const moved = weights.map(({ name, relativeChange }) => [
    name,
    relativeChange === null ? "–" : relativeChange.toPrecision(3),
  ]);
  return [
    side(
      ["Metric", from, to, "Change"],
      metrics.map((each) => [each.name, number(each.from), number(each.to), signed(each.change)]),
    ),
    side(
      ["What else changed", from, to],
      [
        [
          "items",
          count(items.from),
          `${count(items.to)} (${count(items.added.length)} added, ${count(items.removed.length)} removed)`,
        ],
        ...changed.map((each) => [each.name, String(each.from), String(each.to)]),
      ],
    ),
    side(["Weights", "Moved by (relative, L2)"], moved),
  ];
}

function side(header: readonly string[], rows: readonly (readonly string[])[]): HTMLElement {
  const heads = header.map((title, k) => {
    const head = make("th", k === 0 ? "" : "figure", title);
    head.scope = "col";
    return head;
  });
  const body = rows.map((cells) => {
    const [name, ...others] = cells;
    const head = make("th", "", name!);
    head.scope = "row";
    return make("tr", "", head, ...others.map((text) => make("td", "figure", text)));
  });
  const card = make(
    "section",
    "card scroll",
    make("table", "", make("thead", "", make("tr", "", ...heads)), make("tbody", "", ...body)),
  );
  card.tabIndex = 0;
  card.setAttribute("aria-label", `${header[0]}: compared`);
  return card;
}
