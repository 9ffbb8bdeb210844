// What a server's weights and leases must look like before the trainer computes with them: a server of another kind
// ends in an error that says so. Between connection.ts and compute.ts.
import { AppError } from "../../shared/errors/errors.ts";
import { criticShapes } from "../../shared/neural/critic.ts";
import { oldShapes, shapesOf } from "../../shared/neural/parameters.ts";
import {
  bagWidth,
  canStepAlone,
  codeWidth,
  latentOf,
  type Recipe,
  usesOldPosterior,
} from "../../shared/neural/recipe.ts";
import { type Expected, mustBe } from "../../shared/training/expected.ts";
import type { FromServer, Lease } from "../../shared/training/messages.ts";
import { asExpected, rowsName, typeOf, type Wire } from "../../shared/training/numbers.ts";
import { type Input, phaseOf, type Sent } from "../../shared/training/phases.ts";
import type { Described } from "../../shared/training/tensors.ts";
import type { Tensors } from "./reading.ts";

/** What the weights at hand are of. */
export type Models = Partial<Record<Sent, Recipe>>;

/** Throws FRAME_MALFORMED. */
export function weightsChecked(
  { group, model }: FromServer & { type: "weights" },
  described: readonly Described[],
  wire: Wire,
): void {
  const shapes = group === "old" ? oldShapes(model) : shapesOf(group, model);
  mustBe(asExpected(shapes, wire), described, { weights: group });
}

/** Throws FRAME_MALFORMED: names, shapes, the weights that the phase needs. */
export function leaseChecked(
  lease: Lease,
  described: readonly Described[],
  { hidden, decoder, old }: Models,
  wire: Wire,
): void {
  const where = { phase: lease.phase, step: lease.step };
  const { weights, needs, gives, ownSteps } = phaseOf(lease.phase);
  const cannotStepAlone = lease.inner && !(ownSteps && hidden && canStepAlone(hidden));
  const hasNoPosterior = gives.includes("posterior") && hidden && latentOf(hidden) === 0;
  const hasNoCritic = needs.includes("critic") && hidden && hidden.critic === null;
  if (!hidden || lease.batchSize === 0 || !described[0]?.shape[0] || cannotStepAlone || hasNoPosterior || hasNoCritic)
    throw new AppError("FRAME_MALFORMED", { what: "a lease that cannot be computed", ...where });
  const needsDecoder = weights.includes("decoder");
  const fits =
    decoder &&
    hidden.items === decoder.items &&
    codeWidth(hidden) === codeWidth(decoder) &&
    lease.versions.decoder !== null;
  if (needsDecoder && !fits)
    throw new AppError("FRAME_MALFORMED", { what: "a lease whose decoder does not fit its encoder", ...where });
  const needsOld = needs.includes("old") && lease.versions.old !== undefined;
  const hasOld =
    lease.inner && old && usesOldPosterior(old) && old.items === hidden.items && lease.versions.old !== null;
  if (needsOld && !hasOld)
    throw new AppError("FRAME_MALFORMED", { what: "a lease whose old encoder does not fit its encoder", ...where });
  mustBe(expectedOf(lease, described, hidden, wire), described, where);
}

/**
 * Steps of the trainer's own say how many users there are, otherwise the first tensor does; lists of columns how long
 * they are.
 */
function expectedOf(
  { phase, inner, versions }: Lease,
  described: readonly Described[],
  config: Recipe,
  wire: Wire,
): Expected[] {
  const [hidden, latent] = [bagWidth(config), latentOf(config)];
  const users = inner ? inner.reduce((sum, step) => sum + step.users, 0) : (described[0]?.shape[0] ?? 0);
  const lengthOf = (name: string) => described.find((each) => each.name === name)?.shape[0] ?? 0;
  const ragged = (name: string, endsName: string): Expected[] => [
    [name, [lengthOf(name)], "i32"],
    [endsName, [users], "i32"],
  ];
  const inputs: Readonly<Record<Input, () => readonly Expected[]>> = {
    bag: () =>
      inner
        ? [
            ["items", [lengthOf("items")], "i32"],
            [rowsName, [lengthOf("items"), hidden], typeOf(rowsName, wire)],
          ]
        : [["bag", [users, hidden]]],
    rows: () => ragged("columns", "ends"),
    keys: () => [["users", [users], "i32"]],
    old: () =>
      usesOldPosterior(config) && versions.old === undefined
        ? ["muOld", "logvarOld"].map((name): Expected => [name, [users, latent]])
        : [],
    critic: () => criticShapes,
    targets: () => ragged("targets", "targetEnds"),
  };
  return phaseOf(phase).needs.flatMap((kind) => inputs[kind]());
}

/** Throws FRAME_MALFORMED when a column is none of the model's, or the rows do not fill their list. */
export function rowsChecked(tensors: Tensors, { items }: Recipe): void {
  for (const [name, endsName] of [
    ["columns", "ends"],
    ["targets", "targetEnds"],
  ] as const) {
    const columns = tensors.get(name)?.data;
    const ends = tensors.get(endsName)?.data;
    if (!columns || !ends) continue;
    const areRows = ends.every((end, k) => end >= (ends[k - 1] ?? 0)) && (ends.at(-1) ?? 0) === columns.length;
    if (!areRows || !areBelow(columns, items))
      throw new AppError("FRAME_MALFORMED", { what: `${name} that are no rows of ${items} items` });
  }
  const touched = tensors.get("items")?.data;
  if (touched && !touched.every((item, k) => item > (touched[k - 1] ?? -1) && item < items))
    throw new AppError("FRAME_MALFORMED", { what: `rows of what is none of ${items} items` });
}

/** Whether all are whole numbers from 0 to below `end`; lists are millions long. */
function areBelow(numbers: ArrayLike<number>, end: number): boolean {
  let [least, most] = [0, -1];
  for (let k = 0; k < numbers.length; k++) {
    const each = numbers[k]!;
    if (each < least) least = each;
    if (each > most) most = each;
  }
  return least >= 0 && most < end;
}
