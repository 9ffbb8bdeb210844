// What a step costs, measured in a short run of a real server and real trainers: processor time by section, bytes
// beside the formula. For wire.ts and scale.ts.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { Until } from "../../../shared/runtime/lifecycle.ts";
import { defaults, recipeOf } from "../../../shared/systems/recvae/settings.ts";
import { devicesOf, type Reading, readingAfter, withCluster } from "./cluster.ts";
import { writeDataset } from "./dataset.ts";
import { trafficOfRun } from "./traffic.ts";
import { bytesBetween, cpuBetween, timingBetween, trainedPhases, trainerCpuBetween } from "./window.ts";

/** Milliseconds of processor time, by section of shared/runtime/cpu.ts. */
const sections = z.record(z.string(), z.number());
const phase = z.object({ steps: z.number(), server: sections, trainers: sections });
const traffic = z.object({ sent: z.number(), received: z.number() });

export const costsSchema = z.object({
  size: z.object({
    items: z.number(),
    batch: z.number(),
    perUser: z.number(),
    partSize: z.number(),
    trainers: z.number(),
  }),
  via: z.enum(["socket", "memory"]),
  /** What the trainers computed on. */
  device: z.string().default("an unknown device"),
  /** Of a step, all parts and all trainers together. */
  encoder: phase,
  decoder: phase,
  /** Of all steps of the run, scoring included. */
  bytes: z.object({ measured: traffic, formula: traffic }),
});
export type Costs = z.output<typeof costsSchema>;
type Size = Costs["size"];

const BATCHES = 8;
const HELD_OUT = 20;
const WARM_EPOCHS = 1;
const TIMED_EPOCHS = 1;

export async function measureCosts(size: Size, via: Costs["via"], until: Until): Promise<Costs> {
  const dir = mkdtempSync(join(tmpdir(), "tributary-bench-"));
  try {
    writeDataset(join(dir, "data"), { ...size, users: BATCHES * size.batch, heldOut: HELD_OUT });
    const sizes = ["--epochs", "1000", "--batch-size", String(size.batch), "--part-size", String(size.partSize)];
    const where = [
      "--data",
      join(dir, "data"),
      "--out",
      join(dir, "out"),
      ...(via === "socket" ? ["--no-shared-memory"] : []),
    ];
    return await withCluster(
      { dir, serverFlags: [...where, ...sizes], trainers: size.trainers },
      until,
      async (cluster) => {
        const start = await readingAfter(cluster, WARM_EPOCHS);
        return costsBetween(size, via, start, await readingAfter(cluster, WARM_EPOCHS + TIMED_EPOCHS));
      },
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function costsBetween(size: Size, via: Costs["via"], start: Reading, end: Reading): Costs {
  const [encoder, decoder] = trainedPhases.map((name) => {
    const { steps } = timingBetween(start.server, end.server, name);
    const ofStep = (seconds: Record<string, number>) =>
      Object.fromEntries(Object.entries(seconds).map(([section, value]) => [section, (1000 * value) / steps]));
    return {
      steps,
      server: ofStep(cpuBetween(start.server.cpu, end.server.cpu, [name])),
      trainers: ofStep(trainerCpuBetween(start, end, [name])),
    };
  }) as [Costs["encoder"], Costs["decoder"]];
  const { memory, ...socket } = bytesBetween(start.server, end.server);
  const measured = { sent: socket.sent + memory.sent, received: socket.received + memory.received };
  const copies = via === "memory" ? 1 : Math.min(size.trainers, Math.ceil(size.batch / size.partSize));
  const shape = { ...size, config: recipeOf({ ...defaults, items: size.items }), copies };
  const formula = trafficOfRun(shape, {
    encoder: encoder.steps,
    decoder: decoder.steps,
    scored: TIMED_EPOCHS * HELD_OUT,
  });
  return { size, via, device: devicesOf(end), encoder, decoder, bytes: { measured, formula } };
}
