// The graph engine beyond golden numbers: what its builder refuses, what its sessions hold and let go, and a network as
// a graph that is the same whoever computes it, however it is filled up.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { trainOuterEpoch } from "../../services/server/run/outer-epoch.ts";
import type { Engine } from "../../shared/compute/engine.ts";
import type { Node, Program } from "../../shared/compute/graph/node.ts";
import {
  add,
  at,
  columns,
  exp,
  input,
  multiply,
  product,
  reshape,
  stack,
  sum,
  sumsOf,
  variable,
  without,
} from "../../shared/compute/graph/operations.ts";
import { type GraphBinding, openSession } from "../../shared/compute/graph/session.ts";
import { adam } from "../../shared/compute/graph/updates.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { graphNetwork } from "../../shared/neural/graph/network.ts";
import type { EncoderPart, Network } from "../../shared/neural/network.ts";
import { openNetwork } from "../../shared/neural/open-network.ts";
import { groupOf, initialise } from "../../shared/neural/parameters.ts";
import type { Recipe } from "../../shared/neural/recipe.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { neuralNames, systemOf } from "../../shared/systems/registry.ts";
import { turnedRecipe } from "../../shared/systems/turned.ts";
import { withoutTensorflow } from "./engines.ts";
import { inProcess, train } from "./in-process.ts";
import { deviation } from "./recvae.ts";

const matrix = (name: string, rows: number | string, width: number) => input(name, "float32", [rows, width]);

describe("the builder refuses, by name and shape", () => {
  test.each([
    [
      "matrices that do not fit",
      () => product(matrix("a", "users", 3), matrix("b", 4, 2)),
      "MatMul: a float32 [users, 3] and b float32 [4, 2] do not fit",
    ],
    [
      "sizes of two names",
      () => add(matrix("a", "users", 3), matrix("b", "entries", 3)),
      "AddV2: a float32 [users, 3] and b float32 [entries, 3] do not fit",
    ],
    ["an axis that is not there", () => sum(matrix("a", "users", 3), [2]), "Sum: a float32 [users, 3] has no axis 2"],
    [
      "columns that are not there",
      () => columns(matrix("a", "users", 3), 2, 2),
      "Slice: a float32 [users, 3] has no 2 columns from 2",
    ],
    [
      "places that are no whole numbers",
      () => at(matrix("a", "users", 3), matrix("p", "entries", 2)),
      "are no matrix and places in it",
    ],
    [
      "another number of values than places",
      () => without(matrix("a", 4, 3), input("p", "int32", ["entries", 2]), input("v", "float32", [5])),
      "do not fit",
    ],
    [
      "whole numbers and floats in one",
      () => add(input("a", "int32", [3]), input("b", "float32", [3])),
      "AddV2: a int32 [3] and b float32 [3] are of two types",
    ],
    ["whole numbers where floats are", () => exp(input("a", "int32", [3])), "Exp: a int32 [3] is not of floats"],
    [
      "a shape of two lengths that are not known",
      () => reshape(matrix("a", "users", 6), ["users", "entries"]),
      "of one length at most is no number",
    ],
    ["stacks of two shapes", () => stack([matrix("a", 2, 3), matrix("b", 2, 2)]), "are of two shapes"],
    [
      "rows that are summed by other places",
      () => sumsOf(matrix("a", "entries", 3), input("of", "int32", ["users"]), 4, 4),
      "do not fit",
    ],
  ])("%s", (_, build, told) => {
    expect(build).toThrow(told);
  });
});

