// Replays a stream in one process: versions of the table, a model that is published some versions after its own, and
// every arrival ranked by all before it is learned.
import type { Engine } from "../../shared/compute/engine.ts";
import { batchOf } from "../../shared/events/batch.ts";
import { Histories } from "../../shared/events/histories.ts";
import { fitted, plain } from "../../shared/judging/fitting.ts";
import { servedGains } from "../../shared/judging/gains.ts";
import { meet, type Ranked } from "../../shared/judging/meeting.ts";
import type { Mix } from "../../shared/ranking/mix.ts";
import type { Gain } from "../../shared/ranking/places.ts";
import { bestWindow, type Moment, type ReferenceGains, References } from "../../shared/ranking/references.ts";
import { Trends } from "../../shared/ranking/trends.ts";
import { finish } from "../../shared/runtime/finish.ts";
import { type Model, openTrainer, type Size } from "./trainer.ts";

export const rankers = {
  model: "the published model alone",
  hotAlone: "what is hot, without the model",
  served: "the model with what is hot laid over it",
  popularNow: "popular now",
  popularLate: "popular now, a version late",
  popularThen: "popular when the model was pinned",
  coVisits: "co-visits",
} as const;
export type Ranker = keyof typeof rankers;

/** An arrival, and what each ranker's list was worth. */
export interface Line extends Readonly<Record<Ranker, Gain>> {
  readonly event: number;
  readonly user: number;
}

export interface Pace {
  /** Events of a table version: what is hot is known a version late. */
  readonly perVersion: number;
  /** Versions from one round of training to the next, and from a round's to its publication. */
  readonly everyVersions: number;
  readonly lateVersions: number;
  /** Arrivals of a version that are ranked, about. */
  readonly ranked: number;
}

interface Published {
  readonly model: Model;
  readonly moment: Moment;
  readonly mix: Mix | undefined;
  readonly hotAlone: Mix | undefined;
}

const SALT = "tributary";
const RECENT = 5_000;
const FITTED = 500;
const FEWEST = 100;
const never = new AbortController().signal;

export async function replay(
  engine: Engine,
  events: readonly { readonly user: string; readonly item: string }[],
  pace: Pace,
  size: Size,
  tell: (text: string) => void,
): Promise<Line[]> {
  const histories = new Histories(SALT);
  const references = new References();
  const trends = new Trends();
  const train = openTrainer(engine, histories, size);
  const lines: Line[] = [];
  let recent: (Ranked & { late: ReferenceGains; early: ReferenceGains })[] = [];
  let published: Published | undefined;
  let next: { model: Model; moment: Moment } | undefined;

  /** The weights that came out best on what came since it was pinned. */
  async function publish({ model, moment }: NonNullable<typeof next>): Promise<void> {
    const unseen = recent.filter(({ version }) => version > model.tableVersion).slice(-FITTED);
    const mixOf = async (of: Model, before: Mix | undefined) =>
      unseen.length < FEWEST ? before : await finish(fitted(unseen, of, histories, before ?? plain), never);
    const mix = await mixOf(model, published?.mix);
    const hotAlone = await mixOf(mute(model), published?.hotAlone);
    published?.model.dispose();
    published = { model, moment, mix, hotAlone };
    tell(`${model.version}: ${JSON.stringify(mix)}`);
  }

  async function rank(arrivals: readonly Ranked[], late: Moment, event: number): Promise<void> {
    const { model, moment, mix, hotAlone } = published!;
    const [alone, hot, served] = [
      await servedGains(arrivals, model, histories, never),
      await servedGains(arrivals, { ...mute(model), mix: hotAlone }, histories, never),
      await servedGains(arrivals, { ...model, mix }, histories, never),
    ];
    const best = (of: "now" | "late" | "early") => bestWindow(recent.map((each) => each[of]));
    const windows = { now: best("now"), late: best("late"), early: best("early") };
    const compared = arrivals.map((arrival) => {
      const column = histories.vocabulary.column(arrival.item)!;
      const at = (moment: Moment) => moment.gainsOf(column, arrival.foldIn);
      return { ...arrival, late: at(late), early: at(moment) };
    });
    compared.forEach(({ user, now, late, early }, k) => {
      lines.push({
        ...{ event, user, model: alone[k]!, hotAlone: hot[k]!, served: served[k]! },
        popularNow: now.popular[windows.now]!,
        popularLate: late.popular[windows.late]!,
        popularThen: early.popular[windows.early]!,
        coVisits: now.coVisits,
      });
    });
    recent = [...recent, ...compared].slice(-RECENT);
  }

  for (let version = 0; version * pace.perVersion < events.length; version++) {
    const from = version * pace.perVersion;
    const rows = events
      .slice(from, from + pace.perVersion)
      .map((event, k) => ({ ...event, timestamp: 0, value: null, partition: 0, offset: from + k }));
    if (next && version > next.model.tableVersion + pace.lateVersions) {
      await publish(next);
      next = undefined;
    }
    const late = references.asOf(references.place);
    const { ranked, met } = meet(batchOf(rows), histories, version, pace.ranked, references, trends);
    if (published) await rank(ranked, late, from);
    else recent = [...recent, ...ranked.map((each) => ({ ...each, late: each.now, early: each.now }))].slice(-RECENT);
    for (const each of met) trends.add(each);
    if (!next && (!published || version % pace.everyVersions === 0))
      next = { model: await train(version), moment: references.asOf(references.place) };
  }
  return lines;
}

/** A model that has nothing to say. */
const mute = (model: Model): Model => ({
  ...model,
  scoreBatch: (rows) => new Float32Array(rows.length * model.vocabulary.items.length),
});
