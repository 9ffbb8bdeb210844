// Each held-out user's metrics in one evaluation, as a Parquet file that any reader opens; one file an epoch in a
// folder. Written by `train`, the evaluator and `evaluate`, read by `plot`, and by `forget`.
// Columns: part (validation, test, temporal), scorer (model, served, popularity, ease, popularNow, coVisits), user,
// epoch, step (both 0 where the weights do not say), and one for each metric, null without a target.
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { openError } from "../disk/opening.ts";
import { writeWhole } from "../disk/whole-file.ts";
import { AppError } from "../errors/errors.ts";
import { rowsOf, type Text, textOf } from "../events/text.ts";
import { columnsIn, decodeParquet, encodeParquet } from "../storage/parquet.ts";
import type { TableSchema } from "../storage/schema.ts";

/** One scorer on one part of the held-out users: value k of each metric is user k's. */
export interface Scored {
  readonly part: "validation" | "test" | "temporal";
  readonly scorer: string;
  readonly users: readonly string[];
  readonly metrics: Readonly<Record<string, ArrayLike<number>>>;
}

/** Where the run stood: outer epochs completed, and steps. */
export interface Standing {
  readonly epoch: number;
  readonly step: number;
}

export const perUserSchema: TableSchema = [
  { name: "part", type: "string", about: "validation, test or temporal" },
  {
    name: "scorer",
    type: "string",
    about: "model, served (with what is laid over it), popularity, ease, popularNow or coVisits",
  },
  { name: "user", type: "string", about: "by name" },
  { name: "epoch", type: "integer", about: "outer epochs of the run; 0 where the weights do not say" },
  { name: "step", type: "long", about: "steps of the run; 0 where the weights do not say" },
];
const metricColumn = (name: string) => ({ name, type: "double" }) as const;

/** The file appears as a whole. All of `scored` have the same metrics. */
export async function writePerUser(path: string, standing: Standing, scored: readonly Scored[]): Promise<void> {
  await writeWhole(path, encodePerUser(standing, scored));
}

function encodePerUser({ epoch, step }: Standing, scored: readonly Scored[]): Uint8Array {
  const metrics = Object.keys(scored[0]?.metrics ?? {});
  const users = scored.flatMap((each) => each.users);
  const each = (value: (one: Scored) => string) => textOf(scored.flatMap((one) => one.users.map(() => value(one))));
  const columns = {
    part: each(({ part }) => part),
    scorer: each(({ scorer }) => scorer),
    user: textOf(users),
    epoch: new Int32Array(users.length).fill(epoch),
    step: new Float64Array(users.length).fill(step),
    ...Object.fromEntries(
      metrics.map((name) => [name, Float64Array.from(scored.flatMap((one) => Array.from(one.metrics[name]!)))]),
    ),
  };
  return encodeParquet([...perUserSchema, ...metrics.map(metricColumn)], columns, users.length).bytes;
}

const testOf = (dir: string) => join(dir, "test.parquet");
const pathOf = (dir: string, epoch: number) => join(dir, `epoch-${String(epoch).padStart(6, "0")}.parquet`);

/** Writes an epoch's file, in place of one of the same epoch, and forgets the oldest beyond the newest `kept`. */
export async function keepEpoch(
  dir: string,
  standing: Standing,
  scored: readonly Scored[],
  kept = Number.POSITIVE_INFINITY,
): Promise<void> {
  await writePerUser(pathOf(dir, standing.epoch), standing, scored);
  const epochs = await listEpochs(dir);
  for (const old of epochs.slice(0, Math.max(0, epochs.length - kept))) await rm(pathOf(dir, old), { force: true });
}

/** The test users of a run's best epoch. */
export const keepTest = (dir: string, standing: Standing, scored: Scored): Promise<void> =>
  writePerUser(testOf(dir), standing, [scored]);

/** Epochs whose file is in the folder, ascending; none where there is no folder. */
export async function listEpochs(dir: string): Promise<number[]> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names
    .flatMap((name) => /^epoch-(\d{6,})\.parquet$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/**
 * What an epoch's file says of the model's validation users in one metric; users without a target are left out. Throws
 * FILE_MISSING, FILE_UNREADABLE.
 */
export const readEpoch = (dir: string, epoch: number, metric: string): Promise<Map<string, number>> =>
  readUsers(pathOf(dir, epoch), "validation", metric);

/** What `keepTest` kept of the test users, likewise. */
export const readTest = (dir: string, metric: string): Promise<Map<string, number>> =>
  readUsers(testOf(dir), "test", metric);

async function readUsers(path: string, part: Scored["part"], metric: string): Promise<Map<string, number>> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw openError(error, path);
  });
  const schema = [...perUserSchema.filter(({ type }) => type === "string"), metricColumn(metric)];
  const { rows, columns } = decoded(schema, bytes, path);
  const [parts, scorer, user] = ["part", "scorer", "user"].map((name) => rowsOf(columns[name] as Text, rows)) as [
    string[],
    string[],
    string[],
  ];
  const values = columns[metric] as Float64Array;
  const wanted = user.flatMap((name, k): [string, number][] =>
    parts[k] === part && scorer[k] === "model" && !Number.isNaN(values[k]) ? [[name, values[k]!]] : [],
  );
  return new Map(wanted);
}

/**
 * Writes the files of the folder that name the user anew, without them. How many there were. Throws FILE_UNREADABLE.
 */
export async function eraseUser(dir: string, user: string): Promise<number> {
  let files = 0;
  for (const epoch of await listEpochs(dir)) {
    const path = pathOf(dir, epoch);
    const bytes = await readFile(path);
    const schema = [...perUserSchema, ...metricsOf(bytes, path).map(metricColumn)];
    const { rows, columns } = decoded(schema, bytes, path);
    const users = rowsOf(columns.user as Text, rows);
    const kept = users.flatMap((name, k) => (name === user ? [] : [k]));
    if (kept.length === rows) continue;
    const text = (name: string) => {
      const all = rowsOf(columns[name] as Text, rows);
      return textOf(kept.map((k) => all[k]!));
    };
    const without = schema.map(({ name, type }) => {
      if (type === "string") return [name, text(name)];
      const values = columns[name] as Float64Array | Int32Array;
      return [
        name,
        type === "integer" ? Int32Array.from(kept, (k) => values[k]!) : Float64Array.from(kept, (k) => values[k]!),
      ];
    });
    await writeWhole(path, encodeParquet(schema, Object.fromEntries(without), kept.length).bytes);
    files++;
  }
  return files;
}

function metricsOf(bytes: Uint8Array, path: string): string[] {
  try {
    return columnsIn(bytes).filter((name) => !perUserSchema.some((column) => column.name === name));
  } catch (error) {
    throw unreadable(error, path);
  }
}

const unreadable = (error: unknown, path: string) =>
  new AppError(
    "FILE_UNREADABLE",
    { what: `no evaluation of ours (${(error as Error).message})`, path },
    { cause: error },
  );

function decoded(schema: TableSchema, bytes: Uint8Array, path: string) {
  try {
    return decodeParquet(schema, bytes);
  } catch (error) {
    throw unreadable(error, path);
  }
}