describe.skipIf(withoutTensorflow)("a session", () => {
  const binding: GraphBinding & { getNumOfTensors(): number; getNumOfSavedModels(): number } = createRequire(
    import.meta.url,
  )("@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node");
  const x = matrix("x", "users", 2);
  const program: Program = {
    variables: { w: [2, 2], b: [2] },
    routines: {
      linear: { inputs: [x], outputs: { y: add(product(x, variable("w", [2, 2])), variable("b", [2])) } },
      twice: { inputs: [x], outputs: { y: add(x, x) } },
    },
  };
  const plain = { compiled: false, say: () => {} };
  const ones = (length: number) => new Float32Array(length).fill(1);
  const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith("tributary-graph-"));

  beforeAll(() => openEngine({ wanted: "graph" }));

  test("keeps its variables from run to run, until they are replaced one by one", () => {
    const session = openSession(binding, program, plain);
    session.assign({ w: Float32Array.of(1, 2, 3, 4), b: Float32Array.of(10, 20) });
    const run = (users: number) => [...session.run("linear", { users }, { x: ones(2 * users) }).y!];
    expect([run(1), run(1), run(2)]).toEqual([
      [14, 26],
      [14, 26],
      [14, 26, 14, 26],
    ]);
    session.assign({ b: Float32Array.of(0, 0) });
    expect(run(1)).toEqual([4, 6]);
    session.dispose();
  });

  test.each([false, true])("goes several times through a routine in one run, compiled: %s", (compiled) => {
    const [x2, t, rate] = [input("x", "float32", [2]), input("t", "float32", []), input("rate", "float32", [])];
    const loss = sum(multiply(variable("w", [2]), x2), [0]);
    const updated: Program = {
      variables: { w: [2], m: [2], v: [2] },
      routines: {
        steps: {
          ...{ inputs: [x2, t, rate], outputs: { loss, times: t }, repeated: true },
          updates: [adam(["w", "m", "v"], x2, { learningRate: 1, beta1Power: rate, beta2Power: rate, epsilon: t })],
        },
      },
    };
    const session = openSession(binding, updated, { ...plain, compiled });
    session.assign({ w: Float32Array.of(4, 6), m: ones(2).fill(0), v: ones(2).fill(0) });
    const given = { x: ones(6), t: ones(3), rate: ones(3).fill(0) };
    const run = (count: number) => session.run("steps", { steps: 3 }, { count: Int32Array.of(count), ...given });
    const way = (t: number) => (1 - 0.9 ** t) / (Math.sqrt(1 - 0.999 ** t) + 1);
    expect([...run(2).loss!, ...run(0).loss!]).toEqual([expect.closeTo(10 + 10 - 2 * way(1), 4), 0]);
    expect(run(3).times![0]).toBe(3);
    const { w, v } = session.read(["w", "v"]);
    const fallen = [1, 2, 3, 4, 5].reduce((all, t) => all + way(t), 0);
    expect([...w!]).toEqual([expect.closeTo(4 - fallen, 4), expect.closeTo(6 - fallen, 4)]);
    expect(v![0]).toBeCloseTo(1 - 0.999 ** 5, 5);
    session.dispose();
  });

  test("leaves no tensor, no model and no folder behind", () => {
    const before = [binding.getNumOfTensors(), binding.getNumOfSavedModels(), folders()];
    const session = openSession(binding, program, plain);
    expect(folders()).toEqual(before[2]);
    for (let k = 0; k < 3; k++) session.assign({ w: ones(4), b: ones(2) });
    session.run("linear", { users: 3 }, { x: ones(6) });
    expect(() => session.run("linear", { users: 3 }, { x: ones(5) })).toThrow("input x: 5 numbers are none of [3, 2]");
    session.dispose();
    expect([binding.getNumOfTensors(), binding.getNumOfSavedModels(), folders()]).toEqual(before);
  });

  test("says what the library says when a routine does not run", () => {
    const session = openSession(binding, program, plain);
    expect(() => session.run("linear", { users: 1 }, { x: ones(2) })).toThrow(
      /^ENGINE_FAILED: .*the routine linear does not run: .*(variable|resource|container)/is,
    );
    expect([...session.run("twice", { users: 1 }, { x: ones(2) }).y!]).toEqual([2, 2]);
    session.dispose();
  });

  test("goes on with the plain graph where XLA cannot compile, and says so once", () => {
    const said: string[] = [];
    const runSavedModel: GraphBinding["runSavedModel"] = (id, fed, fedNames, fetchedNames) => {
      if (fetchedNames.includes("/compiled")) throw new Error("UNIMPLEMENTED: no kernel\nand more");
      return binding.runSavedModel(id, fed, fedNames, fetchedNames);
    };
    const unable: GraphBinding = Object.create(binding, { runSavedModel: { value: runSavedModel } });
    const session = openSession(unable, program, { compiled: true, say: (line) => said.push(line) });
    for (let k = 0; k < 2; k++) expect([...session.run("twice", { users: 1 }, { x: ones(2) }).y!]).toEqual([2, 2]);
    expect(session.compiled).toBe(false);
    expect(said).toEqual([
      'compiling twice {"users":1}',
      "XLA cannot compile (UNIMPLEMENTED: no kernel): going on with the plain graph, which is slower",
    ]);
    session.dispose();
  });

  test("goes on plainly where XLA really has no kernel, and names it", () => {
    const matrix_22 = matrix("m", 2, 2);
    const determinant: Node = {
      ...{ op: "MatrixDeterminant", output: "output", from: [matrix_22] },
      ...{ attributes: { T: { type: "float32" } }, dtype: "float32", shape: [] },
    };
    const routines = { determinant: { inputs: [matrix_22], outputs: { y: determinant } } };
    const said: string[] = [];
    const session = openSession(
      binding,
      { variables: {}, routines },
      { compiled: true, say: (line) => said.push(line) },
    );
    expect(session.run("determinant", {}, { m: Float32Array.of(1, 2, 3, 4) }).y![0]).toBeCloseTo(-2, 5);
    expect(said.at(-1)).toMatch(/^XLA cannot compile \(.*MatrixDeterminant.*\): going on with the plain graph/);
    session.dispose();
  });

  test("tells how long XLA took for each size, once", () => {
    const took: number[] = [];
    const session = openSession(binding, program, { compiled: true, say: () => {}, compiledIn: (ms) => took.push(ms) });
    for (const users of [1, 1, 2, 1]) session.run("twice", { users }, { x: ones(2 * users) });
    expect([session.compiled, took.length]).toEqual([true, 2]);
    expect(Math.min(...took)).toBeGreaterThan(0);
    session.dispose();
  });

  /** Whose compiled routines fail so, so often. */
  const failing = (message: string, times = Number.POSITIVE_INFINITY): GraphBinding => {
    let left = times;
    return Object.create(binding, {
      runSavedModel: {
        value: (...[id, fed, fedNames, fetched]: Parameters<GraphBinding["runSavedModel"]>) => {
          if (fetched.includes("/compiled") && left-- > 0) throw new Error(message);
          return binding.runSavedModel(id, fed, fedNames, fetched);
        },
      },
    });
  };

  test.each([
    "Session fail to run with error: Can't parse KEPT/xla_1__2__XLA_GPU_JIT.pb as binary proto",
    "Session fail to run with error: Serialized cache key does not match.",
    "Session fail to run with error: Failed to parse serialized CpuAotCompilationResult.",
    "Session fail to run with error: KEPT/xla_1__2__XLA_GPU_JIT.pb.tmp; No space left on device",
  ])(
    "a spoilt entry of what was kept is dropped, and the graph compiled anew, its variables as they were: %s",
    (message) => {
      const kept = mkdtempSync(join(tmpdir(), "tributary-kept-"));
      writeFileSync(join(kept, "xla_1__2__XLA_GPU_JIT.pb"), "spoilt");
      const said: string[] = [];
      const wishes = { compiled: true, kept, say: (line: string) => said.push(line) };
      const first = binding.getNumOfSavedModels();
      const tensors = binding.getNumOfTensors();
      const session = openSession(failing(message.replace("KEPT", kept), 1), program, wishes);
      session.assign({ b: Float32Array.of(1, 2), w: Float32Array.of(1, 2, 3, 4) });
      expect([...session.run("linear", { users: 1 }, { x: ones(2) }).y!]).toEqual([5, 8]);
      expect(said.at(-1)).toContain(`: ${kept} is emptied, and it compiles anew`);
      expect([session.compiled, readdirSync(kept), binding.getNumOfSavedModels()]).toEqual([true, [], first + 1]);
      session.dispose();
      expect(binding.getNumOfTensors()).toBe(tensors);

      const never = openSession(failing(message.replace("KEPT", kept)), program, wishes);
      expect([...never.run("twice", { users: 1 }, { x: ones(2) }).y!]).toEqual([2, 2]);
      expect([never.compiled, said.at(-1)]).toEqual([false, expect.stringContaining("going on with the plain graph")]);
      never.dispose();
      rmSync(kept, { recursive: true });
    },
  );

  test("ends where the device has no memory left: the plain graph would need more of it", () => {
    const message = "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 40216000 bytes.";
    const session = openSession(failing(message), program, { compiled: true, say: () => {} });
    expect(() => session.run("twice", { users: 1 }, { x: ones(2) })).toThrow(
      `ENGINE_FAILED: the routine twice does not run: ${message}`,
    );
    session.dispose();
  });
});

