// The arithmetic of server and trainers that is no matrix product, four floats at a time: AssemblyScript, built by the
// set-up, called by ../kernels.ts. Pointers are byte offsets into the shared memory. A kernel does one block of its
// work, so that several threads can share it; which thread does a block changes no number.
export { adam, adamBlock, finite } from "./adam";
export { adamOfBags, addRowsAt, bag, belongTo, rowBlock } from "./bag";
export { fromHalves, gatherBlock, gatherHalves, halfBlock, toHalves } from "./bfloat16";
export { layer, layerBackward } from "./layer";
export { measure, measureBlock } from "./measure";
export { add, addBlock, subtract } from "./sums";
export { tanh } from "./tanh";
