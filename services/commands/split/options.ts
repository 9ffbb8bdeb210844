// The flags of `split`.
import { z } from "zod";
import { fileFlags } from "../../../shared/files/flags.ts";
import { folder } from "../../../shared/runtime/location.ts";

const integer = z.coerce.number().int();
export const options = z.object({
  file: z.string().describe("CSV, JSON or Parquet, packed or not; - is standard input"),
  protocol: z
    .enum(["liang"])
    .default("liang")
    .describe("liang: held-out users are strangers to the model, as for Mult-VAE and RecVAE"),
  heldOut: integer
    .min(1)
    .describe("users of the validation part, and as many of the test part; ML-20M 10000, Netflix 40000, MSD 50000"),
  out: folder().describe("the dataset directory: a new one, or an empty one"),
  minValue: z.coerce
    .number()
    .optional()
    .describe("keep events of a greater value: 3.5 for ML-20M and Netflix, 0 for MSD; otherwise all are kept"),
  minItemsPerUser: integer.min(0).default(5).describe("drop users with fewer events (MSD 20), after the items, once"),
  minUsersPerItem: integer.min(0).default(0).describe("drop items with fewer events (MSD 200)"),
  seed: integer
    .min(0)
    .max(0xffffffff)
    .default(98765)
    .describe("of NumPy's RandomState, for the order of users and again for each part"),
  ...fileFlags,
  json: z.boolean().default(false).describe("print the figures on stdout"),
});
