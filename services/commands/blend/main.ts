// The `blend` command: one model of two.
import { defineCommand } from "../../../shared/runtime/command.ts";
import { blend } from "./blend.ts";
import { options } from "./options.ts";

export const command = defineCommand({
  name: "blend",
  summary: "One model of two: their scores, standardised per user, mixed by a weight that validation users choose",
  options,
  async run(config, { signal }) {
    await blend(config, signal).catch((error: unknown) => {
      if (error !== signal.reason) throw error; // asked to stop, it leaves nothing
    });
  },
});
