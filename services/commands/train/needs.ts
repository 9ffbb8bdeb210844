// What the fit of a solved system will take of memory, said before it starts. Pure.
import { mustHaveRoom } from "../../../shared/runtime/memory.ts";
import { type ConfigOf, type SolvedName, systemOf } from "../../../shared/systems/registry.ts";
import type { Size } from "../../../shared/systems/system.ts";

/** Measured: the process with its code, what it keeps of reading a pair (rows by user and by item too), a thread. */
const PROCESS = 200e6;
const PAIR = 60;
const THREAD = 60e6;

/** Throws DATA_TOO_LARGE. `limit`: bytes that this process may have. */
export function mustFitMemory<N extends SolvedName>(model: N, config: ConfigOf<N>, size: Size, limit: number): void {
  const data = `${config.items} items and ${size.interactions} interactions`;
  const needed = PROCESS + PAIR * size.interactions + THREAD * size.threads + systemOf(model).memory(config, size);
  mustHaveRoom({ model, data }, needed, limit);
}
