// The network as one graph: a part is one run, weights that were sent stay on the device until they are replaced.
// Shapes: B users, N entries of all their rows, H width of the bag, L latent.
import type { Program } from "../../compute/graph/node.ts";
import type { Session } from "../../compute/graph/session.ts";
import { positionsOf } from "../../compute/lists.ts";
import { AppError } from "../../errors/errors.ts";
import type { Network, Part, Posterior } from "../network.ts";
import { shapesOf, type Weights } from "../parameters.ts";
import { bagWidth, klWeightOf, latentOf, type Recipe } from "../recipe.ts";
import { judgedBy, outputs, programOf, type RoutineName } from "./program.ts";

type TakenGroup = Parameters<Network["take"]>[0];

/** What was sent last, on the device or not yet. */
interface Taken {
  readonly recipe: Recipe;
  readonly weights: Weights;
}

/** See network.ts. */
export function graphNetwork(openSession: (program: Program) => Session): Network {
  const taken = new Map<TakenGroup, Taken>();
  /** The groups of it that are on the device. */
  const assigned = new Set<TakenGroup>();
  let loaded: { readonly recipe: string; readonly session: Session } | undefined;

  /** The graph of the recipe at hand, built anew when that has changed, with these groups on the device. */
  function sessionWith(recipe: Recipe, groups: readonly TakenGroup[]): Session {
    const key = JSON.stringify(recipe);
    if (loaded?.recipe !== key) {
      loaded?.session.dispose();
      assigned.clear();
      loaded = { recipe: key, session: openSession(programOf(recipe)!) };
    }
    for (const group of groups) {
      if (assigned.has(group)) continue;
      const { weights } = taken.get(group)!;
      loaded.session.assign(
        Object.fromEntries(shapesOf(group, recipe).map(([name]) => [name, weights[name]!.data] as const)),
      );
      assigned.add(group);
    }
    return loaded.session;
  }

  /** Runs a part's routine; `users` cuts off what filled up. */
  function run(routine: RoutineName, groups: readonly TakenGroup[], bag_BH: Float32Array, part?: Given) {
    const { recipe } = taken.get("hidden")!;
    const session = sessionWith(recipe, groups);
    const users = bag_BH.length / bagWidth(recipe);
    const entries = part ? part.rows.reduce((all, row) => all + row.length, 0) : 0;
    // compiled for each size: few of them then, which follow from the part alone
    const room = session.compiled ? powerOfTwo : (count: number) => count;
    const sizes = { users: room(users, 64), ...(part && { entries: room(entries, 1024) }) };
    const of = (width: number, values: Float32Array) => filledUp(values, sizes.users * width);
    const given = { bag: of(bagWidth(recipe), bag_BH), ...(part && inputsOf(recipe, part, of, room(entries, 1024))) };
    const found = session.run(routine, sizes, given);
    part?.sectionDone?.("graph");
    return {
      found,
      recipe,
      /** A value of each user. */
      of: (name: string) => found[name]!.subarray(0, (found[name]!.length / sizes.users) * users),
    };
  }

  return {
    take(group, recipe, weights) {
      mustBeComputed(recipe);
      taken.set(group, { recipe, weights });
      assigned.delete(group);
    },
    posterior(bag_BH) {
      if (taken.get("hidden")?.recipe.latent === null) throw new Error("a model without a latent has no posterior");
      return posteriorOf(run("posterior", ["hidden"], bag_BH));
    },
    encoder(part, joint) {
      const made = run(joint ? "joint" : "encoder", both, part.bag_BH, part);
      return {
        gradients: gradientsOf(made, joint ? both : ["hidden"]),
        dBag_BH: made.of(outputs.dBag),
        reconstruction: made.found[outputs.reconstruction]![0]!,
        kl: made.found[outputs.kl]?.[0] ?? 0,
      };
    },
    decoder(part) {
      const made = run("decoder", both, part.bag_BH, part);
      return {
        gradients: gradientsOf(made, ["decoder"]),
        reconstruction: made.found[outputs.reconstruction]![0]!,
        posterior: made.recipe.latent === null ? undefined : posteriorOf(made),
      };
    },
    critic() {
      throw new Error("a model with a critic was taken");
    },
    score: (bag_BH) => run("score", both, bag_BH).of(outputs.scores),
    dispose() {
      loaded?.session.dispose();
      loaded = undefined;
    },
  };
}

const both: readonly TakenGroup[] = ["hidden", "decoder"];

/** Asked with every weights that come: no program is built for it. Throws ENGINE_UNFIT. */
function mustBeComputed(recipe: Recipe): void {
  if (judgedBy(recipe)) return;
  const why = recipe.critic ? "a model with a critic" : `a model that learns by ranks (${recipe.likelihood})`;
  throw new AppError("ENGINE_UNFIT", { what: `the graph engine does not compute ${why}` });
}

type Made = { readonly found: Record<string, Float32Array>; readonly recipe: Recipe; of(name: string): Float32Array };

const posteriorOf = ({ of }: Made): Posterior => ({ mu_BL: of(outputs.mu), logvar_BL: of(outputs.logvar) });

const gradientsOf = ({ found, recipe }: Made, groups: readonly TakenGroup[]): Weights =>
  Object.fromEntries(
    groups.flatMap((group) => shapesOf(group, recipe).map(([name, shape]) => [name, { shape, data: found[name]! }])),
  );

/** A part, with what an encoder's has beside. */
type Given = Part & { readonly old?: Posterior | undefined; readonly beta?: number | undefined };

/** `of` fills up to the users that there is room for, a number of so many for each; `room` is that of the entries. */
function inputsOf(
  recipe: Recipe,
  { rows, noise_BL, batchSize, old, beta }: Given,
  of: (width: number, values: Float32Array) => Float32Array,
  room: number,
) {
  const share = 1 / batchSize;
  const latent = latentOf(recipe);
  const positions = positionsOf(rows);
  const each = (count: (row: Int32Array) => number) => of(1, Float32Array.from(rows, count));
  return {
    positions: filledUp(positions, room * 2),
    shares: filledUp(new Float32Array(positions.length / 2).fill(share), room),
    share: each(() => share),
    counts: each((row) => row.length),
    klShare: each((row) => klWeightOf(recipe, row.length, beta ?? 0) * share),
    noise: of(latent, noise_BL),
    ...(old && { muOld: of(latent, old.mu_BL), logvarOld: of(latent, old.logvar_BL) }),
  };
}

/** The values, then zeros. */
function filledUp<T extends Float32Array | Int32Array>(values: T, length: number): T {
  if (values.length === length) return values;
  const filled = (values instanceof Int32Array ? new Int32Array(length) : new Float32Array(length)) as T;
  filled.set(values);
  return filled;
}

const powerOfTwo = (count: number, least: number) => 2 ** Math.ceil(Math.log2(Math.max(least, count)));
