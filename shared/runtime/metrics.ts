// Every metric's name, kind and help in one table; a service asks for the ones that it feeds. Base units: seconds,
// bytes, ratios.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

export const metricTable = {
  tributary_events_produced_total: { kind: "counter", help: "Events written to Kafka by replay", labels: [] },
  tributary_events_read_total: {
    kind: "counter",
    help: "Offsets read from Kafka and done with: written, dead or filtered",
    labels: ["topic", "partition"],
  },
  tributary_rows_written_total: {
    kind: "counter",
    help: "Rows committed to the events table",
    labels: ["topic", "partition"],
  },
  tributary_events_dead_total: {
    kind: "counter",
    help: "Messages sent to the dead letters",
    labels: ["topic", "partition", "reason"],
  },
  tributary_events_filtered_total: {
    kind: "counter",
    help: "Offsets that are neither row nor dead letter: without a message, or left out by the topic's map",
    labels: ["topic", "partition"],
  },
  tributary_events_left_out_total: {
    kind: "counter",
    help: "Those of the filtered whose message the topic's map leaves out",
    labels: ["topic", "partition"],
  },
  tributary_events_lost_total: {
    kind: "counter",
    help: "Offsets whose messages Kafka deleted before they were read",
    labels: ["topic", "partition"],
  },
  tributary_unknown_fields_total: {
    kind: "counter",
    help: "Unknown fields seen in events, by name",
    labels: ["field"],
  },
  tributary_flushes_total: { kind: "counter", help: "Commits of ingest by what caused them", labels: ["cause"] },
  tributary_upkeep_total: {
    kind: "counter",
    help: "Compactions and vacuums run in the background",
    labels: ["task", "outcome"],
  },
  tributary_rebalances_total: { kind: "counter", help: "Times that partitions were given to this process", labels: [] },
  tributary_fenced_total: {
    kind: "counter",
    help: "Commits refused since another writer owned a partition",
    labels: [],
  },
  tributary_partitions_paused: { kind: "gauge", help: "Partitions not read on until there is room", labels: [] },
  tributary_buffered_rows: { kind: "gauge", help: "Rows read and not yet committed", labels: [] },
  tributary_lag_messages: {
    kind: "gauge",
    help: "Messages in the topic that the table does not hold yet",
    labels: ["topic", "partition"],
  },
  tributary_lag_seconds: {
    kind: "gauge",
    help: "Age of the newest event in the table where some are missing, 0 otherwise",
    labels: ["topic", "partition"],
  },
  tributary_file_rows: {
    kind: "histogram",
    help: "Rows of a file of events as it was written",
    labels: [],
    buckets: [100, 1e3, 1e4, 5e4, 1e5, 2e5, 5e5, 1e6],
  },
  tributary_file_bytes: {
    kind: "histogram",
    help: "Bytes of a file of events as it was written",
    labels: [],
    buckets: [1e4, 1e5, 1e6, 4e6, 1.6e7, 6.4e7],
  },
  tributary_commit_seconds: { kind: "histogram", help: "Time of one commit, files written to log entry", labels: [] },
  tributary_table_version: { kind: "gauge", help: "Newest version of the events table", labels: [] },
  tributary_table_log_files: {
    kind: "gauge",
    help: "Entries and checkpoints in the log of the events table",
    labels: [],
  },
  tributary_round: { kind: "gauge", help: "Outer epochs completed", labels: [] },
  tributary_items_waiting: {
    kind: "gauge",
    help: "New items outside of the vocabulary: too few users have them",
    labels: [],
  },
  tributary_events_left_out: {
    kind: "gauge",
    help: "Events of new users or items that there is no room for, left out of the training",
    labels: [],
  },
  tributary_steps_total: { kind: "counter", help: "Optimizer steps applied", labels: ["phase"] },
  tributary_step_seconds: { kind: "histogram", help: "Time of one step, until the next is opened", labels: ["phase"] },
  tributary_step_section_seconds_total: {
    kind: "counter",
    help: "Where the time of steps went: trainers' sections over all parts, the server's own",
    labels: ["phase", "section"],
  },
  tributary_loss: { kind: "gauge", help: "Mean loss of the last outer epoch", labels: ["part"] },
  tributary_gradient_norm: {
    kind: "gauge",
    help: "Norm of the newest gradient that was measured, one in twenty",
    labels: ["group"],
  },
  tributary_update_norm: { kind: "gauge", help: "Norm of what that step moved the weights by", labels: ["group"] },
  tributary_step_age_seconds: {
    kind: "gauge",
    help: "Time since the open step was opened, 0 while none is",
    labels: [],
  },
  tributary_trainer_pace_ratio: {
    kind: "gauge",
    help: "Time of a part of the slowest trainer over the median of all, 1 where there are fewer than two",
    labels: [],
  },
  tributary_step_parts: { kind: "gauge", help: "Parts of the open step: open, leased, done", labels: ["state"] },
  tributary_lease_deadline_seconds: { kind: "gauge", help: "Time that a part of the open phase may take", labels: [] },
  tributary_trainers: {
    kind: "gauge",
    help: "Trainers connected: computing, waiting, suspect, clogged",
    labels: ["state"],
  },
  tributary_trainer_seconds_total: {
    kind: "counter",
    help: "Time of trainers, summed over them: data, compute, push, wait, pull",
    labels: ["activity"],
  },
  tributary_checkpoints_total: { kind: "counter", help: "Checkpoints by what became of them", labels: ["outcome"] },
  tributary_checkpoint_seconds: {
    kind: "histogram",
    help: "Time of writing a checkpoint, which no step waits for",
    labels: [],
    buckets: [0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 60],
  },
  tributary_checkpoint_pause_seconds: {
    kind: "histogram",
    help: "Time that steps waited for a checkpoint's copy of what had changed",
    labels: [],
    buckets: [0.001, 0.01, 0.05, 0.1, 0.2, 0.5, 1, 2],
  },
  tributary_checkpoint_bytes_total: {
    kind: "counter",
    help: "Bytes that checkpoints wrote: what had changed",
    labels: [],
  },
  tributary_contributions_total: { kind: "counter", help: "Contributions by outcome", labels: ["outcome"] },
  tributary_peers_rejected_total: { kind: "counter", help: "Peers that were told why and dropped", labels: [] },
  tributary_wire_bytes_total: {
    kind: "counter",
    help: "Bytes over the websocket: sent, received",
    labels: ["direction"],
  },
  tributary_checkpoint_age_seconds: { kind: "gauge", help: "Age of the newest checkpoint", labels: [] },
  tributary_parts_total: { kind: "counter", help: "Parts computed by this trainer", labels: ["phase"] },
  tributary_live_tensors: { kind: "gauge", help: "Tensors alive in this process", labels: [] },
  tributary_evaluation_ratio: {
    kind: "gauge",
    help: "Held-out metrics of the newest evaluation",
    labels: ["metric", "model"],
  },
  tributary_evaluations_falling: {
    kind: "gauge",
    help: "Evaluations in a row whose NDCG@100 was below the one before",
    labels: [],
  },
  tributary_prequential_ratio: {
    kind: "gauge",
    help:
      "Metrics of the published model and of what it is set beside, over the newest arrivals, each scored before it " +
      "was learned from: model (as it serves), alone (its scores without what is laid over them), popularity, " +
      "popular-now, popular-then, co-visits, co-visits-then",
    labels: ["metric", "model"],
  },
  tributary_prequential_lead_ratio: {
    kind: "gauge",
    help:
      "Metrics of the published model less those of alone, popular-now, popular-then or co-visits, mean over users " +
      "of the arrivals",
    labels: ["metric", "model"],
  },
  tributary_prequential_lead_error_ratio: {
    kind: "gauge",
    help: "Standard error of that lead, paired over users",
    labels: ["metric", "model"],
  },
  tributary_mix_weight: {
    kind: "gauge",
    help:
      "What is laid over the published model's scores: the weights of model (its scores; 1 where nothing is), " +
      "hot-N (what is popular now, in counts that halve every N first meetings), follows (co-visits)",
    labels: ["part"],
  },
  tributary_mix_since_seconds: {
    kind: "gauge",
    help: "Time since which every published model has had something laid over its scores, or none has",
    labels: [],
  },
  tributary_prequential_events_total: {
    kind: "counter",
    help: "New items of known users: scored, left out when more came than are scored, missed while nobody scored",
    labels: ["outcome"],
  },
  tributary_publications_total: {
    kind: "counter",
    help: "Decisions on checkpoints: published, refused, held since publication is pinned",
    labels: ["outcome"],
  },
  tributary_model_watermark_seconds: {
    kind: "gauge",
    help: "Arrival time of the newest event that the published model covers",
    labels: [],
  },
  tributary_model_age_seconds: {
    kind: "gauge",
    help:
      "Time since the newest event that the published model covers arrived, 0 when it covers all events of " +
      "the table",
    labels: [],
  },
  tributary_freshness_seconds: {
    kind: "histogram",
    help:
      "From a marked event's arrival in Kafka to a stage: answer (serve's recommendations take it into account), " +
      "table, gradient, published",
    labels: ["stage"],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 300, 600],
  },
  tributary_following: {
    kind: "gauge",
    help: "1 while serve follows the topic beside the table, 0 while it answers from the table alone",
    labels: [],
  },
  tributary_followed_events: {
    kind: "gauge",
    help:
      "Messages of the topic that serve has met: taken (of them unknown: the model has no column for the item), old " +
      "(in the table already), refused (no events), left-out (no room)",
    labels: ["outcome"],
  },
  tributary_followed_held: { kind: "gauge", help: "Items of users held ahead of the table", labels: [] },
  tributary_followed_lag_messages: {
    kind: "gauge",
    help: "Messages of the topic that serve has not read yet",
    labels: [],
  },
  tributary_requests_total: { kind: "counter", help: "Recommendation requests by status", labels: ["status"] },
  tributary_request_seconds: {
    kind: "histogram",
    help: "Time of one request for recommendations or similar items",
    labels: [],
  },
  tributary_requests_with_total: {
    kind: "counter",
    help: "Recommendation requests by what they ask for: candidates, exclude, filters, diversity, similar",
    labels: ["what"],
  },
  tributary_items_table_rows: { kind: "gauge", help: "Rows of the items table that requests filter by", labels: [] },
  tributary_items_table_match: {
    kind: "gauge",
    help:
      "Items by where they are: known (in the model in use and in the items table), missing (in the model alone), " +
      "surplus (in the table alone)",
    labels: ["side"],
  },
  tributary_scored_together: {
    kind: "histogram",
    help: "Recommendation requests that were scored in one product",
    labels: [],
    buckets: [1, 2, 4, 8, 16, 32, 64],
  },
} as const satisfies Record<
  string,
  { kind: "counter" | "gauge" | "histogram"; help: string; labels: readonly string[]; buckets?: readonly number[] }
