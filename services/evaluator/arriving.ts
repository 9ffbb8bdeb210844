// What arrives while models are judged: the stream of events, each scored by the published model before any other can
// have learned from it, and the marked ones on their way into a published model. Between the table and evaluator.ts.
import type { Freshness } from "../../shared/health/status/freshness.ts";
import type { Choice } from "../../shared/judging/choosing.ts";
import type { Trained } from "../../shared/judging/gains.ts";
import type { Beside } from "../../shared/judging/gate.ts";
import { type PrequentialLine, type PrequentialPoint, prequentialLine } from "../../shared/judging/point.ts";
import { openPrequential } from "../../shared/judging/prequential.ts";
import type { ReferenceName } from "../../shared/judging/window.ts";
import type { Metrics } from "../../shared/runtime/metrics.ts";
import type { Patience } from "../../shared/runtime/patience.ts";
import type { Mark } from "../../shared/table/follow.ts";
import { openLines } from "./lines.ts";
import { openStream, type Stream } from "./stream.ts";

interface Places {
  readonly table: string;
  readonly prequential: string;
}

export interface Settings {
  /** Arrivals of a table version that are scored, about. */
  readonly prequentialEvents: number;
  /** Arrivals that a point of the curve is the mean of. */
  readonly prequentialWindow: number;
  /** From one point to the next. */
  readonly prequentialSeconds: number;
}

export interface Arriving {
  /**
   * Takes in what the table has gained, scored by the published model; nothing where it knows the version `upTo`
   * already: a candidate should not wait for what came since.
   */
  advance(salt: string, published: Trained, signal: AbortSignal, upTo?: number): Promise<Stream>;
  /** The same without a published model, for a candidate that covers the table up to a version. */
  advanceFor(salt: string, tableVersion: number, signal: AbortSignal): Promise<Stream>;
  /** See prequential.ts. */
  mixOf(candidate: Trained, published: Trained | null, signal: AbortSignal): Promise<Choice>;
  /** The candidate beside what was popular and the published model, on arrivals that neither has learned from. */
  beside(candidate: Trained, published: Trained | null, signal: AbortSignal): Promise<Beside>;
  /** A model that covers the table up to a version was published. */
  published(tableVersion: number): void;
  /** Table version taken in; null before the first look. */
  readonly version: number | null;
  /** Arrival of the newest event of that version, ms since 1970; null before the first look. */
  readonly watermark: number | null;
  /** The newest points of the curve, oldest first. */
  readonly curve: readonly PrequentialPoint[];
}

/** Of metrics. */
const labels: Readonly<Record<ReferenceName, string>> = {
  popularNow: "popular-now",
  popularThen: "popular-then",
  coVisits: "co-visits",
  coVisitsThen: "co-visits-then",
};

const SHOWN = 200;
/** A week of them, at one in ten seconds. */
const KEPT = 60_000;
/** Of events that no model has covered: whatever comes later is followed anew. */
const MOST_MARKS = 10_000;

export async function openArriving(
  places: Places,
  settings: Settings,
  freshness: Freshness,
  metrics: Metrics,
  patience: Patience,
): Promise<Arriving> {
  const lines = await openLines(places.prequential, prequentialLine, SHOWN, KEPT, patience.through);
  const window = { window: settings.prequentialWindow, everyMs: 1000 * settings.prequentialSeconds };
  const prequential = openPrequential(lines, window, () => performance.now());
  const events = metrics.counter("tributary_prequential_events_total");
  const ratio = metrics.gauge("tributary_prequential_ratio");
  const lead = metrics.gauge("tributary_prequential_lead_ratio");
  const error = metrics.gauge("tributary_prequential_lead_error_ratio");
  let stream: Stream | undefined;
  let marks: readonly Mark[] = [];

  function follow(salt: string, tableVersion: number): Stream {
    if (stream?.salt === salt) return stream;
    const scoredUntil = lines.recent.at(-1)?.tableVersion ?? -1;
    const silentUntil = Math.max(scoredUntil, tableVersion);
    stream = openStream(places.table, salt, silentUntil, settings.prequentialEvents);
    return stream;
  }

  function tell(line: PrequentialLine): void {
    for (const metric of ["recall@20", "ndcg@100"] as const) {
      ratio.set({ metric, model: "model" }, line[metric]);
      ratio.set({ metric, model: "popularity" }, line.popularity[metric]);
      ratio.set({ metric, model: "alone" }, line.alone![metric]);
      for (const [name, model] of Object.entries(labels) as [ReferenceName, string][])
        ratio.set({ metric, model }, line[name]![metric]);
      for (const [name, of] of Object.entries(line.lead!)) {
        const model = name === "alone" ? name : labels[name as ReferenceName];
        lead.set({ metric, model }, of![metric]);
        error.set({ metric, model }, of![`${metric}:se`]);
      }
    }
  }

  async function advance(following: Stream, published: Trained | null, signal: AbortSignal): Promise<Stream> {
    const news = await following.advance();
    marks = [...marks, ...news.marks].slice(-MOST_MARKS);
    if (news.arrivals.length === 0) return following;
    const { counts, line } = await prequential.take(news, published, following, signal);
    events.inc({ outcome: "scored" }, counts.scored);
    events.inc({ outcome: "left-out" }, counts.leftOut);
    events.inc({ outcome: "missed" }, counts.missed);
    if (line) tell(line);
    return following;
  }

  return {
    get version() {
      return stream?.version ?? null;
    },
    get watermark() {
      return stream?.watermark ?? null;
    },
    get curve() {
      return lines.recent.map(({ block: _ofTheFileAlone, ...point }) => point);
    },
    async advance(salt, published, signal, upTo = Number.POSITIVE_INFINITY) {
      const following = follow(salt, published.tableVersion);
      return following.version >= upTo ? following : await advance(following, published, signal);
    },
    advanceFor: (salt, tableVersion, signal) => advance(follow(salt, tableVersion), null, signal),
    mixOf: (candidate, published, signal) => prequential.mixOf(candidate, published, stream!, signal),
    beside: (candidate, published, signal) => prequential.beside(candidate, published, stream!, signal),
    published(tableVersion) {
      freshness.reached(marks.filter(({ version }) => version <= tableVersion).map(({ arrival }) => arrival));
      marks = marks.filter(({ version }) => version > tableVersion);
    },
  };
}
