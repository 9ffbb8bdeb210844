// The course of a soak: chaos, a full disk, a wrong clock, peace. Lets the plan happen, and gathers what judge.ts
// needs.
import { sleep, type Until } from "../../shared/runtime/lifecycle.ts";
import { pathsOf } from "../../shared/runtime/paths.ts";
import { openAsker } from "./asker.ts";
import { strikeAll } from "./blows.ts";
import { openClock } from "./clock.ts";
import type { Disk } from "./disk.ts";
import type { Mark } from "./figure.ts";
import { type FlowOptions, goesOn, type RunningFlow, startFlow } from "./flow.ts";
import type { Evidence, Quiet } from "./judge.ts";
import { type Sent, sendOwnEvents } from "./own-events.ts";
import type { Plan } from "./plan.ts";
import { logsOf, registrationsIn } from "./remains.ts";
import { processesOf, type Sample } from "./tree.ts";

export interface Site {
  readonly flow: FlowOptions;
  readonly disk: Disk;
  readonly folder: string;
  say(text: string): void;
}

export interface Soaked extends Omit<Evidence, "rows"> {
  readonly marks: readonly Mark[];
  readonly sent: Sent;
  /** When the last fault was over, ms since 1970. */
  readonly lastFault: number;
  /** Of every process that was seen. */
  readonly pids: ReadonlySet<number>;
}

const TOLD_MS = 30_000;

export async function soak(plan: Plan, site: Site, { signal }: Until): Promise<Soaked> {
  const { flow: options, disk, folder } = site;
  const begin = performance.now();
  const now = () => (performance.now() - begin) / 1000;
  const say = (text: string) => site.say(`${String(Math.round(now())).padStart(5)} s  ${text}`);
  const [samples, marks, failures, left]: [Sample[], Mark[], string[], string[]] = [[], [], [], []];
  const skipped: Record<string, string> = {};
  const pids = new Set<number>();
  const failed = (what: string) => {
    failures.push(`at ${Math.round(now())} s ${what}`);
    say(`✗ ${what}`);
  };
  const told = (mark: Mark) => {
    marks.push(mark);
    say(mark.what);
  };

  const start = (environment: NodeJS.ProcessEnv = {}): RunningFlow => startFlow(options, environment, failed);
  let flow = start();
  const sample = () => {
    const processes = processesOf(options.mark);
    samples.push({ at: now(), processes });
    for (const { pid } of processes) pids.add(pid);
  };
  const length = plan.chaos.seconds + plan.disk.seconds + plan.clock.seconds + plan.quiet.seconds;
  const sampling = setInterval(sample, 1000 * Math.min(5, Math.max(1, length / 360)));
  const telling = setInterval(async () => {
    const { rows, version } = await flow.progress();
    const memory = samples.at(-1)?.processes.reduce((sum, { rss }) => sum + rss, 0) ?? 0;
    say(`${rows ?? "–"} rows, newest model ${version ?? "–"}, ${Math.round(memory)} MB in all`);
  }, TOLD_MS);

  const recovers = async (what: string) => {
    if (!(await goesOn(flow, signal))) failed(`after ${what} no rows come in, or no newer model is published`);
  };
  const end = async () => {
    const code = await flow.end();
    if (code !== 0 && !signal.aborted) failed(`Ctrl-C ended \`up\` with ${code ?? "nothing but a kill"}`);
    if (processesOf(options.mark).length > 0) {
      const names = processesOf(options.mark).map(({ name, pid }) => `${name} (${pid})`);
      failed(`after Ctrl-C there still are ${names.join(", ")}`);
    }
  };

  await recovers("its start");
  const asker = await openAsker(`http://127.0.0.1:${options.port + 1}`, pathsOf(options.dataDir).models);
  const own = sendOwnEvents(options.dataDir);
  const striking = {
    mark: options.mark,
    get flow() {
      return flow;
    },
    now,
    told,
  };
  try {
    say(`chaos, ${plan.chaos.seconds} s`);
    await Promise.all([strikeAll(plan.chaos.blows, striking, signal), sleep(1000 * plan.chaos.seconds, signal)]);
    await recovers("the chaos");

    if (disk.unable !== undefined) {
      skipped["full disk"] = disk.unable;
      say(`full disk: ${disk.unable}`);
    } else {
      say(`full disk, ${plan.disk.seconds} s`);
      await Promise.all([
        fillDisk(),
        strikeAll(plan.disk.blows, striking, signal),
        sleep(1000 * plan.disk.seconds, signal),
      ]);
      await recovers("the full disk");
    }

    const clock = openClock(folder);
    if (!clock) {
      skipped["clock step"] = "libfaketime is not installed (Debian: `apt-get install faketime`)";
      say(skipped["clock step"]);
    } else {
      say(`clock, ${plan.clock.seconds} s`);
      await end();
      flow = start(clock.environment);
      await recovers("a start with a clock of its own");
      const phase = performance.now();
      for (const { at, offset } of plan.clock.steps) {
        await sleep(1000 * at - (performance.now() - phase), signal);
        clock.step(offset);
        const before = marks.at(-1);
        if (before?.kind === "clock" && before.to === undefined) marks[marks.length - 1] = { ...before, to: now() };
        if (offset !== 0)
          told({
            at: now(),
            kind: "clock",
            what: `the clock is ${offset < 0 ? "back" : "forth"} by ${Math.abs(offset)} s`,
          });
        else say("the clock is right");
      }
      await sleep(1000 * plan.clock.seconds - (performance.now() - phase), signal);
      await recovers("the wrong clock");
      await end();
      flow = start();
      await recovers("a start with the right clock");
    }

    const lastFault = Date.now();
    say(`quiet, ${plan.quiet.seconds} s`);
    asker.quietBegins();
    const before = new Map(logsOf(options.dataDir).map(({ name, after }) => [name, after]));
    const quiet: Quiet = { began: now(), from: now() + plan.quiet.warm, to: now() + plan.quiet.seconds };
    await sleep(1000 * plan.quiet.seconds, signal);
    const logs = logsOf(options.dataDir).map((each) => ({ ...each, before: before.get(each.name) ?? 0 }));
    const registrations = registrationsIn(options.dataDir).length;
    const [answers, sent] = await Promise.all([asker.stop(), own.stop()]);
    say("Ctrl-C");
    await end();
    marks.sort((a, b) => a.at - b.at);
    return { quiet, samples, answers, failures, left, logs, registrations, skipped, marks, sent, lastFault, pids };
  } finally {
    clearInterval(sampling);
    clearInterval(telling);
    await Promise.all([asker.stop(), own.stop()]);
  }

  async function fillDisk(): Promise<void> {
    const [from, to] = plan.disk.full;
    await sleep(1000 * from, signal);
    const at = now();
    say("no room is left on the disk");
    await disk.fill(to - from, signal);
    marks.push({ at, to: now(), kind: "disk", what: "the disk is full" });
    say("there is room again");
  }
}
