// A solved system from its parts: what follows from its settings and its scores is filled in.
import { z } from "zod";
import type { Weights } from "../neural/parameters.ts";
import { mustHave } from "../neural/safetensors.ts";
import { CPU } from "../runtime/gpu/facts.ts";
import type { Settings, Solved, Tasks } from "./system.ts";

type Config<S> = { items: number } & { [K in keyof S]: number };
type Parts<S extends Settings, T extends Tasks> = Omit<
  Solved<Config<S>, T, S>,
  "kind" | "config" | "tasks" | "scorer"
> & {
  readonly tasks?: T;
};

export function solved<S extends Settings, T extends Tasks = Record<never, never>>(
  parts: Parts<S, T>,
): Solved<Config<S>, T, S> {
  const rules = Object.fromEntries(Object.entries(parts.settings).map(([name, { rule }]) => [name, rule]));
  return {
    ...parts,
    kind: "solved",
    tasks: parts.tasks ?? ({} as T),
    config: z.strictObject({ items: z.number().int().positive(), ...rules }) as unknown as z.ZodType<Config<S>>,
    scorer: (_, config, weights) => ({ scoreBatch: parts.scores(config, weights), dispose: () => {} }),
  };
}

/** Of a system whose tensors all follow from its settings, and all have a row for each item. */
export const ofItems = <C>(shapes: (config: C) => [name: string, shape: number[]][]) => ({
  check: (weights: Weights, config: C) => mustHave(weights, shapes(config)),
  perItem: (config: C) => shapes(config).map(([name]) => name),
});

/** What did the arithmetic where it is done here, in float64. */
export const javascript = { engine: "javascript", device: CPU };
