// The systems that the program knows, by the names of flags and manifests: a line for each. What one is: system.ts.
import type { z } from "zod";
import type { Weights } from "../neural/parameters.ts";
import { betaVae } from "./beta-vae/beta-vae.ts";
import { blendOf } from "./blend/blend.ts";
import { cdae } from "./cdae/cdae.ts";
import { dvae } from "./dvae/dvae.ts";
import { ease } from "./ease/ease.ts";
import { edlae } from "./edlae/edlae.ts";
import { ials } from "./ials/ials.ts";
import { lambdanet } from "./lambdanet/lambdanet.ts";
import { multDae } from "./mult-dae/mult-dae.ts";
import { multVae } from "./mult-vae/mult-vae.ts";
import { popularity } from "./popularity/popularity.ts";
import { ract } from "./ract/ract.ts";
import { recvae } from "./recvae/recvae.ts";
import { slim } from "./slim/slim.ts";
import { sparseEdlae } from "./sparse-edlae/sparse-edlae.ts";
import type { Neural, Solved, System } from "./system.ts";
import { vae } from "./vae/vae.ts";
import { warp } from "./warp/warp.ts";
import { wmf } from "./wmf/wmf.ts";

export const systems = {
  recvae,
  "mult-vae": multVae,
  "mult-dae": multDae,
  cdae,
  warp,
  lambdanet,
  ract,
  vae,
  "beta-vae": betaVae,
  dvae,
  ease,
  edlae,
  "sparse-edlae": sparseEdlae,
  slim,
  wmf,
  ials,
  popularity,
  blend: blendOf(partOf),
} satisfies Record<string, System>;

/** Where none is named: by a flag, or by a manifest of the time when there was but one. */
export const defaultSystem = "recvae";

export type SystemName = keyof typeof systems;
type NameOf<K extends System["kind"]> = {
  [N in SystemName]: (typeof systems)[N]["kind"] extends K ? N : never;
}[SystemName];
export type NeuralName = NameOf<"neural">;
export type SolvedName = NameOf<"solved">;
export type ConfigOf<N extends SystemName> = z.output<(typeof systems)[N]["config"]>;

export const systemNames = Object.keys(systems) as SystemName[];
export const isNeural = (name: SystemName): name is NeuralName => systems[name].kind === "neural";
export const neuralNames = systemNames.filter(isNeural);
export const solvedNames = systemNames.filter((name): name is SolvedName => systems[name].kind === "solved");
/** Those that are learned from data: all but combinations of others. */
export const trainable = systemNames.filter(
  (name): name is NeuralName | SolvedName => systems[name].kind !== "combined",
);

/**
 * A system by its name; where that is of one kind, as that kind. What it is given must be of that system: its own
 * settings, weights that passed its `check`.
 */
export function systemOf(name: NeuralName): Neural;
export function systemOf(name: SolvedName): Solved;
export function systemOf(name: SystemName): System;
export function systemOf(name: SystemName): System {
  return systems[name];
}

/** The system of a name that may be anybody's. */
export const findSystem = (name: string): System | undefined =>
  Object.hasOwn(systems, name) ? systems[name as SystemName] : undefined;

/** Of what a combination may be made: any system but another combination. */
function partOf(name: string): Neural | Solved | undefined {
  const found = findSystem(name);
  return found?.kind === "combined" ? undefined : found;
}

/** Numbers that were fitted. */
export function parametersOf(model: SystemName, weights: Weights): number {
  const names = systemOf(model).fitted ?? Object.keys(weights);
  return names.reduce((sum, name) => sum + weights[name]!.data.length, 0);
}
