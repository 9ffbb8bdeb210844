// What a schema of the registry is, and what is made of it. Pure.
import type { Found, TOO_MANY, Want } from "../../events/shape/want.ts";

/** As the registry has it, with all that it refers to: what is referred to comes first. */
export interface SchemaText {
  readonly type: "AVRO" | "PROTOBUF" | "JSON";
  readonly text: string;
  readonly references: readonly { readonly name: string; readonly text: string }[];
}

/** Of the bytes behind the frame. Throws an Error where they do not fit the schema. */
export type FoundOf = (bytes: Uint8Array, want: Want) => Found | typeof TOO_MANY;
