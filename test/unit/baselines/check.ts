// What a golden check of a system is. golden.test.ts runs one for each file of baselines/, by its `model`.
import type { Engine } from "../../../shared/compute/engine.ts";

/** Throws, by `expect`, where the program's numbers are not the fixture's; `fixture` is the file's JSON. */
export type Check = (engine: Engine, fixture: unknown) => void | Promise<void>;
/** By the name of the system. */
export type Checks = Readonly<Record<string, Check>>;
