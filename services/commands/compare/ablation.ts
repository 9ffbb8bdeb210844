// The paper's ablation as rows of the benchmark's plan. Pure.
import { features, type AblationStep as Step, ablation as stepsOf } from "../../../shared/systems/recvae/ablation.ts";
import { recvae } from "../../../shared/systems/recvae/recvae.ts";
import { gridOf } from "./grids.ts";
import { type Entry, numbersIn } from "./plan.ts";

export { features };

export interface AblationRow extends Pick<Step, "id" | "has"> {
  readonly entry: Entry;
}

/** `itemsPerUser`: of a training user, on average. */
export function ablation(itemsPerUser: number): AblationRow[] {
  const [whole] = recvae.grid!.settings;
  return stepsOf(numbersIn(whole!.flags).get("gamma")!, itemsPerUser).map(({ id, has, model, flags }) => ({
    id,
    has,
    entry: {
      id: `ablation: ${id}`,
      kind: "neural",
      model,
      flags: gridOf(model).flags,
      settings: [{ name: flags.length === 0 ? "usual" : id, flags }],
      isSeeded: true,
      startsFrom: [],
    },
  }));
}
