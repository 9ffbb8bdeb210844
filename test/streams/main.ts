// How a stream would have been served: by parts of it recall@20 and NDCG@100 of what arrives, of the published model,
// of what is served and of the references, with paired standard errors. See docs/results/streams.md.
// npm run streams -- FILE [parts=130000,282000,...] [perVersion=6000] [users=5000] ...
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { byUser } from "../../shared/judging/window.ts";
import { paired } from "../../shared/ranking/paired.ts";
import { type Line, type Ranker, rankers, replay } from "./replay.ts";

const usual = {
  parts: "130000,282000,500000,800000,1130000",
  perVersion: "6000",
  every: "4",
  late: "3",
  ranked: "60",
  hidden: "600",
  latent: "200",
  users: "5000",
};
const [path, ...others] = process.argv.slice(2);
const values: typeof usual = { ...usual, ...Object.fromEntries(others.map((each) => each.split("="))) };
const ends = values.parts.split(",").map(Number);

/** The first so many rows of a CSV file with the columns `user` and `item`. */
async function read(path: string, most: number): Promise<{ user: string; item: string }[]> {
  const bytes = createReadStream(path);
  const rows = createInterface({ input: path.endsWith(".gz") ? bytes.pipe(createGunzip()) : bytes });
  const events: { user: string; item: string }[] = [];
  let columns: { user: number; item: number } | undefined;
  for await (const row of rows) {
    const cells = row.split(",");
    if (!columns) columns = { user: cells.indexOf("user"), item: cells.indexOf("item") };
    else events.push({ user: cells[columns.user]!, item: cells[columns.item]! });
    if (events.length === most) break;
  }
  bytes.destroy();
  return events;
}

function figures(lines: readonly Line[], ranker: Ranker, metric: "recall" | "ndcg"): string {
  const mean = lines.reduce((sum, line) => sum + line[ranker][metric], 0) / lines.length;
  const less = byUser(
    lines,
    ({ user }) => user,
    (line) => line.served[metric] - line[ranker][metric],
  );
  const { mean: lead, standardError } = paired(less);
  return `${mean.toFixed(3)} (served ${lead < 0 ? "" : "+"}${lead.toFixed(3)} ± ${standardError.toFixed(3)})`;
}

const engine = await openEngine({ threads: 1 });
const lines = await replay(
  engine,
  await read(path!, ends.at(-1)!),
  {
    perVersion: Number(values.perVersion),
    everyVersions: Number(values.every),
    lateVersions: Number(values.late),
    ranked: Number(values.ranked),
  },
  { hidden: Number(values.hidden), latent: Number(values.latent), usersPerRound: Number(values.users) },
  (text) => process.stderr.write(`${text}\n`),
);
ends.forEach((end, k) => {
  const part = lines.filter(({ event }) => event < end && event >= (ends[k - 1] ?? 0));
  if (part.length === 0) return;
  process.stdout.write(`events ${ends[k - 1] ?? 0} to ${end}, ${part.length} arrivals: recall@20; NDCG@100\n`);
  for (const [ranker, name] of Object.entries(rankers) as [Ranker, string][])
    process.stdout.write(`  ${name}: ${figures(part, ranker, "recall")}; ${figures(part, ranker, "ndcg")}\n`);
});
