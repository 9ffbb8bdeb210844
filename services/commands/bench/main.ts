// The `bench` command: figures of this machine, each beside the limit that it is held against.
import { defineCommand } from "../../../shared/runtime/command.ts";
import { benches } from "./benches.ts";
import { options } from "./options.ts";

export const command = defineCommand({
  name: "bench",
  summary:
    "Figures, each with its limit beside it: bench engine, train, wire, serve, fresh, scale, faults, ingest, replay, " +
    "pipeline",
  positionals: ["what"],
  options,
  async run(config, until) {
    const { figures, text } = await benches[config.what](config, until);
    process.stdout.write(`${config.json ? JSON.stringify(figures) : text()}\n`);
  },
});
