// What the systems say of themselves for the benchmark's rows, by name; a name that is no system's is a row that is
// made up, as in tests.
import { type Grid, usual } from "../../../shared/systems/benchmarked.ts";
import { findSystem } from "../../../shared/systems/registry.ts";

export const titleOf = (name: string): string => findSystem(name)?.title ?? name;

/** A system without a grid has its usual setting alone. */
export const gridOf = (name: string): Grid =>
  findSystem(name)?.grid ?? { source: "its usual setting alone", isSeeded: true, flags: [], settings: [usual] };

/** The system whose chosen model it begins with, if any. */
export function startOf(name: string): string | undefined {
  const system = findSystem(name);
  return system?.kind === "neural" ? system.preset.startsFrom : undefined;
}
