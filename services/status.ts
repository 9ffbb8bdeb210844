// `tributary status`: the dashboard's picture in a terminal. Asks every registered service once; reads only.
import { z } from "zod";
import { askAll } from "../shared/runtime/answers.ts";
import type { Figure } from "../shared/picture/boxes.ts";
import { defineCommand } from "../shared/runtime/command.ts";
import { duration } from "../shared/picture/figures.ts";
import { latencyLine } from "../shared/picture/latency.ts";
import { ingestLines } from "../shared/picture/ingest-lines.ts";
import { noMemory } from "../shared/picture/memory.ts";
import { pathsOf } from "../shared/runtime/paths.ts";
import { prequentialLine } from "../shared/picture/prequential.ts";
import { type Picture, pictureOf } from "../shared/picture/picture.ts";
import { flowOf } from "../shared/picture/statuses.ts";
import { trainingLines } from "../shared/picture/training-lines.ts";

/** A trainer answers between two kernels. */
const patience = 4000;

export const command = defineCommand({
  name: "status",
  summary: "What runs, how far, how fresh",
  options: z.object({
    dataDir: z.string().default(".tributary").describe("the data directory whose services are asked"),
    json: z.boolean().default(false).describe("the whole picture as JSON on stdout"),
  }),
  async run(config) {
    const paths = pathsOf(config.dataDir);
    const flow = flowOf(await askAll(paths.run, patience), Date.now());
    const picture = pictureOf(flow, noMemory);
    if (config.json) process.stdout.write(`${JSON.stringify(picture)}\n`);
    else if (picture.services.length === 0) process.stdout.write(`nothing runs in ${paths.root}\n`);
    else process.stdout.write(textOf(picture));
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
