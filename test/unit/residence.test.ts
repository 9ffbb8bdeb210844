// Where the answers of a step's parts are kept: beside the weights, where they are added up without a copy, or
// elsewhere when there is no room.
import { expect, test } from "vitest";
import { Residence } from "../../services/server/run/residence.ts";
import { uniform } from "../../shared/compute/draws.ts";
import { Kernels } from "../../shared/compute/kernels/kernels.ts";
import { initialise } from "../../shared/neural/parameters.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";

const config = recipeOf({ ...defaults, items: 40, hidden: 6, latent: 3 });
const SEGMENT = 2 ** 20;
const residence = (home: Kernels) => new Residence(home, config, initialise(config, 1), SEGMENT);

test("answers of the next step take the place of those before, also when they are larger", () => {
  const home = new Kernels();
  const owner = residence(home);
  const [one, two] = owner.answers(2, 1000);
  expect([home.memory.holds(one!), two!.byteOffset - one!.byteOffset]).toEqual([true, 4000]);
  const [again] = owner.answers(3, 5000);
  expect(again!.byteOffset).toBe(one!.byteOffset);
  const { used } = home.memory;
  for (let step = 0; step < 3; step++) owner.answers(3, 5000);
  expect(home.memory.used).toBe(used);
});

test("answers that the weights' memory has no room for lie elsewhere, and a step of them has the same bits", () => {
  const floats = 120; // of the decoder's weights
  const moved = (full: boolean) => {
    const home = new Kernels();
    if (full) home.memory.floats((home.memory.left - 2 * SEGMENT) / 4); // room for the weights and little more
    const owner = residence(home);
    const answers = owner.answers(2, full ? SEGMENT : floats);
    expect(answers.map((each) => home.memory.holds(each))).toEqual([!full, !full]);
    for (const [part, answer] of answers.entries()) uniform(1, part, 1, answer.subarray(0, floats));
    const table = owner.table("decoder.weight");
    table.adam(
      answers.map((answer) => answer.subarray(0, floats)),
      { t: 1, learningRate: 0.01 },
    );
    return table.tensor("weights").data.slice();
  };
  expect(moved(true)).toEqual(moved(false));
});
