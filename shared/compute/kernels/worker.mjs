// One thread of a pool: sleeps until there are blocks to do. Plain JavaScript, so that a thread needs no loader.
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";

const { module, kernels, places, control, args, thread } = workerData;
const instances = [];

/**
 * The kernels on a memory. Memories come as messages in the order of their numbers, each before the first call that
 * names it.
 */
function kernelsOn(memory) {
  while (instances.length <= memory) {
    const { message } = receiveMessageOnPort(parentPort);
    const { exports } = new WebAssembly.Instance(module, { env: { memory: message } });
    exports.belongTo(thread);
    instances.push(exports);
  }
  return instances[memory];
}

for (let turn = 0; ; ) {
  Atomics.wait(control, places.turn, turn);
  turn = Atomics.load(control, places.turn);
  for (
    let block = Atomics.sub(control, places.left, 1) - 1;
    block >= 0;
    block = Atomics.sub(control, places.left, 1) - 1
  ) {
    // Read only now: as long as this block is not done, nobody opens the next call.
    try {
      kernelsOn(control[places.memory])[kernels[control[places.kernel]]](
        block,
        ...args.subarray(0, control[places.count]),
      );
    } catch {
      Atomics.store(control, places.failed, 1);
    }
    Atomics.add(control, places.done, 1);
    Atomics.notify(control, places.done);
  }
}
