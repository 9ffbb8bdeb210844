// The metrics of ingest, by what they count.
import type { Metrics } from "../../shared/runtime/metrics.ts";

export const openCounters = (metrics: Metrics) => ({
  read: metrics.counter("tributary_events_read_total"),
  written: metrics.counter("tributary_rows_written_total"),
  dead: metrics.counter("tributary_events_dead_total"),
  filtered: metrics.counter("tributary_events_filtered_total"),
  leftOut: metrics.counter("tributary_events_left_out_total"),
  lost: metrics.counter("tributary_events_lost_total"),
  unknown: metrics.counter("tributary_unknown_fields_total"),
  flushes: metrics.counter("tributary_flushes_total"),
  rebalances: metrics.counter("tributary_rebalances_total"),
  fenced: metrics.counter("tributary_fenced_total"),
  buffered: metrics.gauge("tributary_buffered_rows"),
  paused: metrics.gauge("tributary_partitions_paused"),
  lag: metrics.gauge("tributary_lag_messages"),
  lagSeconds: metrics.gauge("tributary_lag_seconds"),
  seconds: metrics.histogram("tributary_commit_seconds"),
  fileRows: metrics.histogram("tributary_file_rows"),
  fileBytes: metrics.histogram("tributary_file_bytes"),
  version: metrics.gauge("tributary_table_version"),
  logFiles: metrics.gauge("tributary_table_log_files"),
});
