// A program loaded into TensorFlow: variables that are assigned and stay, routines that run on typed arrays.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "../../errors/errors.ts";
import { typeNumbers } from "./definitions.ts";
import { forgetCompiled, isOfKept } from "./kept.ts";
import { fedTo, type Node, type Program, type Routine, sized } from "./node.ts";
import { names, savedModel } from "./saved-model.ts";

/** What we use of tfjs-node-gpu's binding: a tensor is a number, and whoever has it deletes it. */
export interface GraphBinding {
  createTensor(shape: number[], type: number, values: Values): number;
  tensorDataSync(id: number): Values;
  deleteTensor(id: number): void;
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  runSavedModel(id: number, fed: number[], fedNames: string, fetchedNames: string): { readonly id: number }[];
}

type Values = Float32Array | Int32Array;

export interface Wishes {
  /** XLA makes one piece of each routine, anew for each set of sizes. */
  readonly compiled: boolean;
  /** Folder of what was compiled before, where there is one. */
  readonly kept?: string | undefined;
  /** Told a line for people: that something takes long, or did not work and was done another way. */
  say(line: string): void;
  /** Told the milliseconds of each first compiled run: what XLA took for it, all but. */
  compiledIn?(ms: number): void;
}

export interface Session {
  /** Whether routines run compiled: few different sizes are then to be preferred. */
  readonly compiled: boolean;
  /** The arrays may be shared, not copied: leave them as they are until they are replaced or the session is gone. */
  assign(values: Readonly<Record<string, Float32Array>>): void;
  /** Copies of variables as they are now. Throws ENGINE_FAILED. */
  read(variables: readonly string[]): Record<string, Float32Array>;
  /** `sizes` of the names in the inputs' shapes. All outputs. Throws ENGINE_FAILED. */
  run(
    routine: string,
    sizes: Readonly<Record<string, number>>,
    inputs: Readonly<Record<string, Values>>,
  ): Record<string, Float32Array>;
  dispose(): void;
}

