// Weights at rest: first values, growth, and safetensors that PyTorch can read.
import { expect, test } from "vitest";
import {
  biasByPopularity,
  decoderOfNewItems,
  embeddingName,
  findNonFinite,
  groupOf,
  initialise,
} from "../../shared/neural/parameters.ts";
import { checkShapes, encodeSafetensors } from "../../shared/neural/safetensors.ts";
import { defaults, modelConfig, recipeOf } from "../../shared/systems/recvae/settings.ts";
import { decoded, encoded } from "./bytes.ts";

const settings = { ...defaults, items: 30, hidden: 12, latent: 5 };
const config = recipeOf(settings);

test("at ML-20M size the model has the parameters of the authors' own", () => {
  const size = (weights: object) =>
    Object.values(weights as ReturnType<typeof initialise>).reduce((sum, { data }) => sum + data.length, 0);
  const full = recipeOf({ ...defaults, items: 20_108 });
  const weights = initialise(full, 1);
  expect(size(weights)).toBe(17_795_908);
  expect(size(groupOf(weights, "decoder", full))).toBe(4_041_708);
});

test("first values follow PyTorch: uniform within 1/sqrt(fan in), LayerNorm 1 and 0, and another copy is independent", () => {
  const weights = initialise(config, 1337);
  const largest = (name: string) => weights[name]!.data.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  const bounds = {
    [embeddingName]: 30,
    "encoder.fc1.bias": 30,
    "encoder.fc3.weight": 12,
    "encoder.fc_mu.weight": 12,
    "decoder.weight": 5,
    "decoder.bias": 5,
  };
  for (const [name, fanIn] of Object.entries(bounds)) {
    expect(largest(name), name).toBeLessThanOrEqual(1 / Math.sqrt(fanIn));
    expect(largest(name), name).toBeGreaterThan(0.7 / Math.sqrt(fanIn));
  }
  expect([...weights["encoder.ln2.weight"]!.data]).toEqual(Array(12).fill(1));
  expect([...weights["encoder.ln2.bias"]!.data]).toEqual(Array(12).fill(0));
  expect(initialise(config, 1337)).toEqual(weights);
  expect(initialise(config, 1337, 1)[embeddingName]).not.toEqual(weights[embeddingName]);
});

test("before the first step the bias orders items by popularity, around 0", () => {
  const bias_I = new Float32Array(4).fill(7);
  biasByPopularity(bias_I, 0, Float64Array.of(9, 0, 99, 1));
  expect([...bias_I.keys()].sort((a, b) => bias_I[b]! - bias_I[a]!)).toEqual([2, 0, 3, 1]);
  expect(bias_I.reduce((a, b) => a + b)).toBeCloseTo(0, 5);
  expect(bias_I[2]! - bias_I[0]!).toBeCloseTo(Math.log(10), 5);
});

test("new items get small decoder rows, and the more popular one the larger bias", () => {
  const bias_I = initialise(config, 1)["decoder.bias"]!.data;
  const popularity = Float64Array.from({ length: 33 }, (_, k) => k);
  const { weight, bias } = decoderOfNewItems(bias_I, config, 33, popularity, 1);
  expect(weight).toHaveLength(3 * 5);
  expect(weight.every((x) => x !== 0 && Math.abs(x) < 0.05)).toBe(true);
  expect(decoderOfNewItems(bias_I, config, 33, popularity.fill(50, 32), 1).bias[2]).toBeGreaterThan(bias[1]!);
});

test("weights come back from safetensors as they went in, and W1 lies in the file as PyTorch wants it", async () => {
  const weights = initialise(config, 3);
  const bytes = encoded(weights);
  expect(await decoded(bytes)).toEqual(weights);
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const [from, to] = header[embeddingName].data_offsets;
  expect(header[embeddingName].shape).toEqual([12, 30]);
  expect(new Float32Array(bytes.slice(8 + length + from, 8 + length + to).buffer)[30]).toBe(
    weights[embeddingName]!.data[1],
  );
});

