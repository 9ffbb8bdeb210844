// One thread of a crew: sleeps until there are blocks to do. Plain JavaScript, so that a thread needs no loader.
import { workerData } from "node:worker_threads";

const { module, memory, kernels, places, control, args, thread } = workerData;
const { exports } = new WebAssembly.Instance(module, { env: { memory } });
exports.belongTo(thread);

for (let turn = 0; ; ) {
  Atomics.wait(control, places.turn, turn);
  turn = Atomics.load(control, places.turn);
  for (let block = Atomics.sub(control, places.left, 1) - 1; block >= 0; block = Atomics.sub(control, places.left, 1) - 1) {
    // Read only now: as long as this block is not done, nobody opens the next call.
    try {
      exports[kernels[control[places.kernel]]](block, ...args.subarray(0, control[places.count]));
    } catch {
      Atomics.store(control, places.failed, 1);
    }
    Atomics.add(control, places.done, 1);
    Atomics.notify(control, places.done);
  }
}
