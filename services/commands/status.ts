// `tributary status`: the dashboard's picture in a terminal. Asks every registered service once, or again and again; reads only.
import { z } from "zod";
import { askAll } from "../../shared/health/answers.ts";
import type { Figure } from "../../shared/health/figures.ts";
import { duration } from "../../shared/health/figures.ts";
import { ingestLines } from "../../shared/health/ingest-lines.ts";
import { latencyLine } from "../../shared/health/latency.ts";
import { noMemory } from "../../shared/health/memory.ts";
import { type Picture, pictureOf } from "../../shared/health/picture.ts";
import { prequentialLine } from "../../shared/health/prequential.ts";
import { remember } from "../../shared/health/remember.ts";
import { flowOf } from "../../shared/health/statuses.ts";
import { trainingLines } from "../../shared/health/training-lines.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import { folder } from "../../shared/runtime/location.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";

/** A trainer answers between two kernels. */
const patience = 4000;
/** ms between two looks of --watch: a terminal is redrawn, a file or a pipe gets one picture after another. */
const pause = () => (process.stdout.isTTY ? 2000 : 5000);
const clear = "\x1b[H\x1b[2J\x1b[3J";

export const command = defineCommand({
  name: "status",
  summary: "What runs, how far, how fresh",
  options: z.object({
    dataDir: folder().default(".tributary").describe("the data directory whose services are asked"),
    json: z.boolean().default(false).describe("the whole picture as JSON on stdout"),
    watch: z.boolean().default(false).describe("look again every 2 s (elsewhere than on a terminal every 5) until Ctrl-C"),
  }),
  async run({ dataDir, json, watch }, until) {
    const paths = pathsOf(dataDir);
    let memory = noMemory;
    for (;;) {
      const flow = flowOf(await askAll(paths.run, patience), Date.now());
      if (until.signal.aborted) return;
      if (watch) memory = remember(memory, flow);
      const picture = pictureOf(flow, memory);
      const text = picture.services.length === 0 ? `nothing runs in ${paths.root}\n` : textOf(picture);
      process.stdout.write(json ? `${JSON.stringify(picture)}\n` : `${watch && process.stdout.isTTY ? clear : ""}${text}`);
      if (!watch) return;
      await sleep(pause(), until.signal);
      if (until.signal.aborted) return;
    }
  },
});

const symbols = { ok: "✓", starting: "…", empty: "○", amber: "!", red: "✕", off: "○" } as const;

function textOf({ verdict, problems, boxes, tiles, latencies, prequential, ingest, training, services, at }: Picture): string {
  const latency = latencyLine(latencies);
  const others = problems.filter(({ reason }) => reason !== verdict.headline);
  return [
    `${symbols[verdict.state]} ${verdict.word}. ${verdict.headline}`,
    ...(verdict.hint === null ? [] : [`  ${verdict.hint}`]),
    ...others.map(({ reason, level }) => `${symbols[level]} ${reason}`),
    "",
    ...tiles.map(row),
    ...(latency === undefined ? [] : [`  ${latency}`]),
    ...(prequential === null ? [] : [`  ${prequentialLine(prequential)}`]),
    "",
    ...boxes.map(row),
    "",
    ...(ingest ? [...ingestLines(ingest), ""] : []),
    ...(training ? [...trainingLines(training, at), ""] : []),
    ...services.map(({ service, state, pid, url, startedAt }) => {
      const running = duration((at - startedAt) / 1000);
      return `  ${service.padEnd(14)}${state.padEnd(22)}${running.padEnd(9)}process ${String(pid).padEnd(9)}${url}`;
    }),
    "",
  ].join("\n");
}

function row({ title, value, unit, detail, state, word }: Figure): string {
  const sign = state === "ok" ? "" : ` ${symbols[state]} ${word}`;
  return `  ${title.padEnd(14)}${[value, unit].join(" ").padEnd(22)}${detail}${sign}`;
}
