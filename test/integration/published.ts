// A small world for tests of evaluator and serve: a table of events, checkpoints made by hand, services as real
// processes.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { saveModel } from "../../shared/checkpoints/checkpoints.ts";
import { batchOf } from "../../shared/events/batch.ts";
import { Histories } from "../../shared/events/histories.ts";
import { discover } from "../../shared/http/registry.ts";
import { initialise, type Weights } from "../../shared/neural/parameters.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { type Spawned, spawnService } from "../../shared/runtime/spawn.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { openEvents, writeEvents } from "../../shared/table/events.ts";
import { type ServiceName, type StatusOf, statusAt } from "./said.ts";

const salt = "pepper";
const items = Array.from({ length: 40 }, (_, k) => `i${k}`);

/** 300 users; item k is had by about one user in k, or by whom `has` says. Returns what the users' histories are. */
export async function writeTable(
  tableDir: string,
  has = (user: number, item: number) => (user * 7919 + item * 104729) % (item + 2) === 0,
): Promise<Histories> {
  const rows = Array.from({ length: 300 }, (_, u) =>
    items.filter((_, k) => has(u, k)).map((item) => ({ user: `u${u}`, item })),
  ).flat();
  const batch = batchOf(
    rows.map((row, offset) => ({ ...row, timestamp: 1_700_000_000_000 + offset, value: null, partition: 0, offset })),
  );
  const table = await openEvents(tableDir);
  await table.commit({
    add: [await writeEvents(table.store, batch)],
    txn: [{ appId: "interactions/0", version: rows.length - 1 }],
    newestArrival: 1_700_000_100_000,
  });
  const histories = new Histories(salt);
  histories.append(batch, 0);
  return histories;
}

/** A real, untrained model of the table's items; `change` makes of it what the test needs. */
export async function writeCheckpoint(
  dataDir: string,
  step: number,
  histories: Histories,
  change: (weights: Weights) => void = () => {},
  { midRound = false, vocabulary = histories.vocabulary.items, tableVersion = 0 as number | null } = {},
): Promise<string> {
  const settings = { ...defaults, items: vocabulary.length, hidden: 16, latent: 8 };
  const config = recipeOf(settings);
  const weights = initialise(config, step);
  change(weights);
  const checkpoints = join(pathsOf(dataDir).training, "checkpoints");
  mkdirSync(checkpoints, { recursive: true });
  const dir = join(checkpoints, String(step).padStart(12, "0"));
  const facts = {
    config: settings,
    step,
    round: step,
    midRound,
    seed: 1,
    salt,
    tableVersion,
    watermark: 1_700_000_100_000,
    createdAt: step,
  };
  await saveModel(dir, weights, facts, vocabulary);
  return dir;
}

/** Makes a model score every item by its popularity, for everybody. */
export function popular(histories: Histories): (weights: Weights) => void {
  return (weights) => {
    weights["decoder.weight"]!.data.fill(0);
    weights["decoder.bias"]!.data.set(histories.popularity());
  };
}

export interface Service<S extends ServiceName> {
  readonly url: string;
  readonly process: Spawned;
  status(): Promise<StatusOf<S>>;
}

/** Starts the command as a process and waits until it has registered. */
export async function startService<S extends ServiceName>(
  command: S,
  dataDir: string,
  flags: readonly string[] = [],
): Promise<Service<S>> {
  const { run, logs } = pathsOf(dataDir);
  const process = spawnService(command, ["--data-dir", dataDir, "--http-port", "0", ...flags], {
    threads: 1,
    log: join(logs, `${command}.log`),
  });
  const url = await eventually(async () => discover(run).find((entry) => entry.pid === process.child.pid)?.url);
  return { url, process, status: () => statusAt(command, url) };
}

/** Asks again until there is an answer; fails after 20 s. */
export async function eventually<T>(ask: () => Promise<T | undefined | null | false>): Promise<T> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(50)) {
    const answer = await ask();
    if (answer) return answer;
  }
  throw new Error("it did not come about within 20 s");
}