describe.skipIf(withoutTensorflow)("a network on the graph engine", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openEngine({ wanted: "graph", graphs: { compiled: false } });
  });
  const config = recipeOf({ ...defaults, items: 40, hidden: 12, latent: 5, learningRate: 0.01 });
  const rows = Array.from({ length: 11 }, (_, user) =>
    Int32Array.from({ length: 1 + (user % 5) }, (_, k) => (7 * user + 3 * k) % 40),
  );
  const wave = (length: number, step: number) => Float32Array.from({ length }, (_, k) => Math.sin(step * k));

  function taken(network: Network, recipe: Recipe): Network {
    const weights = initialise(recipe, 3);
    network.take("hidden", recipe, weights);
    network.take("decoder", recipe, groupOf(weights, "decoder", recipe));
    return network;
  }

  test.each([1, 5, 11])(
    "a part of %i users that is filled up to the next size has the same numbers but for rounding",
    (users) => {
      const part: EncoderPart = {
        bag_BH: wave(users * 12, 0.7),
        rows: rows.slice(0, users),
        noise_BL: wave(users * 5, 1.3),
        batchSize: 20,
        old: { mu_BL: wave(users * 5, 0.3), logvar_BL: wave(users * 5, 0.9) },
      };
      const plain = taken(graphNetwork(engine.openSession!), config);
      const filled = taken(
        graphNetwork((program) => ({ ...engine.openSession!(program), compiled: true })),
        config,
      );
      const all = ({ encoder, decoder, posterior, score }: Network) => {
        const [joint, one, own] = [encoder(part, true), decoder(part), posterior(part.bag_BH)];
        const gradients = Object.entries({ ...one.gradients, ...joint.gradients }).map(([, { data }]) => data);
        const losses = [joint.reconstruction, joint.kl, one.reconstruction];
        return [
          losses,
          joint.dBag_BH,
          own.mu_BL,
          own.logvar_BL,
          one.posterior!.mu_BL,
          score(part.bag_BH),
          ...gradients,
        ];
      };
      const [expected, found] = [all(plain), all(filled)];
      expect(found.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
      found.forEach((numbers, k) => {
        expect(deviation(numbers, expected[k]!)).toBeLessThan(1e-5);
      });
      plain.dispose();
      filled.dispose();
    },
  );

  test("a part's time is told as one section", () => {
    const network = taken(graphNetwork(engine.openSession!), config);
    const sections: string[] = [];
    const sectionDone = (section: string) => sections.push(section);
    network.decoder({ bag_BH: wave(12, 1), rows: [rows[3]!], noise_BL: wave(5, 1), batchSize: 1, sectionDone });
    expect(sections).toEqual(["graph"]);
    network.dispose();
  });

  test.each([2, 3])("%i trainers make the model of one, byte for byte", async (trainers) => {
    const wanted = { config, rows, seed: 5, epochs: 2, schedule: { batchSize: 6 } };
    const one = await train(engine, wanted);
    const several = await train(engine, { ...wanted, trainers });
    expect(several.store.weights).toEqual(one.store.weights);
    expect(several.store.state()).toEqual(one.store.state());
  });

  test.each([
    ["exact", {}],
    ["local", { local: { every: 2, trainers: 2 } }],
  ])("learns in %s mode what the tensorflow engine learns", async (_, mode) => {
    const wanted = { config, rows, seed: 5, epochs: 2, schedule: { batchSize: 3 }, ...mode };
    const graph = await train(engine, wanted);
    const other = await train(await openEngine({ wanted: "tensorflow" }), wanted);
    for (const [name, { data }] of Object.entries(other.store.weights))
      expect(deviation(graph.store.weights[name]!.data, data), name).toBeLessThan(1e-3);
  });

  test.each([1, 2])("a catalogue that grows below %i trainers: they go on as new ones would", async (trainers) => {
    const [few, many, seed] = [rows.map((row) => row.filter((item) => item < 30)), rows, 5];
    const small = { ...config, items: 30 };
    const schedule = { batchSize: 6 };
    const popularity = new Float64Array(40).fill(1);
    const grown = async (again: boolean) => {
      const run = await train(engine, { config: small, rows: few, seed, epochs: 0, schedule });
      const steps = [inProcess(engine, seed, () => {}, trainers), inProcess(engine, seed, () => {}, trainers)];
      const epoch = (of: typeof rows, which: number) =>
        trainOuterEpoch(run, Uint32Array.from(of.keys()), (user) => of[user]!, steps[which]!);
      await epoch(few, 0);
      run.store.grow(40, popularity, seed);
      await epoch(many, again ? 1 : 0);
      return run;
    };
    const [same, other] = [await grown(false), await grown(true)];
    expect(same.store.weights).toEqual(other.store.weights);
    expect(same.store.weights["decoder.weight"]!.shape).toEqual([40, 5]);
  });

  test.each(neuralNames)("%s is computed, or refused with what to do instead where the engine was wished", (name) => {
    const sizes = { items: 9, users: 4 };
    const recipe = turnedRecipe(systemOf(name).preset, { hidden: 6 }, sizes);
    const take = () => graphNetwork(engine.openSession!).take("hidden", recipe, {});
    if (!["ract", "warp", "lambdanet"].includes(name)) return expect(take).not.toThrow();
    const chosen = openNetwork({ ...engine, isWished: false });
    expect(() => chosen.take("hidden", recipe, initialise(recipe, 1))).not.toThrow();
    chosen.dispose();
    expect(take).toThrow(/^ENGINE_UNFIT: .*the graph engine does not compute a model .*--engine tensorflow/);
  });
});
