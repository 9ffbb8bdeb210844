// What each `bench WHAT` measures and prints, by what was asked for.
import { readFileSync } from "node:fs";
import { z } from "zod";
import { AppError } from "../../../shared/errors/errors.ts";
import { presets } from "../../../shared/events/presets.ts";
import type { Until } from "../../../shared/runtime/lifecycle.ts";
import { decide, initial } from "../../../shared/training/leases.ts";
import { costsSchema, measureCosts } from "./costs.ts";
import { engineFigures } from "./engine.ts";
import { faultsFigures, faultsLines } from "./faults.ts";
import { type Figure, lineOf } from "./figures.ts";
import { freshFigures, freshLines } from "./fresh.ts";
import { ingestFigures, ingestLines } from "./ingest.ts";
import type { Config } from "./options.ts";
import { pipelineFigures, pipelineLines } from "./pipeline/pipeline.ts";
import { replayFigures, replayLines } from "./replay.ts";
import { scaleRows, scaleTable } from "./scale.ts";
import { serveFigures, serveLines } from "./serve.ts";
import { trainFigures, trainLines } from "./train.ts";
import { wireFigures, wireLines } from "./wire.ts";

/** What `--json` prints, and the same for people: a title and lines. */
interface Result {
  readonly figures: object;
  text(): string;
}

const result = (figures: object, title: string, lines: () => readonly Figure[]): Result => ({
  figures,
  text: () => [title, ...lines().map(lineOf)].join("\n"),
});

export const benches: Record<Config["what"], (config: Config, until: Until) => Promise<Result>> = {
  engine: async (config) => {
    const { engine, device, figures } = await engineFigures(config);
    return result({ engine, device, figures }, engine, () => figures);
  },
  train: async (config, until) => {
    const size = {
      ...config,
      ...shapeOf(config),
      trainers: single(config.trainers ?? [2], 64),
      every: config.every ?? 8,
    };
    const figures = await trainFigures(size, until);
    const title =
      `${figures.engine} on ${figures.device}, ${size.trainers} trainer(s), ${size.items} items, ` +
      `batches of ${size.batch}, --sync ${size.sync}`;
    return result(figures, title, () => trainLines(figures, size));
  },
  ingest: async (config, until) => {
    const { events = EVENTS } = config;
    const figures = await ingestFigures({ ...config, events }, until);
    const title = `${events} events in ${config.partitions} partitions, --memory ${config.memory}`;
    return result(figures, title, () => ingestLines(figures));
  },
  replay: async (config, until) => {
    const figures = await replayFigures({ ...config, events: config.events ?? EVENTS }, until);
    const { partitions, compression } = config;
    const packed = compression === undefined ? "" : `, packed with ${compression}`;
    const title = `${figures.events} events into ${partitions} partitions${packed}`;
    return result(figures, title, () => replayLines(figures));
  },
  wire: async (config, until) => {
    const size = {
      ...config,
      partSize: config.users,
      trainers: single(config.trainers ?? [2], 64),
      every: counted(config, 8),
    };
    const figures = await wireFigures(size, until);
    const { trainers, items, batch, partSize } = size;
    const cut = `batches of ${batch} in parts of ${partSize}`;
    const title = `${figures.device}, ${trainers} trainer(s), ${items} items, ${cut}`;
    return result(figures, title, () => wireLines(figures));
  },
  serve: async (config, until) => {
    const size = { ...config, seconds: config.seconds ?? 5 };
    const figures = await serveFigures(size, until);
    const title =
      `serve on one thread and ${figures.device}, ${size.items} items, histories of ${size.perUser}, ` +
      "each of its clients asks on when it is answered";
    return result(figures, title, () => serveLines(figures));
  },
  fresh: async (config, until) => {
    const size = {
      rate: config.rate,
      trainers: single(config.trainers ?? [2], 64),
      seconds: config.seconds ?? 60,
    };
    const figures = await freshFigures(size, until);
    const how = `up at ${size.rate} events/s with ${size.trainers} trainers`;
    const title = `${how}, ${size.seconds} s from the first model on`;
    return result(figures, title, () => freshLines(figures));
  },
  pipeline: async ({ preset = "ml20m", from, events, epochs, trainers = [2] }, until) => {
    const size = { preset, from, events, epochs, trainers: single(trainers, 64) };
    const figures = await pipelineFigures(size, until);
    const { users, items } = figures;
    const title =
      `${preset}: ${figures.events} events of ${users} users and ${items} items, ` +
      `${size.trainers} trainer(s), from ${from}`;
    return result(figures, title, () => pipelineLines(figures));
  },
  scale: async (config, until) => {
    const { items, perUser, users: partSize, batch, bandwidth, latency: latencyMs } = config;
    const costs = config.costs
      ? costsOf(config.costs)
      : await measureCosts({ items, batch, perUser, partSize, trainers: 2 }, "socket", until);
    const trainers = config.trainers ?? [1, 2, 4, 8, 16, 32, 64];
    const rows = scaleRows({ decide, initial }, costs, { trainers, bandwidth, latencyMs, every: counted(config, 8) });
    const title =
      `Simulated: ${costs.size.items} items, costs measured by ${costs.via} on ${costs.device}, ` +
      "the server on one thread; efficiency against one trainer of the same mode and link";
    return { figures: { device: costs.device, costs, rows }, text: () => `${title}\n${scaleTable(rows)}` };
  },
  faults: async (config, until) => {
    const size = {
      seconds: config.seconds ?? 180,
      trainers: single(config.trainers ?? [4], 64),
      every: counted(config, 5),
    };
    const figures = await faultsFigures(size, until);
    return result(figures, `${figures.device}, ${size.trainers} trainers, a fault every ${size.every} s`, () =>
      faultsLines(figures),
    );
  },
};

/** Of the topic, where nothing else is said. */
const EVENTS = 1_000_000;

/** Of a known data set, with a tenth of its users held out for each of validation and test. */
function shapeOf({ preset }: Config): Partial<Pick<Config, "items" | "perUser" | "epochUsers">> {
  if (preset === undefined) return {};
  const { users, items, events } = presets[preset];
  return { items, perUser: Math.round(events / users), epochUsers: Math.round(0.8 * users) };
}

/** Throws USAGE: only trainers choose by what it costs. */
function counted({ what, every }: Config, usual: number): number {
  if (every === "auto") throw new AppError("USAGE", { what: `bench ${what}: --every is a number` });
  return every ?? usual;
}

function single(list: readonly number[], most: number): number {
  const [only, ...others] = list;
  if (only === undefined || others.length > 0 || only > most)
    throw new AppError("USAGE", {
      what: `--trainers ${list}: this bench takes one number, at most ${most}`,
      command: "bench",
    });
  return only;
}

function costsOf(path: string) {
  const parsed = z
    .object({ steps: z.object({ socket: costsSchema }) })
    .safeParse(JSON.parse(readFileSync(path, "utf8")));
  if (!parsed.success)
    throw new AppError("USAGE", { what: `--costs ${path}: not what \`bench wire --json\` prints`, command: "bench" });
  return parsed.data.steps.socket;
}
