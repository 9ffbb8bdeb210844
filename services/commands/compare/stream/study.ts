// `benchmark --stream`: reads the events, opens the learners, plays the stream, and tells what came of it. Wiring only.
import { openEngine } from "../../../../shared/compute/open-engine.ts";
import type { EventColumns } from "../../../../shared/corpus/liang.ts";
import { writeWhole } from "../../../../shared/disk/whole-file.ts";
import { AppError } from "../../../../shared/errors/errors.ts";
import { duration } from "../../../../shared/health/views/figures.ts";
import { partEnds } from "../../../../shared/judging/standing.ts";
import { svgOf } from "../../../../shared/plots/svg.ts";
import type { Until } from "../../../../shared/runtime/lifecycle.ts";
import { progressLine, say } from "../../../../shared/runtime/terminal.ts";
import { easeObstacle } from "../../../../shared/systems/ease/ease.ts";
import { defaults, recipeOf } from "../../../../shared/systems/recvae/settings.ts";
import { type ContestantName, learnersOf, names } from "./contestants.ts";
import { readStream } from "./events.ts";
import { curvesFigure } from "./figure.ts";
import { easeLearner, type Learner, neuralLearner } from "./learners.ts";
import { losses, type OldUsers, oldUsersOf } from "./old-users.ts";
import type { StreamConfig } from "./options.ts";
import { modelsOf, openTallies, type Report, titled } from "./report.ts";
import { type Judgement, type Models, type OpenLearners, type Pace, SALT, simulate } from "./simulation.ts";
import { textOf } from "./text.ts";

const GAUSSIAN = [1, 0, 0] as [number, number, number];

export async function study(config: StreamConfig & { readonly json: boolean }, { signal }: Until): Promise<void> {
  const progress = progressLine();
  const events = await readStream(config, { say, show: progress.show }, signal);
  const engine = await openEngine({ wanted: "auto", threads: config.threads });
  const wanted = contestantsOf(config, easeObstacle(engine, 1));
  const total = events.userOf.length;
  const ends = partEnds(config.parts, total);
  const tallies = openTallies(wanted, total, ends);
  const judgements: Judgement[] = [];
  let old: OldUsers | undefined;
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  const { hidden, latent, gamma, seed, usersPerRound, retrain } = config;
  const open: OpenLearners = (histories) => {
    const neural = (mixtureWeights = defaults.mixtureWeights, roundsOfLife?: number) => {
      const recipe = (items: number) => recipeOf({ ...defaults, items, hidden, latent, gamma, mixtureWeights });
      return neuralLearner(engine, histories, { recipe, seed, usersPerRound, roundsOfLife });
    };
    const makers: Record<ReturnType<typeof learnersOf>[number], () => Learner> = {
      continuous: () => neural(),
      gaussian: () => neural(GAUSSIAN),
      retrained: () => neural(undefined, retrain),
      ease: () => easeLearner(engine, histories),
    };
    return new Map(learnersOf(wanted).map((name) => [name, makers[name]()]));
  };
  const models = await simulate(
    events,
    wanted,
    paceOf(config, ends[0]!),
    open,
    {
      ranked: (lines) => lines.forEach(tallies.add),
      judged: (judgement) => judgements.push(judgement),
      frozen: (model, histories) => {
        old = oldUsersOf(histories, model, SALT);
      },
      reached: (event) => progress.show(reachedOf(event, total, seconds(), config.rate, judgements, tallies.arrivals)),
    },
    signal,
  ).catch((error: unknown) => {
    if (!signal.aborted || error !== signal.reason) throw error;
    return undefined;
  });
  progress.end();
  if (!models) say("stopped: figures are of what was ranked until then");
  if (!models && tallies.arrivals === 0) return;
  mustHaveRanked(tallies.arrivals, events, judgements);
  const report: Report = {
    stream: { name: events.name, events: total, users: usersIn(events), items: itemsIn(events) },
    pace: {
      rate: config.rate,
      countsLag: config.countsLag / 1000,
      round: config.round / 1000,
      modelLag: config.modelLag / 1000,
    },
    seconds: seconds(),
    contestants: titled(wanted),
    ...tallies.figures(),
    oldUsers: models ? await oldUsersUnder(old, models, signal) : null,
    models: modelsOf(judgements),
  };
  for (const model of new Set(models?.values())) model.dispose();
  if (config.plot !== undefined) {
    await writeWhole(config.plot, await svgOf(curvesFigure(report)));
    say(config.plot);
  }
  process.stdout.write(config.json ? `${JSON.stringify(report, null, 2)}\n` : textOf(report));
}

/** In the order of tables; what is served always. */
function contestantsOf({ only }: StreamConfig, obstacle: string | null): ContestantName[] {
  const wanted = names.filter((name) => name === "served" || !only || only.includes(name));
  if (obstacle === null || !wanted.includes("ease")) return wanted;
  say(`ease is left out: ${obstacle}`);
  return wanted.filter((name) => name !== "ease");
}

function paceOf({ rate, countsLag, round, modelLag, ranked }: StreamConfig, frozenFrom: number): Pace {
  const perVersion = Math.max(1, Math.round((rate * countsLag) / 1000));
  const versions = (ms: number) => Math.max(1, Math.round((rate * ms) / 1000 / perVersion));
  return { perVersion, everyVersions: versions(round), lateVersions: versions(modelLag), ranked, frozenFrom };
}

/** 282,000/1,130,000 events, 12,400 a second, 6.2 times the clock; 9 models published, 8,240 arrivals ranked. */
function reachedOf(
  event: number,
  total: number,
  seconds: number,
  rate: number,
  judgements: readonly Judgement[],
  arrivals: number,
): string {
  const n = (count: number) => Math.round(count).toLocaleString("en-US");
  const published = judgements.filter(({ reason }) => reason === null).length;
  const left = event < total ? `, about ${duration(((total - event) * seconds) / event)} left` : "";
  return (
    `${n(event)}/${n(total)} events, ${n(event / seconds)} a second, ` +
    `${(event / seconds / rate).toPrecision(2)} times the clock${left}; ${published} models published, ` +
    `${n(arrivals)} arrivals ranked`
  );
}

/** Throws STREAM_TOO_SHORT. */
function mustHaveRanked(arrivals: number, events: EventColumns, judgements: readonly Judgement[]): void {
  if (arrivals > 0) return;
  const found = `${events.userOf.length} events of ${usersIn(events)} users`;
  const last = judgements.at(-1)?.reason;
  const why = last
    ? `no model was published: ${last}`
    : "no known user came to a new item after a first model, for which 1,000 events and 50 training users are needed";
  throw new AppError("STREAM_TOO_SHORT", { what: `${found}: ${why}` });
}

const usersIn = ({ userOf }: EventColumns) => new Set(userOf).size;
const itemsIn = ({ itemOf }: EventColumns) => new Set(itemOf).size;

async function oldUsersUnder(
  old: OldUsers | undefined,
  models: Models,
  signal: AbortSignal,
): Promise<Report["oldUsers"]> {
  const first = models.get("frozen");
  if (!old || !first) return null;
  // EASE knows no more than the items of now
  const judged = new Map([["frozen", first] as const, ...[...models].filter(([name]) => name !== "ease")]);
  const found = await losses(old, first, judged, signal);
  return { users: old.users.length, under: [...found].map(([name, loss]) => ({ name, ...loss })) };
}
