// The manifest of a model or a checkpoint: what it is, where the run stood, the hash of every file beside it. Written
// last, read first.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { AppError } from "../errors/errors.ts";
import { mixSchema } from "../ranking/mix.ts";
import {
  type ConfigOf,
  defaultSystem,
  type NeuralName,
  type SystemName,
  systemNames,
  systems,
} from "../systems/registry.ts";
import { readText } from "./files.ts";
import { pieceSchema } from "./pieces.ts";
import { MANIFEST } from "./weights.ts";

export const VOCABULARY = "vocabulary.json";

export const standing = z.object({
  step: z.number().int().nonnegative().describe("steps of the run so far"),
  round: z.number().int().nonnegative().describe("outer epochs completed"),
  midRound: z
    .boolean()
    .default(false)
    .describe(
      "made between two steps of an outer epoch: to go on from, not to be judged; absent in manifests of before " +
        "there were such",
    ),
  seed: z.number().int().describe("of every draw"),
  salt: z.string().describe('decides who is held out; "" for a dataset directory, which says it itself'),
  tableVersion: z
    .number()
    .int()
    .nullable()
    .describe("version of the events table that was pinned; null without a table"),
  watermark: z.number().nullable().describe("arrival of the newest event that is covered, ms since 1970"),
  vocabulary: z
    .object({ count: z.number().int().nonnegative(), file: z.literal(VOCABULARY) })
    .describe("how many items there are, and the file with their names"),
  sha256: z.record(z.string(), z.string()).describe("of every file beside the manifest"),
  pieces: z
    .array(pieceSchema)
    .optional()
    .describe(
      "of a checkpoint alone: files that it shares with others, of which its state is made with `state.safetensors`; " +
        "absent in those of before there were such: all of it is there",
    ),
  published: z
    .object({ at: z.number(), parent: z.string().nullable() })
    .optional()
    .describe("of a published model alone: when, and which version was current until then; null for the first"),
  trends: mixSchema
    .optional()
    .describe(
      "of a published model alone: the weights with which its scores, what is hot now and what follows a user's last " +
        "items make the scores that are served; absent: its scores alone",
    ),
  createdAt: z.number().describe("ms since 1970"),
});
/** The system's name decides what its settings look like. */
const ofSystem = <N extends SystemName>(model: N) =>
  z.object({ format: z.literal(1), model: z.literal(model), config: systems[model].config, ...standing.shape });
const manifestSchema = z.discriminatedUnion("model", systemNames.map(ofSystem) as [ReturnType<typeof ofSystem>]);

/** Once for each name, so that a look at `model` says what `config` is. */
export type Manifest<N extends SystemName = SystemName> = N extends N
  ? z.output<typeof standing> & { readonly format: 1; readonly model: N; readonly config: ConfigOf<N> }
  : never;
export type NeuralManifest = Manifest<NeuralName>;
type Written<N extends SystemName> = N extends N
  ? z.input<typeof standing> & { readonly format: 1; readonly model: N; readonly config: ConfigOf<N> }
  : never;
export type WrittenManifest = Written<SystemName>;
type Told = Omit<z.input<typeof standing>, "vocabulary" | "sha256" | "pieces" | "published" | "trends">;
/** What the caller knows; the rest follows from the files. Where no system is named it is the default one. */
export type ManifestFacts<N extends SystemName = SystemName> = N extends N
  ? Told & { readonly config: ConfigOf<N> } & (N extends typeof defaultSystem
        ? { readonly model?: N }
        : { readonly model: N })
  : never;

/**
 * Field of a manifest that holds the hash of all others. Manifests of before it stood there have none, and are read
 * unproven.
 */
const HASH = "hash";

/** Of the values in their order, whatever the white space. */
const hashOf = (fields: object): string => createHash("sha256").update(JSON.stringify(fields)).digest("hex");

/** The file's content. */
export function formatManifest(manifest: WrittenManifest): string {
  const fields = JSON.parse(JSON.stringify(manifest)) as object;
  return `${JSON.stringify({ ...fields, [HASH]: hashOf(fields) }, null, 2)}\n`;
}

/** Throws CHECKPOINT_MISSING or CHECKPOINT_CORRUPT. */
export async function readManifest(dir: string): Promise<Manifest> {
  const path = join(dir, MANIFEST);
  return parseManifest(await readText(path), path);
}

/** `path` is for messages. Throws CHECKPOINT_CORRUPT. */
export function parseManifest(text: string, path: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AppError("CHECKPOINT_CORRUPT", { what: "the manifest is not JSON", path }, { cause: error });
  }
  const { [HASH]: hash, ...fields } = Object(value) as Record<string, unknown>;
  if (fields.format !== 1)
    // what its hash is of only its own version knows
    throw new AppError("CHECKPOINT_CORRUPT", { what: `a manifest of format ${fields.format}, where 1 is known`, path });
  if (hash !== undefined && hash !== hashOf(fields))
    throw new AppError("CHECKPOINT_CORRUPT", {
      what: "the manifest was changed after it was written: its hash is another",
      path,
    });
  const parsed = manifestSchema.safeParse({ model: defaultSystem, ...fields });
  if (!parsed.success)
    throw new AppError("CHECKPOINT_CORRUPT", { what: z.prettifyError(parsed.error).replaceAll("\n", " "), path });
  return parsed.data as Manifest;
}
