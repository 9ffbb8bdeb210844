// Weights of the authors' PyTorch code, as a safetensors file without anything of ours beside it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadStateDict, weightsAlone } from "../../shared/checkpoints/weights.ts";
import { initialise, type Weights } from "../../shared/neural/parameters.ts";
import { recvae } from "../../shared/systems/recvae/recvae.ts";
import { defaults, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { encoded } from "./bytes.ts";

const dir = mkdtempSync(join(tmpdir(), "tributary-weights-"));
afterAll(() => rmSync(dir, { recursive: true }));

const settings = { ...defaults, items: 9, hidden: 4, latent: 3 };
const config = recipeOf(settings);
const ours = initialise(config, 1);
/** As the authors' model names them: beside ours the prior's vectors and its copy of the encoder. */
const theirs: Weights = {
  ...ours,
  ...Object.fromEntries(
    ["mu_prior", "logvar_prior", "logvar_uniform_prior"].map((name) => [
      `prior.${name}`,
      { shape: [1, 3], data: new Float32Array(3) },
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(initialise(config, 2))
      .filter(([name]) => name.startsWith("encoder."))
      .map(([name, tensor]) => [name.replace("encoder.", "prior.encoder_old."), tensor]),
  ),
};
let serial = 0;
const file = (bytes: Uint8Array) => {
  const path = join(dir, `${serial++}.safetensors`);
  writeFileSync(path, bytes);
  return path;
};

test("sizes follow from the shapes, the prior's tensors are left out, LayerNorm's eps is the authors'", async () => {
  expect(Object.keys(theirs)).toHaveLength(53);
  expect(await loadStateDict(file(encoded(theirs)))).toEqual({ system: recvae, config: settings, weights: ours });
  expect(settings.layerNormEps).toBe(0.1);
});

const changed = (name: string, change: Partial<Weights[string]>): Weights => ({
  ...theirs,
  [name]: { ...theirs[name]!, ...change },
});
const poisoned = (value: number) =>
  changed("decoder.bias", { data: Float32Array.from({ length: 9 }, (_, k) => (k === 4 ? value : 0)) });
const without = (name: string) => Object.fromEntries(Object.entries(theirs).filter(([each]) => each !== name));

test.each<[string, Weights, RegExp]>([
  ["a missing first layer", without("encoder.fc1.weight"), /tensor encoder\.fc1\.weight is missing/],
  ["a missing head", without("encoder.fc_logvar.bias"), /tensor encoder\.fc_logvar\.bias is missing/],
  ["a missing decoder", without("decoder.weight"), /tensor decoder\.weight is missing/],
  [
    "an unknown tensor",
    { ...theirs, "encoder.fc6.weight": ours["encoder.fc2.weight"]! },
    /tensor encoder\.fc6\.weight is none of RecVAE's/,
  ],
  [
    "a tensor of another prior",
    { ...theirs, "prior.weights": ours["decoder.bias"]! },
    /tensor prior\.weights is none of RecVAE's/,
  ],
  [
    "a layer of another width",
    changed("encoder.fc3.weight", { shape: [2, 8] }),
    /tensor encoder\.fc3\.weight has the shape \[2,8\] where the other sizes ask for \[4,4\]/,
  ],
  [
    "a first layer of other items, in PyTorch's order",
    changed("encoder.fc1.weight", { shape: [8, 4], data: new Float32Array(32) }),
    /tensor encoder\.fc1\.weight has the shape \[4,8\] where the other sizes ask for \[4,9\]/,
  ],
  [
    "a decoder that is no matrix",
    changed("decoder.weight", { shape: [27] }),
    /tensor decoder\.weight has the shape \[27\], no matrix/,
  ],
  ["a NaN", poisoned(Number.NaN), /tensor decoder\.bias holds a NaN or an infinity/],
  ["an infinity", poisoned(Number.NEGATIVE_INFINITY), /tensor decoder\.bias holds a NaN or an infinity/],
])("%s is CHECKPOINT_CORRUPT and names tensor and file", async (_, weights, reason) => {
  const path = file(encoded(weights));
  await expect(loadStateDict(path)).rejects.toThrow(/^CHECKPOINT_CORRUPT/);
  await expect(loadStateDict(path)).rejects.toThrow(reason);
  await expect(loadStateDict(path)).rejects.toThrow(path);
});

test("half precision is refused, naming the tensor", async () => {
  const bytes = encoded(theirs);
  const at = Buffer.from(bytes).indexOf('"F32"');
  bytes.set(new TextEncoder().encode('"F16"'), at);
  await expect(loadStateDict(file(bytes))).rejects.toThrow(
    /CHECKPOINT_CORRUPT: tensor encoder\.fc1\.weight has the type F16, not F32/,
  );
});

test("a file that is not there is CHECKPOINT_MISSING", async () => {
  await expect(loadStateDict(join(dir, "none.safetensors"))).rejects.toThrow(/CHECKPOINT_MISSING.*none\.safetensors/);
});

test("a path to a file means the file, a directory its weights, unless a manifest of ours stands beside them", () => {
  expect(weightsAlone("some/where.safetensors")).toBe("some/where.safetensors");
  expect(weightsAlone(dir)).toBeUndefined();
  writeFileSync(join(dir, "model.safetensors"), "");
  expect(weightsAlone(dir)).toBe(join(dir, "model.safetensors"));
  writeFileSync(join(dir, "manifest.json"), "");
  expect(weightsAlone(dir)).toBeUndefined();
});
