// `npm run soak`: `up` under a stream, struck by a plan of faults, then left alone and measured. Ends with a report,
// and exit code 0 only when every verdict holds.
import { randomUUID } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";
import { AppError } from "../../shared/errors/errors.ts";
import { assertPortFree, freePort } from "../../shared/http/port.ts";
import { svgOf } from "../../shared/plots/svg.ts";
import { defineCommand, readConfig } from "../../shared/runtime/command.ts";
import { run } from "../../shared/runtime/lifecycle.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { account } from "./account.ts";
import { openDisk } from "./disk.ts";
import { soakFigure } from "./figure.ts";
import { holds, judge } from "./judge.ts";
import { planOf, SHORTEST } from "./plan.ts";
import { remainsOf, sharedBy } from "./remains.ts";
import { reportOf } from "./report.ts";
import { soak } from "./soak.ts";
import { endAll, MARK, processesOf } from "./tree.ts";

/**
 * Of a disk that is to hold what half an hour leaves: models, checkpoints and Kafka's log; a megabyte a second beside.
 */
const MEGABYTES = 768;

const command = defineCommand({
  name: "soak",
  summary: "`up` under faults, then in peace, with verdicts",
  options: z.object({
    seconds: z.coerce
      .number()
      .int()
      .min(SHORTEST)
      .default(1800)
      .describe("how long; memory is judged from half an hour on"),
    seed: z.coerce.number().int().min(0).default(1337).describe("decides what is struck, how and when"),
    rate: z.coerce.number().positive().default(1000).describe("events a second"),
    out: z.string().default(".soak").describe("folder of the report"),
  }),
  run: async (config, until) => {
    if (process.platform !== "linux") throw new AppError("USAGE", { what: "a soak reads /proc, which only Linux has" });
    const folder = mkdtempSync(join(tmpdir(), "tributary-soak-"));
    const [mark, temporary, out] = [randomUUID(), join(folder, "temporary"), resolve(config.out)];
    for (const each of [temporary, out]) mkdirSync(each, { recursive: true });
    const disk = openDisk(join(folder, "disk"), MEGABYTES + config.seconds);
    const dataDir = join(disk.folder, "data");
    const startedAt = new Date().toISOString();
    process.once("exit", () => {
      for (const { pid } of processesOf(mark)) process.kill(pid, "SIGKILL"); // a second Ctrl-C waits for nobody
      disk.close();
    });
    const say = (text: string) => void process.stderr.write(`${text}\n`);
    try {
      const flow = { dataDir, mark, temporary, port: await portOfTwo(), rate: config.rate, log: join(out, "up.log") };
      const { sent, lastFault, pids, ...seen } = await soak(
        planOf(config.seconds, config.seed),
        { flow, disk, folder, say },
        until,
      );
      if (until.signal.aborted) {
        process.exitCode = 130;
        return say("stopped: without a verdict");
      }
      const left = [...seen.left, ...remainsOf(dataDir, temporary, mark, lastFault), ...sharedBy(pids)];
      say("the stream is read to its end, and counted");
      const evidence = { ...seen, left, rows: await account(dataDir, sent, { [MARK]: mark, TMPDIR: temporary }) };
      const verdicts = judge(evidence);
      const gigabytes = Math.round(totalmem() / 2 ** 30);
      const machine = `${availableParallelism()} cores, ${gigabytes} GB, Node ${process.version}`;
      const report = { ...config, startedAt, machine, marks: seen.marks, evidence, verdicts };
      writeFileSync(join(out, "soak.md"), reportOf(report));
      writeFileSync(join(out, "soak.json"), `${JSON.stringify(report)}\n`);
      writeFileSync(join(out, "soak.svg"), await svgOf(soakFigure(seen.samples, seen.marks)));
      for (const { holds, name, told } of verdicts)
        process.stdout.write(`${holds === undefined ? "–" : holds ? "✓" : "✗"} ${name}: ${told}\n`);
      process.stdout.write(`report: ${join(out, "soak.md")}\n`);
      if (!holds(verdicts)) process.exitCode = 1;
    } finally {
      await endAll(mark);
      if (existsSync(pathsOf(dataDir).logs)) cpSync(pathsOf(dataDir).logs, join(out, "logs"), { recursive: true });
      disk.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
});

/** Free, and the next one too, which serve takes. */
async function portOfTwo(): Promise<number> {
  const port = await freePort();
  const isFree =
    port < 65_535 &&
    (await assertPortFree(port + 1).then(
      () => true,
      () => false,
    ));
  return isFree ? port : await portOfTwo();
}

await run((until) => command.run(readConfig(command, process.argv.slice(2), process.env), until));
