// Threads that share one call of a kernel by taking its blocks one after another. The caller takes part, so a thread
// that wakes late delays nobody. One pool works on any number of memories, which are no larger than a 32-bit pointer
// reaches.
import { Worker } from "node:worker_threads";

/** Kernels that work in blocks; a thread is told the number. */
const kernels = [
  "adam",
  "bag",
  "adamOfBags",
  "add",
  "subtract",
  "toHalves",
  "fromHalves",
  "gatherHalves",
  "addRowsAt",
  "layer",
  "tanh",
  "measure",
] as const;
export type Kernel = (typeof kernels)[number];

/** Places in the control array, which all threads see. worker.mjs reads the same ones. */
const control = { turn: 0, left: 1, done: 2, failed: 3, kernel: 4, count: 5, memory: 6 } as const;
const MOST_ARGUMENTS = 24;

type Block = (block: number, ...args: number[]) => void;

export class ThreadPool {
  readonly threads: number;
  readonly #module: WebAssembly.Module;
  /** The kernels on each memory. */
  readonly #exports: WebAssembly.Exports[] = [];
  readonly #control = new Int32Array(new SharedArrayBuffer(4 * Object.keys(control).length));
  readonly #arguments = new Float64Array(new SharedArrayBuffer(8 * MOST_ARGUMENTS));
  readonly #workers: Worker[];

  constructor(module: WebAssembly.Module, threads: number) {
    this.threads = threads;
    this.#module = module;
    const shared = { module, kernels, places: control, control: this.#control, args: this.#arguments };
    this.#workers = Array.from({ length: threads - 1 }, (_, k) => {
      const worker = new Worker(new URL("./worker.mjs", import.meta.url), {
        workerData: { ...shared, thread: k + 1 },
        execArgv: [],
      });
      worker.unref(); // idle threads keep no process alive
      return worker;
    });
  }

  /** Answers the memory's number. */
  add(memory: WebAssembly.Memory): number {
    this.#exports.push(new WebAssembly.Instance(this.#module, { env: { memory } }).exports);
    for (const worker of this.#workers) worker.postMessage(memory);
    return this.#exports.length - 1;
  }

  /** Does all blocks of a kernel on one memory; returns when the last one is done. */
  run(memory: number, kernel: Kernel, blocks: number, args: readonly number[]): void {
    const state = this.#control;
    const body = this.#exports[memory]![kernel] as Block;
    if (this.threads > 1) {
      this.#arguments.set(args);
      state[control.kernel] = kernels.indexOf(kernel);
      state[control.count] = args.length;
      state[control.memory] = memory;
      Atomics.store(state, control.done, 0);
      // counts down: a thread that comes late finds nothing, whatever is open by then
      Atomics.store(state, control.left, blocks);
      Atomics.add(state, control.turn, 1);
      Atomics.notify(state, control.turn);
      for (let block = take(state); block >= 0; block = take(state)) {
        body(block, ...args);
        Atomics.add(state, control.done, 1);
      }
      for (let done = Atomics.load(state, control.done); done < blocks; done = Atomics.load(state, control.done))
        Atomics.wait(state, control.done, done);
      if (Atomics.load(state, control.failed) !== 0) throw new Error(`the kernel ${kernel} failed in another thread`);
    } else {
      for (let block = 0; block < blocks; block++) body(block, ...args);
    }
  }

  /** Calls what is not shared out, in this thread. */
  call(memory: number, name: "finite" | "layerBackward", ...args: readonly number[]): number {
    return (this.#exports[memory]![name] as (...args: number[]) => number)(...args);
  }

  constant(name: "adamBlock" | "addBlock" | "halfBlock" | "gatherBlock" | "rowBlock" | "measureBlock"): number {
    return (this.#exports[0]![name] as WebAssembly.Global).value;
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

/** The next block, or a negative number. */
function take(state: Int32Array): number {
  return Atomics.sub(state, control.left, 1) - 1;
}
