// Where everything lies below a data directory. The services agree on files, never on each other's code.
import { join, resolve } from "node:path";

/** Name below the data directory, and what is there. docs/reference/configuration.md is made from it. */
export const places = {
  table: [
    "table",
    "Delta tables: `events`, `items` (the append-only vocabulary), `filtered` (offsets that are neither row nor " +
      "dead letter)",
  ],
  deadLetters: ["dead-letters", "Delta table of what was no event; in `_sent-back` which of it was sent back"],
  training: [
    "training",
    "the parameter server's --out in continuous mode: `checkpoints`, the newest three (--checkpoints-kept) and the " +
      "newest of a round's end",
  ],
  models: [
    "models",
    "published models, the pointer `current` to the one in use, and `pinned`, what it is pinned to, if it is",
  ],
  evaluations: ["evaluations.jsonl", "every evaluation, one line each"],
  perUser: ["evaluations", "each held-out user's figures of the newest 500 evaluations, a Parquet file a round"],
  prequential: ["prequential.jsonl", "the prequential curve, a point every ten seconds"],
  history: ["dashboard-history.jsonl", "the last day of the page's charts, every 5 s"],
  problems: ["dashboard-problems.json", "the page's recent problems"],
  kafka: ["kafka", "the local broker"],
  replay: ["replay", "positions of replayed streams"],
  run: ["run", "one JSON file per running process: where it answers"],
  logs: ["logs", "logs of `up`"],
} as const satisfies Record<string, readonly [name: string, about: string]>;

export type Paths = { readonly root: string } & { readonly [place in keyof typeof places]: string };

export function pathsOf(dataDir: string): Paths {
  const root = resolve(dataDir);
  const below = Object.entries(places).map(([place, [name]]) => [place, join(root, name)]);
  return { root, ...(Object.fromEntries(below) as Omit<Paths, "root">) };
}
