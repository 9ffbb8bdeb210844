// `tributary plot`: a figure of a run as SVG, from the files that the run left: how it learned, how steady single users
// are, how it did on events as they came.
import { writeWhole } from "../../../shared/disk/whole-file.ts";
import { unreachable } from "../../../shared/errors/errors.ts";
import { usersOf } from "../../../shared/judging/stability.ts";
import { svgOf } from "../../../shared/plots/svg.ts";
import { defineCommand } from "../../../shared/runtime/command.ts";
import { learningFigure } from "./learning.ts";
import { options } from "./options.ts";
import { prequentialFigure } from "./prequential.ts";
import { readLearning, readUsers, readWindows } from "./run.ts";
import { stabilityFigure } from "./stability.ts";

export const command = defineCommand({
  name: "plot",
  summary: "A run as a figure: learning, stability of single users, prequential curves (SVG)",
  positionals: ["figure"],
  options,
  async run({ figure, run, out, users, seed }) {
    await writeWhole(out, await svgOf(await specOf()));
    process.stderr.write(`${out}\n`);

    async function specOf() {
      switch (figure) {
        case "learning":
          return learningFigure(await readLearning(run));
        case "stability":
          return stabilityFigure(usersOf(await readUsers(run), users, seed));
        case "prequential":
          return prequentialFigure(await readWindows(run));
        default:
          return unreachable(figure);
      }
    }
  },
});
