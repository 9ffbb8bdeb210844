// Every command by its name, in the order of `--help`. A command's module is loaded only when it is called.
import type { Command } from "../shared/runtime/command.ts";

export const commands: Record<string, () => Promise<{ command: Command }>> = {
  up: () => import("./commands/up/main.ts") as never,
  broker: () => import("./commands/broker.ts") as never,
  replay: () => import("./replay/main.ts") as never,
  ingest: () => import("./ingest/main.ts") as never,
  split: () => import("./commands/split/main.ts") as never,
  verify: () => import("./commands/table/verify.ts") as never,
  compact: () => import("./commands/table/compact.ts") as never,
  vacuum: () => import("./commands/table/vacuum.ts") as never,
  forget: () => import("./commands/table/forget.ts") as never,
  "dead-letters": () => import("./commands/dead-letters/main.ts") as never,
  server: () => import("./server/main.ts") as never,
  trainer: () => import("./trainer/main.ts") as never,
  train: () => import("./commands/train/main.ts") as never,
  benchmark: () => import("./commands/compare/main.ts") as never,
  evaluate: () => import("./commands/evaluate/main.ts") as never,
  blend: () => import("./commands/blend/main.ts") as never,
  plot: () => import("./commands/plot/main.ts") as never,
  evaluator: () => import("./evaluator/main.ts") as never,
  models: () => import("./commands/models/main.ts") as never,
  serve: () => import("./serve/main.ts") as never,
  recommend: () => import("./commands/recommend/main.ts") as never,
  dashboard: () => import("./dashboard/main.ts") as never,
  status: () => import("./commands/status.ts") as never,
  bench: () => import("./commands/bench/main.ts") as never,
};
