// A parameter server and trainers as users start them, and what their /status says: the ground under every bench that
// trains.
import type { z } from "zod";
import type { EngineName } from "../../../shared/compute/engine.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import { askProcess } from "../../../shared/health/answers.ts";
import { serverStatus } from "../../../shared/health/status/server.ts";
import { trainerStatus } from "../../../shared/health/status/trainer.ts";
import { sleep, type Until } from "../../../shared/runtime/lifecycle.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { type Spawned, spawnService } from "../../../shared/runtime/spawn.ts";

const ofServer = serverStatus.pick({
  ...{ listen: true, step: true, round: true, epochs: true },
  ...{ timings: true, cpu: true, bytes: true, peakMemoryBytes: true },
});
export type ServerStatus = z.output<typeof ofServer>;
/** Seconds by section, by account: shared/runtime/cpu.ts. */
export type Accounts = ServerStatus["cpu"];

const ofTrainer = trainerStatus.pick({
  ...{ engine: true, device: true, cpu: true },
  ...{ compileSeconds: true, peakMemoryBytes: true },
});
type TrainerStatus = z.output<typeof ofTrainer>;

export interface Cluster {
  readonly server: Spawned;
  /** In the order in which they were started; whoever ends one takes it out. */
  readonly trainers: Spawned[];
  startTrainer(): Spawned;
  /** Asks the server until the answer is good. Throws SERVICE_DIED when it ends before. */
  when(isGood: (status: ServerStatus) => boolean): Promise<ServerStatus>;
  /** Of those that answer. */
  statusOfTrainers(): Promise<TrainerStatus[]>;
}

/** All statuses at one moment. */
export interface Reading {
  readonly server: ServerStatus;
  readonly trainers: readonly TrainerStatus[];
}

interface Wanted {
  /** Where they register, and where their logs go with `logged`. */
  readonly dir: string;
  readonly serverFlags: readonly string[];
  readonly trainers: number;
  /** Absent: each chooses. */
  readonly engine?: EngineName | undefined;
  /** Their warnings are part of the matter, and would drown the figures. */
  readonly logFile?: string;
}

const POLL_MS = 200;
const ANSWER_MS = 10_000;

/** Runs `body` beside a server and trainers of one thread each; whatever happens, none of them is left. */
export async function withCluster<T>(
  { dir, serverFlags, trainers: count, engine, logFile }: Wanted,
  until: Until,
  body: (cluster: Cluster) => Promise<T>,
): Promise<T> {
  const where = ["--data-dir", dir];
  const output = logFile === undefined ? { quiet: true } : { log: logFile };
  const server = spawnService("server", [...serverFlags, "--listen", "127.0.0.1:0", ...where], output);
  const trainers: Spawned[] = [];
  const statusOf = <S extends z.ZodType>(service: Spawned, schema: S) =>
    askProcess(pathsOf(dir).run, service.child.pid, schema, ANSWER_MS);
  const when: Cluster["when"] = async (isGood) => {
    while (server.running && !until.signal.aborted) {
      const answer = await statusOf(server, ofServer);
      if (answer !== undefined && isGood(answer)) return answer;
      if (trainers.length > 0 && trainers.every(({ running }) => !running))
        throw new AppError("SERVICE_DIED", { what: "every trainer ended before it was measured", service: "trainer" });
      await Promise.race([sleep(POLL_MS, until.signal), server.exited]);
    }
    throw new AppError("SERVICE_DIED", { what: "the server ended before it was measured", service: "server" });
  };
  try {
    const { listen } = await when(() => true);
    const startTrainer = () => {
      const flags = ["--server", listen, "--threads", "1", ...(engine ? ["--engine", engine] : []), ...where];
      const trainer = spawnService("trainer", flags, { ...output, threads: 1 });
      trainers.push(trainer);
      return trainer;
    };
    for (let k = 0; k < count; k++) startTrainer();
    const statusOfTrainers = async () =>
      (await Promise.all(trainers.map((trainer) => statusOf(trainer, ofTrainer)))).filter(
        (status) => status !== undefined,
      );
    return await body({ server, trainers, startTrainer, when, statusOfTrainers });
  } finally {
    await Promise.all([...trainers, server].map((each) => each.stop()));
  }
}

/** As soon as so many outer epochs are done. */
export async function readingAfter(cluster: Cluster, epochs: number): Promise<Reading> {
  const server = await cluster.when((status) => status.epochs.length >= epochs);
  return { server, trainers: await cluster.statusOfTrainers() };
}

/** What trainers compute on, each device once. */
export const devicesOf = ({ trainers }: Pick<Reading, "trainers">): string =>
  [...new Set(trainers.map(({ device }) => device))].sort().join(", ");