test.each([4, 52, 1000, 1 << 20])(
  "whether in pieces of %i bytes or in one, the file is the same, and so are the weights read from it",
  async (pieceBytes) => {
    const weights = { ...initialise(config, 3), empty: { shape: [0, 3], data: new Float32Array(0) } };
    expect(encoded(weights, pieceBytes)).toEqual(encoded(weights));
    expect(await decoded(encoded(weights), pieceBytes)).toEqual(weights);
  },
);

test("no piece is longer than it may be, but for the header and a row of W1", () => {
  const lengths = [...encodeSafetensors(initialise(config, 3), 100)].slice(1).map(({ length }) => length);
  expect(Math.max(...lengths)).toBe(120); // of 30 items
  expect([...encodeSafetensors(initialise(config, 3), 240)].slice(1, 7).map(({ length }) => length)).toEqual(
    Array(6).fill(240),
  );
});

const bytesOf = (header: string, data = 8) => {
  const bytes = new Uint8Array(8 + header.length + data);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(new TextEncoder().encode(header), 8);
  return bytes;
};
test.each([
  ["nothing", new Uint8Array(3), "holds no header"],
  ["a header longer than the file", bytesOf("{}").fill(255, 0, 3), "the header says"],
  ["no JSON", bytesOf("{nope"), "not JSON"],
  ["a list", bytesOf("[]"), "not an object"],
  ["another type", bytesOf('{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,8]}}'), "type F16"],
  ["a negative shape", bytesOf('{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}'), "no valid shape"],
  [
    "offsets that don't fit the shape",
    bytesOf('{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}'),
    "needs 12 bytes",
  ],
  ["offsets behind the end", bytesOf('{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}'), "truncated"],
  [
    "tensors that overlap",
    bytesOf(
      '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
    ),
    "b begins at byte 4",
  ],
  ["a gap between tensors", bytesOf('{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}'), "a begins at byte 4"],
  ["bytes that belong to no tensor", bytesOf('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'), "cover 4 of 8"],
])("a checkpoint of %s is refused with the reason", async (_, bytes, reason) => {
  await expect(decoded(bytes)).rejects.toThrow(
    expect.objectContaining({ code: "CHECKPOINT_CORRUPT", message: expect.stringContaining(reason) }),
  );
});

test("a truncated checkpoint is refused at every length", async () => {
  const bytes = encoded(initialise(config, 3));
  for (let length = 0; length < bytes.length; length += 257) {
    await expect(decoded(bytes.subarray(0, length))).rejects.toThrow(
      expect.objectContaining({ code: "CHECKPOINT_CORRUPT" }),
    );
  }
});

test("a wrong shape, a missing tensor and a NaN are named", () => {
  const weights = initialise(config, 3);
  expect(() => checkShapes(weights, recipeOf({ ...settings, hidden: 13 }))).toThrow(
    /encoder\.fc1\.weight has the shape \[12,30\].*\[13,30\]/,
  );
  const { "decoder.bias": bias, ...rest } = weights;
  expect(() => checkShapes(rest, config)).toThrow(/decoder\.bias is missing/);
  expect(findNonFinite(weights)).toBeUndefined();
  bias!.data[4] = Number.NaN;
  expect(findNonFinite(weights)).toBe("decoder.bias");
});

test("gamma and beta together, or neither, or mixture weights that don't sum to 1 are no configuration", () => {
  expect(modelConfig.safeParse({ ...settings, beta: 0.2 }).success).toBe(false);
  expect(modelConfig.safeParse({ ...settings, gamma: null }).success).toBe(false);
  expect(modelConfig.safeParse({ ...settings, mixtureWeights: [1, 1, 0] }).success).toBe(false);
  expect(modelConfig.safeParse({ ...settings, gamma: null, beta: 0.2, mixtureWeights: [1, 0, 0] }).success).toBe(true);
});
