// Whether set-up is for an NVIDIA GPU: as TRIBUTARY_GPU says, else where this machine, or this container, has one.
import { readdirSync } from "node:fs";
import { SetupError } from "../setup/steps.mjs";
import { runs } from "../setup/wheel.mjs";

/** Throws USAGE. shared/runtime/gpu/verdict.ts reads the variable by the same rule. */
export function wantsGpu(env = process.env, seesOne = seesGpu) {
  const wish = (env.TRIBUTARY_GPU ?? "").trim();
  if (!["", "0", "1"].includes(wish))
    throw new SetupError("USAGE", `TRIBUTARY_GPU "${wish}": give 0 (the CPU) or 1 (a GPU), or leave it out`, 2);
  return wish === "" ? seesOne() : wish === "1"; // an image is built where its GPU is not
}

/**
 * nvidia-smi may be missing from a container that was given a card, the card's file is not. What the driver lists in
 * /proc is the machine's, whatever a container was given: a trainer warns of it, nothing is downloaded for it.
 */
function seesGpu() {
  if (process.platform !== "linux") return false;
  return readdirSync("/dev").some((name) => /^nvidia\d+$/.test(name)) || runs("nvidia-smi", ["-L"]);
}
