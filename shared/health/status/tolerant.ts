// A service's own schema, read with tolerance: what is missing or of another kind becomes null, or an empty list, and
// nothing else is lost, so that an older or newer service still shows. Words of strangers come out escaped: they are
// shown at terminals and on the page.
import { z } from "zod";
import { printable } from "../../runtime/printable.ts";

/** Without it an entry of a list says nothing, and the list counts as none. */
interface Key {
  readonly isKey: true;
}
const keys = new WeakSet<z.ZodType>();

/** Marks a field that readers cannot do without. Goes around `describe`. */
export function key<S extends z.ZodType>(schema: S): S & Key {
  keys.add(schema);
  return schema as S & Key;
}

/** What is left of a value. */
export type Tolerated<S> =
  S extends z.ZodNullable<infer I>
    ? Tolerated<I>
    : S extends z.ZodOptional<infer I>
      ? Tolerated<I>
      : S extends Key
        ? Whole<S>
        : Loose<S>;
type Loose<S> = S extends z.ZodArray | z.ZodRecord | z.ZodBoolean ? Whole<S> : Whole<S> | null;
type Whole<S> =
  S extends z.ZodObject<infer Shape>
    ? { -readonly [K in keyof Shape]: Tolerated<Shape[K]> }
    : S extends z.ZodArray<infer I>
      ? Whole<I>[]
      : S extends z.ZodRecord<infer _, infer V>
        ? Record<string, Whole<V>>
        : S extends z.ZodNumber
          ? number
          : S extends z.ZodBoolean
            ? boolean
            : string;

const MOST_LETTERS = 2_000;
/** Of a name that a stranger gave, and of a sentence in a list. */
const MOST_OF_NAME = 256;

/** What a value is not. */
const nothing = Symbol("nothing");
type Read = (value: unknown) => unknown;

/**
 * Reads any object; null for what is none. Functions made once of the schema, and no schema of its own: zod makes an
 * error of each field that is missing, which takes ten times as long, and a dashboard looks at a thousand lines a
 * second.
 */
export function tolerant<S extends z.ZodObject>(schema: S): (value: unknown) => Whole<S> | null {
  const read = whole(schema);
  return (value) => {
    const found = read(value);
    return found === nothing ? null : (found as Whole<S>);
  };
}

/** With something for what is missing, but for keys. */
function tolerated(schema: z.core.$ZodType): Read {
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional) return tolerated(schema.unwrap());
  const read = whole(schema);
  if (keys.has(schema as z.ZodType)) return read;
  const instead = insteadOf(schema);
  return (value) => {
    const found = read(value);
    return found === nothing ? instead() : found;
  };
}

function insteadOf(schema: z.core.$ZodType): () => unknown {
  if (schema instanceof z.ZodArray) return () => [];
  if (schema instanceof z.ZodRecord) return () => ({});
  return schema instanceof z.ZodBoolean ? () => false : () => null;
}

/** All of it or nothing, but for what an object holds. */
function whole(schema: z.core.$ZodType, most = MOST_LETTERS): Read {
  if (schema instanceof z.ZodObject) {
    const fields = Object.entries(schema.shape).map(([name, field]) => [name, tolerated(field)] as const);
    return (value) => {
      if (!isObject(value)) return nothing;
      const found: Record<string, unknown> = {};
      for (const [name, read] of fields) {
        found[name] = read(value[name]);
        if (found[name] === nothing) return nothing;
      }
      return found;
    };
  }
  if (schema instanceof z.ZodArray) {
    const read = whole(schema.element, MOST_OF_NAME);
    return (value) => (Array.isArray(value) ? unlessMissing(value.map(read)) : nothing);
  }
  if (schema instanceof z.ZodRecord) {
    const read = whole(schema.valueType);
    const named = ([name, each]: [string, unknown]) => [printable(name, MOST_OF_NAME), read(each)] as const;
    return (value) => (isObject(value) ? all(Object.entries(value).map(named)) : nothing);
  }
  if (schema instanceof z.ZodNumber) return (value) => (Number.isFinite(value) ? value : nothing);
  if (schema instanceof z.ZodBoolean) return (value) => (typeof value === "boolean" ? value : nothing);
  return (value) => (typeof value === "string" ? printable(value, most) : nothing);
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const unlessMissing = (found: unknown[]) => (found.includes(nothing) ? nothing : found);
const all = (found: (readonly [string, unknown])[]) =>
  found.some(([, each]) => each === nothing) ? nothing : Object.fromEntries(found);
