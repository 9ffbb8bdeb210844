// A schema of the registry to a function that finds in a value what a map wants of it. Pure.
import { utf8Of } from "../../events/event.ts";
import { BROKEN, fromJson } from "../../events/shape/from-json.ts";
import { avroOf } from "./avro.ts";
import { protobufOf } from "./protobuf.ts";
import type { FoundOf, SchemaText } from "./text.ts";

/** Throws an Error where it is no schema. */
export function foundOf(schema: SchemaText): FoundOf {
  switch (schema.type) {
    case "AVRO":
      return avroOf(schema);
    case "PROTOBUF":
      return protobufOf(schema);
    case "JSON":
      return json;
  }
}

/** What a JSON Schema would forbid beyond it is for the map to refuse, as it is in JSON without one. */
const json: FoundOf = (bytes, want) => {
  const found = utf8Of(bytes) === undefined ? BROKEN : fromJson(bytes, want);
  if (found === BROKEN) throw new SyntaxError("it is no JSON");
  return found;
};
