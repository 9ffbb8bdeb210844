// The check of a GPU: one stage after the other while there is time, and the table. See check.sh.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bench, device, equality, golden, type Place, sizes, yardstick } from "./stages.ts";
import { type Row, tableOf } from "./table.ts";

/** Of all of it; what would begin later than LAST_START is left out. */
const [ALL, LAST_START] = [350, 320];
/** Of one bench. */
const MOST = 75;

const tiny = process.argv.includes("--tiny");
const startedAt = performance.now();
const seconds = () => (performance.now() - startedAt) / 1000;
const say = (line: string) => process.stderr.write(`${seconds().toFixed(0).padStart(4)} s  ${line}\n`);

/** A stage that falls over is a row too. */
const whole = (check: string, stage: Promise<Row[]>): Promise<Row[]> =>
  stage.catch((error: unknown): Row[] => [{ check, result: "FAILED", figure: String(error).slice(0, 200) }]);

async function check(place: Place): Promise<{ rows: Row[]; skipped?: string }> {
  const rows: Row[] = [];
  const add = (more: readonly Row[]) => {
    rows.push(...more);
    for (const { check, result, figure } of more) say(`${result}: ${check}: ${figure}`);
  };
  const found = await device(place);
  if (!tiny && (found.device === undefined || found.device === "CPU"))
    return { rows: [], skipped: `TensorFlow computes on no GPU here${found.why ? ` (${found.why})` : ""}` };
  add(found.rows);
  const both = [whole("golden numbers", golden(place)), whole("1 and 2 trainers", equality(place))];
  for (const more of await Promise.all(both)) add(more);
  let ours: number | undefined;
  const [first, ...others] = sizes;
  const benches = [
    ...[1, 2].map((trainers) => ({ size: first!, trainers })),
    ...[1, 2].flatMap((trainers) => others.map((size) => ({ size, trainers }))),
  ];
  for (const [k, { size, trainers }] of benches.entries()) {
    if (k === 2) add(await whole("PyTorch", yardstick(place, first!, ours, MOST)));
    if (seconds() > LAST_START) {
      add([
        { check: `bench train, ${size.name}, ${trainers} trainer(s)`, result: "SKIPPED", figure: "no time is left" },
      ]);
      continue;
    }
    const measured = bench(place, size, trainers, Math.min(MOST, ALL - seconds()));
    add(
      await whole(
        `bench train, ${size.name}`,
        measured.then((found) => found.rows),
      ),
    );
    const { outerEpochSeconds } = await measured.catch(() => ({ outerEpochSeconds: undefined }));
    if (k < 2 && outerEpochSeconds !== undefined) ours = Math.min(ours ?? outerEpochSeconds, outerEpochSeconds);
  }
  return { rows };
}

const dir = mkdtempSync(join(tmpdir(), "tributary-gpu-check-"));
try {
  const { rows, skipped } = await check({ dir, tiny });
  const bad = rows.filter(({ result }) => result === "FAILED" || result === "missed").length;
  if (skipped !== undefined) process.stdout.write(`SKIPPED: ${skipped}\n`);
  else
    process.stdout.write(
      `${tableOf(rows)}\n${bad === 0 ? "all good" : `${bad} of ${rows.length} not good`}, ${seconds().toFixed(0)} s\n`,
    );
  process.exitCode = bad === 0 ? 0 : 1;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