>;

type Table = typeof metricTable;
type NamesOf<K> = { [N in keyof Table]: Table[N]["kind"] extends K ? N : never }[keyof Table];

export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  /** `look` runs before every answer, for what is known only when one looks. */
  onScrape(look: () => void): void;
  counter(name: NamesOf<"counter">): Counter;
  gauge(name: NamesOf<"gauge">): Gauge;
  histogram(name: NamesOf<"histogram">): Histogram;
}

/** prom-client's own, seconds of a short request, where the table names none. */
const bucketsOf = (entry: Table[keyof Table]) => ("buckets" in entry ? { buckets: [...entry.buckets] } : {});

/** A registry with the process's own figures; each metric is made on first use. */
export function createMetrics(service: string): Metrics {
  const registry = new Registry();
  const looks: (() => void)[] = [];
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry, prefix: "tributary_" });
  // Gauges that are named like counters; each stands there by type too.
  for (const what of ["handles", "requests", "resources"])
    registry.removeSingleMetric(`tributary_nodejs_active_${what}_total`);
  const settings = (name: keyof Table) => ({
    ...bucketsOf(metricTable[name]),
    name,
    help: metricTable[name].help,
    labelNames: [...metricTable[name].labels],
    registers: [registry],
  });
  const existing = <T>(name: string, make: () => T) => (registry.getSingleMetric(name) as T | undefined) ?? make();
  return {
    contentType: registry.contentType,
    text: () => {
      for (const look of looks) look();
      return registry.metrics();
    },
    onScrape: (look) => void looks.push(look),
    counter: (name) => existing(name, () => new Counter(settings(name))),
    gauge: (name) => existing(name, () => new Gauge(settings(name))),
    histogram: (name) => existing(name, () => new Histogram(settings(name))),
  };
}
