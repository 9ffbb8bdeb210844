// What a user can say of the events in a topic: the same flags for ingest, up and events.
import { readFileSync } from "node:fs";
import { z } from "zod";
import { AppError } from "../errors/errors.ts";
import { parseShape, type ShapeText } from "../events/shape/shape.ts";
import { file } from "../runtime/location.ts";

/** Credentials stand in no flag, or every process of the machine could read them. */
const registryUrl = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && !/[?#]|\/\/[^/]*@/.test(text),
    "give http://host:port or https://..., and user:password in SCHEMA_REGISTRY_AUTH",
  );

export const shapeFlags = {
  map: z
    .string()
    .default("")
    .describe(
      "where an event's fields stand in a message: user=$.payload.user_id,item=$.items[*].sku,timestamp=$.ts, " +
        "..., or debezium, or cloudevents; without it events are of our own shape",
    ),
  where: z.string().default("").describe("which messages count: $.type == 'purchase' && $.amount > 0; all without it"),
  schemaRegistry: registryUrl
    .optional()
    .describe(
      "URL of the schema registry whose Avro, Protobuf or JSON Schema values are written by; SCHEMA_REGISTRY_AUTH " +
        "holds user:password",
    ),
  mapFile: file()
    .optional()
    .describe('a map for each topic, JSON: {"TOPIC": {"map": "...", "where": "..."}, "*": {...}}'),
};

type Flags = z.output<z.ZodObject<typeof shapeFlags>>;

/** By topic; "*" is any other. None for a topic: events of our own shape. */
export type Shapes = Readonly<Record<string, ShapeText>>;

const inFile = z.record(
  z.string().min(1),
  z.strictObject({ map: z.string().default(""), where: z.string().default("") }),
);

/** Throws MAP_MALFORMED, USAGE, FILE_MISSING. */
export function readShapes({ schemaRegistry: registry, ...flags }: Flags): Shapes {
  const shapes = readMaps(flags);
  if (registry === undefined) return shapes;
  const all = Object.entries({ "*": { map: "", where: "" }, ...shapes });
  return Object.fromEntries(all.map(([topic, shape]) => [topic, { ...shape, registry }]));
}

function readMaps({ map, where, mapFile }: Omit<Flags, "schemaRegistry">): Shapes {
  const isSaid = map.trim() !== "" || where.trim() !== "";
  if (mapFile === undefined) {
    if (!isSaid) return {};
    parseShape({ map, where });
    return { "*": { map, where } };
  }
  if (isSaid)
    throw new AppError("USAGE", { what: "--map-file holds the maps: --map and --where do not stand beside it" });
  const parsed = inFile.safeParse(jsonIn(mapFile));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new AppError("MAP_MALFORMED", {
      what: `no {"TOPIC": {"map": "...", "where": "..."}}: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`,
      file: mapFile,
    });
  }
  for (const [topic, text] of Object.entries(parsed.data))
    parseShape(text, { map: `${mapFile}, map of ${topic}`, where: `${mapFile}, where of ${topic}` });
  return parsed.data;
}

function jsonIn(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      throw new AppError("FILE_MISSING", { what: "no such file of maps", path }, { cause: error });
    if (!(error instanceof SyntaxError)) throw error;
    throw new AppError("MAP_MALFORMED", { what: `it is no JSON: ${error.message}`, file: path }, { cause: error });
  }
}

/** Null: events of our own shape. */
export const shapeOf = (shapes: Shapes, topic: string): ShapeText | null =>
  (Object.hasOwn(shapes, topic) ? shapes[topic] : undefined) ?? (Object.hasOwn(shapes, "*") ? shapes["*"]! : null);
