// A replica on the device: weights, moments and the old encoder stay there, and several steps are one run. See
// ../replica.ts.
import type { Program } from "../../compute/graph/node.ts";
import type { Session } from "../../compute/graph/session.ts";
import type { Kernels } from "../../compute/kernels/kernels.ts";
import { allShapesOf, embeddingOf, oldShapes, shapesOf, type Weights } from "../parameters.ts";
import type { Recipe } from "../recipe.ts";
import type { Moved, Replica, Stint } from "../replica.ts";
import { firstMoment, oldName, type ReplicaPhase, replicaProgram, secondMoment, sums } from "./replica-program.ts";
import {
  entriesOf,
  inputsOf,
  listsOf,
  mostUsers,
  roomFor,
  type Sizes,
  type Span,
  spansOf,
  type Updates,
} from "./run-inputs.ts";

/** Steps of one run: more of them gain little, and the lists of all lie in the device's memory. */
const STEPS = 8;

interface Loaded {
  readonly config: Recipe;
  readonly session: Session;
  /** Groups that are on the device as they were sent. */
  readonly held: Map<"hidden" | "decoder" | "old", Weights>;
  /** Entries that the runs so far had room for. */
  entries: number;
  /** The lists of the newest run, to be written over: a run reads them while it lasts. */
  lists?: { readonly sizes: string; readonly of: ReturnType<typeof listsOf> };
  /** The first layer's rows as float32, likewise. */
  table: Float32Array;
}

export function graphReplica(
  openSession: (program: Program) => Session,
  seed: number,
  { fromHalves }: Pick<Kernels, "fromHalves">,
): Replica {
  const updates: Updates = { encoder: 0, decoder: 0 };
  let loaded: Loaded | undefined;

  /** The program of the model at hand. One of more items than before goes on with the moments that there are. */
  function loadedFor(config: Recipe): Loaded {
    if (loaded && JSON.stringify(loaded.config) === JSON.stringify(config)) return loaded;
    const before = loaded && momentsOf(loaded);
    loaded?.session.dispose();
    const session = openSession(replicaProgram(config));
    session.run("begin", {}, {});
    if (before) session.assign(grown(before, config));
    loaded = { config, session, held: new Map(), entries: 0, table: new Float32Array(0) };
    return loaded;
  }

  /** A group as it was sent, unless it lies there and did not move. */
  function hold({ session, held, config }: Loaded, group: "hidden" | "decoder" | "old", weights: Weights): void {
    if (held.get(group) === weights) return;
    const names = group === "old" ? oldShapes(config) : shapesOf(group, config);
    const variable = group === "old" ? oldName : (name: string) => name;
    session.assign(Object.fromEntries(names.map(([name]) => [variable(name), weights[name]!.data])));
    held.set(group, weights);
  }

  function steps(stint: Stint, phase: ReplicaPhase, old?: Weights): Moved {
    const { config, items, hidden, decoder, sectionDone } = stint;
    const at = loadedFor(config);
    const { session, held } = at;
    hold(at, "hidden", hidden);
    hold(at, "decoder", decoder);
    if (old) hold(at, "old", old);
    const table = asFloats(at, stint.table, fromHalves);
    session.run("takeRows", { rows: items.length }, { places: items, rows: table });
    sectionDone("toDevice");

    const done = run(at, stint, phase);
    sectionDone("graph");

    const differences: Weights = {};
    const moves = phase === "joint" ? (["hidden", "decoder"] as const) : ([moving[phase]] as const);
    for (const group of moves) {
      const start = { hidden, decoder }[group];
      const shapes = shapesOf(group, config);
      const given = Object.fromEntries(shapes.map(([name]) => [name, start[name]!.data]));
      const found = session.run(group === "hidden" ? "movedHidden" : "movedDecoder", {}, given);
      for (const [name, shape] of shapes) differences[name] = { shape, data: found[name]! };
      held.delete(group);
    }
    const rows =
      phase === "decoder"
        ? undefined
        : session.run("movedRows", { rows: items.length }, { places: items, rows: table })[embeddingOf(config)]!;
    sectionDone("fromDevice");
    return { ...done, differences, ...(rows && { rows }) };
  }

  function run(at: Loaded, stint: Stint, phase: ReplicaPhase): Pick<Moved, "reconstruction" | "kl" | "notFinite"> {
    const { session } = at;
    const spans = spansOf(stint.inner);
    const { compiled } = session;
    const [users, entries] = [mostUsers(spans), mostEntries(stint, spans)];
    // compiled for each size: one that there was already is taken, unless it is much too long
    if (entries > at.entries || 2 * entries < at.entries) at.entries = roomFor(entries, 1024);
    const found = { reconstruction: 0, kl: 0 };
    for (let first = 0; first < spans.length; first += STEPS) {
      const some = spans.slice(first, first + STEPS);
      const sizes = compiled
        ? { steps: STEPS, users, entries: at.entries }
        : { steps: some.length, users, entries: mostEntries(stint, some) };
      const given = inputsOf(stint, some, sizes, listsFor(at, sizes), seed, updates);
      const sum = session.run(phase, sizes, { count: Int32Array.of(some.length), ...given });
      if (phase !== "decoder") updates.encoder += some.length;
      if (phase !== "encoder") updates.decoder += some.length;
      found.reconstruction += sum[sums.reconstruction]![0]!;
      found.kl += sum[sums.kl]?.[0] ?? 0;
      const finite = sum[sums.finite]![0]!;
      if (finite < some.length) return { ...found, notFinite: some[finite]!.step.step };
    }
    return found;
  }

  return {
    encoder(stint, old, joint) {
      if ("says" in old) throw new Error("a replica on the device computes what the old encoder says itself");
      return steps(stint, joint ? "joint" : "encoder", old.weights);
    },
    decoder: (stint) => steps(stint, "decoder"),
    dispose() {
      loaded?.session.dispose();
      loaded = undefined;
    },
  };
}

const moving = { encoder: "hidden", decoder: "decoder" } as const;

const mostEntries = (stint: Stint, spans: readonly Span[]) =>
  spans.reduce((most, span) => Math.max(most, entriesOf(stint, span)), 1);

/** All moments, by the names of their variables. */
function momentsOf({ session, config }: Loaded): Record<string, Float32Array> {
  return session.read(allShapesOf(config).flatMap(([name]) => [firstMoment(name), secondMoment(name)]));
}

/** With zeros for what is new: a tensor's items are its first dimension. */
function grown(moments: Readonly<Record<string, Float32Array>>, config: Recipe): Record<string, Float32Array> {
  return Object.fromEntries(
    allShapesOf(config).flatMap(([name, shape]) =>
      [firstMoment(name), secondMoment(name)].map((moment) => {
        const all = new Float32Array(shape.reduce((a, b) => a * b));
        all.set(moments[moment]!);
        return [moment, all] as const;
      }),
    ),
  );
}

function asFloats(at: Loaded, table: Float32Array | Uint16Array, fromHalves: Kernels["fromHalves"]): Float32Array {
  if (table instanceof Float32Array) return table;
  if (at.table.length < table.length) at.table = new Float32Array(table.length);
  const floats = at.table.subarray(0, table.length);
  fromHalves(table, floats);
  return floats;
}

function listsFor(at: Loaded, sizes: Sizes) {
  const key = JSON.stringify(sizes);
  if (at.lists?.sizes !== key) at.lists = { sizes: key, of: listsOf(sizes) };
  return at.lists.of;
}
