// One line of progress until asked to stop: how far the flow is, and what is wrong with it. Whoever hangs is found
// here, since everybody is asked anyway.
import { AppError } from "../../../shared/errors/errors.ts";
import { askAll } from "../../../shared/health/answers.ts";
import { belowPopularNow } from "../../../shared/health/facts/curve.ts";
import { type Answer, type Flow, flowOf } from "../../../shared/health/facts/flow.ts";
import { freshnessOf } from "../../../shared/health/facts/freshness.ts";
import { evaluatorStatus, type Published } from "../../../shared/health/status/evaluator.ts";
import { count, duration, loss, ratio } from "../../../shared/health/views/figures.ts";
import { sleep } from "../../../shared/runtime/lifecycle.ts";
import type { Supervised } from "../../../shared/runtime/supervise.ts";
import type { ProgressLine } from "../../../shared/runtime/terminal.ts";
import { activityOf, afterLook, hangs, isSilent, type Silence } from "./silence.ts";
import { troublesOf, waitsOf } from "./troubles.ts";

type Tell = (text: string) => void;

/** Until asked to stop; with `once` until the first published model: returns what the evaluator says of it. */
export async function follow(
  runDir: string,
  services: readonly Supervised[],
  line: ProgressLine,
  once: boolean,
  signal: AbortSignal,
): Promise<Published | undefined> {
  const silences = new Map<string, Silence>();
  let barren = 0;
  let looked = performance.now();
  while (!signal.aborted) {
    const answers = await askAll(runDir, 1000);
    const flow = flowOf(answers, Date.now());
    const now = performance.now();
    await lookAt(services, answers, (now - looked) / 1000, silences, line.tell);
    looked = now;
    line.show([...troublesOf(services, silences), ...waitsOf(answers), ...summaryOf(flow)].join(" · "));
    if (once) {
      const source = services.find(({ isSource }) => isSource);
      if (source?.failure) throw source.failure;
      const isSourceDone = source?.state().state === "done";
      const hasBegun = source === undefined || isSourceDone || (flow.replay?.status?.produced ?? 0) > 0;
      const published = ofEvaluator.safeParse(flow.evaluator?.process.status).data?.published;
      if (hasBegun && published) return published;
      barren = isSourceDone && waitsInVain(flow) ? barren + 1 : 0;
      if (barren >= BARREN_LOOKS) throw new AppError("EVENTS_TOO_FEW", { what: `the file has ended: ${inVain(flow)}` });
    }
    await sleep(1000, signal);
  }
  return undefined;
}

const ofEvaluator = evaluatorStatus.pick({ published: true });

/** All that was sent must have had the time to reach the table and the server. */
const BARREN_LOOKS = 15;

const waitsInVain = ({ ingest, server }: Flow) =>
  ingest?.status?.lag?.messages === 0 && ingest.status.buffered === 0 && server?.status?.state === "waiting for events";

function inVain({ ingest, server }: Flow): string {
  const { read = null, dead = null, table = null } = ingest?.status ?? {};
  const refused = dead ? `, ${count(dead)} refused (\`tributary dead-letters list\`)` : "";
  return (
    `${count(read)} events read, ${count(table?.rows ?? 0)} rows in the table${refused}; ` +
    `${server?.status?.hint ?? "too few to train on"}`
  );
}

/** Tells of those that do not answer, and kills those that hang: they are started again as after any other death. */
async function lookAt(
  services: readonly Supervised[],
  answers: readonly Answer[],
  seconds: number,
  silences: Map<string, Silence>,
  tell: Tell,
): Promise<void> {
  for (const service of services) {
    const { pid } = service.state();
    const seen = pid === null ? undefined : await seenOf(service, pid, answers);
    if (pid === null || !seen) {
      silences.delete(service.name);
      continue;
    }
    const before = silences.get(service.name);
    const silence = afterLook(before, { pid, ...seen, seconds });
    silences.set(service.name, silence);
    if (isSilent(silence) && !(before && isSilent(before))) tell(`${service.name} does not answer (process ${pid})`);
    if (hangs(silence)) service.kill(`did neither answer nor do anything for ${duration(silence.idle)} and was killed`);
  }
}

/** Nothing of a process that has not come so far as to be asked, unless somebody has stopped it. */
async function seenOf({ answers: ask }: Supervised, pid: number, answers: readonly Answer[]) {
  const { isStopped, ticks } = activityOf(pid);
  if (ask) return { answered: await ask(), ticks };
  const answer = answers.find((each) => each.pid === pid);
  return answer || isStopped ? { answered: answer !== undefined && answer.status !== null, ticks } : undefined;
}

function summaryOf(flow: Flow): string[] {
  const ingest = flow.ingest?.status ?? null;
  const server = flow.server?.status ?? null;
  const newest = flow.evaluator?.status?.evaluations.at(-1) ?? null;
  const freshness = freshnessOf(flow);
  const below = belowPopularNow(flow);
  return [
    `${count(ingest?.read ?? null)} events read`,
    ...(ingest?.dead ? [`${count(ingest.dead)} refused`] : []),
    `${count(ingest?.table?.rows ?? null)} rows`,
    server?.state === "training" || !server?.state
      ? `epoch ${count(server?.round ?? null)}`
      : `epoch ${count(server.round)} (${server.state})`,
    `loss ${loss(server?.loss?.total ?? null)}`,
    `NDCG@100 ${ratio(newest?.model?.["ndcg@100"] ?? null)} (popularity ` +
      `${ratio(newest?.popularity?.["ndcg@100"] ?? null)})`,
    ...(below === null ? [] : [`on what arrives ${ratio(below)} below popular now`]),
    freshness === null ? "no model published yet" : `model ${duration(freshness)} behind`,
  ];
}
