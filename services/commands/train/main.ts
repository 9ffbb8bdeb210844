// `train`: one training run on this machine. Neural systems learn through a parameter server, the others are solved in
// this process; both leave the same files.
import { defineCommand } from "../../../shared/runtime/command.ts";
import { isNeural } from "../../../shared/systems/registry.ts";
import { trainNeural } from "./neural.ts";
import { options } from "./options.ts";
import { trainSolved } from "./solved.ts";

export const command = defineCommand({
  name: "train",
  summary: "One training run of a system on this machine",
  options,
  async run(config, until) {
    if (isNeural(config.model)) await trainNeural(config.model, config, until);
    else await trainSolved(config.model, config, until.signal);
  },
});
