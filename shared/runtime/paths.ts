// Where everything lies below a data directory. The services agree on files, never on each other's code.
import { join, resolve } from "node:path";

export interface Paths {
  readonly root: string;
  /** One JSON file per running process, see registry.ts. */
  readonly run: string;
  readonly logs: string;
  readonly kafka: string;
  /** Positions of replayed streams. */
  readonly replay: string;
  /** Holds events/ and items/, both Delta tables. */
  readonly table: string;
  readonly deadLetters: string;
  /** The parameter server's --out in continuous mode: checkpoints/. */
  readonly training: string;
  /** Published models: <version>/ and the pointer `current`. */
  readonly models: string;
  readonly evaluations: string;
  /** Each held-out user's figures, a Parquet file an evaluation. */
  readonly perUser: string;
  /** The prequential curve. */
  readonly prequential: string;
  /** The dashboard's memory: a day over time, and recent problems. */
  readonly history: string;
  readonly problems: string;
}

export function pathsOf(dataDir: string): Paths {
  const root = resolve(dataDir);
  const at = (name: string) => join(root, name);
  return {
    root,
    run: at("run"),
    logs: at("logs"),
    kafka: at("kafka"),
    replay: at("replay"),
    table: at("table"),
    deadLetters: at("dead-letters"),
    training: at("training"),
    models: at("models"),
    evaluations: at("evaluations.jsonl"),
    perUser: at("evaluations"),
    prequential: at("prequential.jsonl"),
    history: at("dashboard-history.jsonl"),
    problems: at("dashboard-problems.json"),
  };
}
