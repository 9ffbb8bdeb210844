// `tributary status`: the health of the flow in a terminal, as the dashboard shows it. Asks every registered service
// once, or again and again; reads only.
import { z } from "zod";
import { askAll } from "../../shared/health/answers.ts";
import { flowOf } from "../../shared/health/facts/flow.ts";
import { worstOf } from "../../shared/health/rules/problem.ts";
import type { Figure } from "../../shared/health/views/figures.ts";
import { duration } from "../../shared/health/views/figures.ts";
import { type Health, healthOf } from "../../shared/health/views/health.ts";
import { ingestLines } from "../../shared/health/views/ingest-lines.ts";
import { latencyLine } from "../../shared/health/views/latency.ts";
import { mixLine } from "../../shared/health/views/mix.ts";
import { prequentialLine, referenceLines } from "../../shared/health/views/prequential.ts";
import { nothingRemembered, remember } from "../../shared/health/views/remember.ts";
import { trainingLines } from "../../shared/health/views/training-lines.ts";
import { defineCommand } from "../../shared/runtime/command.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import { folder } from "../../shared/runtime/location.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";

/** A trainer answers between two kernels. */
const patience = 4000;
/** ms between two looks of --watch: a terminal is redrawn, a file or a pipe gets one text after another. */
const pause = () => (process.stdout.isTTY ? 2000 : 5000);
const clear = "\x1b[H\x1b[2J\x1b[3J";

export const command = defineCommand({
  name: "status",
  summary: "What runs, how far, how fresh",
  options: z.object({
    dataDir: folder().default(".tributary").describe("the data directory whose services are asked"),
    json: z.boolean().default(false).describe("all of it as JSON on stdout"),
    watch: z
      .boolean()
      .default(false)
      .describe("look again every 2 s (elsewhere than on a terminal every 5) until Ctrl-C"),
  }),
  async run({ dataDir, json, watch }, until) {
    const paths = pathsOf(dataDir);
    let memory = nothingRemembered;
    for (;;) {
      const flow = flowOf(await askAll(paths.run, patience), Date.now());
      if (until.signal.aborted) return;
      if (watch) memory = remember(memory, flow);
      const health = healthOf(flow, memory);
      const text = health.services.length === 0 ? `nothing runs in ${paths.root}\n` : textOf(health);
      process.stdout.write(
        json ? `${JSON.stringify(health)}\n` : `${watch && process.stdout.isTTY ? clear : ""}${text}`,
      );
      if (!watch) return;
      await sleep(pause(), until.signal);
      if (until.signal.aborted) return;
    }
  },
});

const symbols = { ok: "✓", starting: "…", empty: "○", amber: "!", red: "✕", off: "○" } as const;

function textOf({
  verdict,
  problems,
  boxes,
  tiles,
  latencies,
  prequential,
  mix,
  ingest,
  training,
  services,
  at,
}: Health): string {
  const latency = latencyLine(latencies);
  const laid = mixLine(mix, at);
  const worst = worstOf(problems); // the verdict says it
  return [
    `${symbols[verdict.state]} ${verdict.word}. ${verdict.headline}`,
    ...(verdict.hint === null ? [] : [`  ${verdict.hint}`]),
    ...problems.filter((each) => each !== worst).map(({ reason, level }) => `${symbols[level]} ${reason}`),
    "",
    ...tiles.map(row),
    ...(latency === undefined ? [] : [`  ${latency}`]),
    ...(prequential === null
      ? []
      : [prequentialLine(prequential), ...referenceLines(prequential)].map((line) => `  ${line}`)),
    ...(laid === undefined ? [] : [`  ${laid}`]),
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
