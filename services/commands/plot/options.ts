// The flags of `plot`.
import { z } from "zod";
import { file, folder } from "../../../shared/runtime/location.ts";

export const options = z.object({
  figure: z
    .enum(["learning", "stability", "prequential"], "must be learning, stability or prequential")
    .describe("learning, stability or prequential"),
  run: folder().describe("what `train --out` left, or a data directory"),
  out: file().describe("the SVG file"),
  users: z.coerce.number().int().min(1).max(8).default(6).describe("stability: single users that are drawn"),
  seed: z.coerce.number().int().min(0).default(1337).describe("stability: decides which users"),
});