/** Throws ENGINE_FAILED. */
export function openSession(
  binding: GraphBinding,
  program: Program,
  { compiled: wanted, kept, say, compiledIn }: Wishes,
): Session {
  let id = load(binding, savedModel(program, wanted));
  const held = new Map<string, number>();
  const said = new Set<string>();
  let compiled = wanted;
  let isAnew = false;

  /** Fetches by name; the tensors are the caller's. */
  const fetch = (fed: readonly number[], fedNames: readonly string[], fetched: readonly string[]) =>
    binding
      .runSavedModel(id, [...fed], fedNames.map((name) => `${name}:0`).join(), fetched.join())
      .map((tensor) => tensor.id);

  function run(name: string, routine: Routine, outputs: readonly string[], fed: readonly number[]): number[] {
    const fedNames = fedTo(routine).map((each) => names.input(name, each.name!));
    if (compiled && !routine.plain) {
      try {
        return fetch(
          fed,
          fedNames,
          outputs.map((_, k) => `${names.call(name)}:${k}`),
        );
      } catch (error) {
        const why = firstLine(error);
        if (isOutOfMemory(why)) throw failed(`the routine ${name} does not run`, error);
        if (kept !== undefined && isOfKept(why, kept) && !isAnew) {
          say(`XLA cannot use what was kept (${why}): ${kept} is emptied, and it compiles anew`);
          forgetCompiled(kept);
          loadAnew();
          return run(name, routine, outputs, fed);
        }
        compiled = false;
        say(`XLA cannot compile (${why}): going on with the plain graph, which is slower`);
      }
    }
    return failing(`the routine ${name} does not run`, () =>
      fetch(
        fed,
        fedNames,
        outputs.map((output) => `${names.output(name, output)}:0`),
      ),
    );
  }

  /** XLA remembers within a session what it could not compile. The variables come along. */
  function loadAnew(): void {
    isAnew = true;
    const values: Record<string, Float32Array> = Object.assign({}, ...Object.keys(program.variables).map(standing));
    const before = id;
    id = load(binding, savedModel(program, wanted));
    if (Object.keys(values).length > 0) assign(values);
    binding.deleteSavedModel(before);
  }

  /** Nothing of a variable that was not assigned yet. */
  function standing(name: string): Record<string, Float32Array> {
    try {
      return read([name]);
    } catch {
      return {};
    }
  }

  function assign(values: Readonly<Record<string, Float32Array>>): void {
    const entries = Object.entries(values).map(([name, data]) => {
      const shape = program.variables[name];
      if (!shape) throw new Error(`no variable ${name}`);
      return { name, id: binding.createTensor([...shape], typeNumbers.float32, data) };
    });
    const done = failing("weights cannot be assigned", () =>
      fetch(
        entries.map((entry) => entry.id),
        entries.map(({ name }) => names.given(name)),
        entries.map(({ name }) => `${names.taken(name)}:0`),
      ),
    );
    for (const each of done) binding.deleteTensor(each);
    // A variable on the CPU is the array that was given: it is let go here, on this thread, after its successor came.
    for (const { name, id } of entries) {
      const before = held.get(name);
      held.set(name, id);
      if (before !== undefined) binding.deleteTensor(before);
    }
  }

  function read(variables: readonly string[]): Record<string, Float32Array> {
    const found = failing("variables cannot be read", () =>
      fetch(
        [],
        [],
        variables.map((name) => `${names.read(name)}:0`),
      ),
    );
    return Object.fromEntries(variables.map((name, k) => [name, taken(binding, found[k]!)]));
  }

  return {
    get compiled() {
      return compiled;
    },
    assign,
    read,
    run(name, sizes, given) {
      const routine = program.routines[name];
      if (!routine) throw new Error(`no routine ${name}`);
      const outputs = Object.keys(routine.outputs);
      const first = `${name} ${JSON.stringify(sizes)}`;
      const isFirst = compiled && !routine.plain && !said.has(first);
      if (isFirst) say(`compiling ${first}`);
      said.add(first);
      const startedAt = performance.now();
      const fed: number[] = [];
      try {
        for (const input of fedTo(routine)) fed.push(tensorOf(binding, input, sizes, given));
        const fetched = run(name, routine, outputs, fed);
        if (isFirst && compiled) compiledIn?.(performance.now() - startedAt);
        return Object.fromEntries(outputs.map((output, k) => [output, taken(binding, fetched[k]!)]));
      } finally {
        for (const each of fed) binding.deleteTensor(each);
      }
    },
    dispose() {
      binding.deleteSavedModel(id);
      for (const each of held.values()) binding.deleteTensor(each);
      held.clear();
    },
  };
}

/** TensorFlow reads a folder, once. */
function load(binding: GraphBinding, bytes: Uint8Array): number {
  const folder = mkdtempSync(join(tmpdir(), "tributary-graph-"));
  try {
    writeFileSync(join(folder, "saved_model.pb"), bytes);
    return failing("the graph cannot be loaded", () => binding.loadSavedModel(folder, "serve"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function tensorOf(
  binding: GraphBinding,
  { name, dtype, shape }: Node,
  sizes: Readonly<Record<string, number>>,
  given: Readonly<Record<string, Values>>,
): number {
  const values = given[name!];
  if (!values) throw new Error(`no input ${name}`);
  const numbers = sized(shape, sizes);
  if (numbers.reduce((all, each) => all * each, 1) !== values.length)
    throw new Error(`input ${name}: ${values.length} numbers are none of [${numbers.join(", ")}]`);
  return binding.createTensor(numbers, typeNumbers[dtype], values);
}

function taken(binding: GraphBinding, id: number): Float32Array {
  try {
    return binding.tensorDataSync(id) as Float32Array;
  } finally {
    binding.deleteTensor(id);
  }
}

function failing<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw failed(what, error);
  }
}

const failed = (what: string, error: unknown) =>
  new AppError("ENGINE_FAILED", { what: `${what}: ${firstLine(error)}` }, { cause: error });

/** The plain graph would need more of it. */
const isOutOfMemory = (message: string) => /RESOURCE_EXHAUSTED|OOM when|out of memory/i.test(message);

const firstLine = (error: unknown) => (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
