// `bench pipeline`: a world of a known data set's size from Kafka to answers, each stage by the processes that users
// start, with its rate, time, memory and disk beside what it may take.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PresetName, presetOf } from "../../../../shared/events/presets.ts";
import type { Until } from "../../../../shared/runtime/lifecycle.ts";
import { say } from "../../../../shared/runtime/terminal.ts";
import type { Figure } from "../figures.ts";
import { throughKafka, writtenAtOnce } from "./filling.ts";
import { type Limits, limitsOf } from "./limits.ts";
import { openWorkplace, type Stage } from "./measured.ts";
import { published, type Served, served, type Trained, trained, whereLogs } from "./stages.ts";

interface Size {
  readonly preset: PresetName;
  readonly from: "kafka" | "table";
  /** Absent: all of the preset's. */
  readonly events: number | undefined;
  readonly epochs: number;
  readonly trainers: number;
}

export interface PipelineFigures extends Pick<Served, "p50" | "p99" | "failures">, Pick<Trained, "checkpoint"> {
  readonly users: number;
  readonly items: number;
  readonly events: number;
  readonly limits: Limits;
  readonly stages: readonly Stage[];
}

export async function pipelineFigures(size: Size, until: Until): Promise<PipelineFigures> {
  const preset = presetOf(size.preset, size.events);
  const limits = limitsOf(size.preset, preset);
  const dir = mkdtempSync(join(tmpdir(), "tributary-bench-pipeline-"));
  const work = openWorkplace(until, whereLogs(dir));
  const given = { ...size, dir, users: preset.users, limits, work };
  const stages: Stage[] = [];
  const done = (...more: Stage[]) => {
    stages.push(...more);
    for (const { name, seconds } of more) say(`${name}: ${seconds.toFixed(1)} s`);
  };
  try {
    done(
      ...(size.from === "kafka"
        ? await throughKafka(dir, size.preset, preset, work, until)
        : await writtenAtOnce(dir, preset, until)),
    );
    const training = await trained(given);
    done(...training.stages);
    done(await published(given));
    const { stage, ...answers } = await served(given);
    done(stage);
    const { users, items, events } = preset;
    return { users, items, events, limits, stages, checkpoint: training.checkpoint, ...answers };
  } finally {
    await work.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

const LEAST_MINUTES = 3;

export function pipelineLines({ stages, checkpoint, limits, p50, p99, failures }: PipelineFigures): Figure[] {
  const atMost = (value: number | undefined) =>
    value === undefined ? {} : { limit: { is: "at most" as const, value } };
  const linesOf = ({ name, seconds, rate, peaks, disk, limit, memoryLimits }: Stage): Figure[] => [
    { name, value: seconds, unit: "s", ...atMost(limit) },
    ...(rate ? [{ name: `  ${rate.of} a second`, value: rate.perSecond, unit: "1/s" }] : []),
    ...Object.entries(peaks).map(([service, bytes]) => ({
      name: `  most memory of ${service}`,
      value: bytes / 1e6,
      unit: "MB",
      ...atMost(memoryLimits?.[service] && memoryLimits[service] / 1e6),
    })),
    ...(disk === undefined ? [] : [{ name: "  on disk", value: disk / 1e6, unit: "MB" }]),
  ];
  return [
    ...stages.flatMap(linesOf),
    {
      name: "checkpoints, a minute of training",
      value: checkpoint.bytesPerMinute / 1e6,
      unit: "MB",
      // the one at the end weighs more than all others of a run of seconds
      ...atMost(checkpoint.minutes < LEAST_MINUTES ? undefined : 250),
    },
    ...(checkpoint.pauseSeconds === null
      ? []
      : [{ name: "pause for the newest of them", value: 1000 * checkpoint.pauseSeconds, unit: "ms", ...atMost(200) }]),
    { name: "serve: an answer, p50", value: p50, unit: "ms", ...atMost(limits.p50) },
    { name: "serve: an answer, p99", value: p99, unit: "ms" },
    { name: "serve: failures", value: failures, unit: "", ...atMost(0) },
  ];
}
