// A letter as a line of JSON: what `list --json` prints, an operator corrects, and `replay` takes back. Pure.
import { z } from "zod";
import { textIn } from "../../../shared/runtime/printable.ts";
import type { DeadLetter } from "../../../shared/table/dead-letters.ts";
import { nameOf, type Place } from "../../../shared/table/place.ts";

export interface Listed extends DeadLetter {
  /** ms since 1970; null while it was not. */
  readonly sentBackAt: number | null;
}

export function formatLine({ topic, partition, offset, timestamp, reason, detail, value, sentBackAt }: Listed): string {
  const text = value === null ? null : textIn(value);
  return JSON.stringify({
    topic,
    partition,
    offset,
    timestamp,
    reason,
    detail,
    ...(value !== null && text === null ? { valueBase64: Buffer.from(value).toString("base64") } : { value: text }),
    ...(sentBackAt === null ? {} : { sentBackAt }),
  });
}

/** Of all that `formatLine` writes, what is needed to send a letter back. */
const shape = z.object({
  topic: z.string("must be text"),
  partition: z.int("must be an integer"),
  offset: z.int("must be an integer"),
  value: z.string("must be the event's JSON as text (jq: tojson)").nullish(),
  valueBase64: z.base64("must be base64").optional(),
});

/** A line of the operator. */
export interface Correction {
  readonly line: number;
  readonly place: Place;
  readonly value: Uint8Array | null;
}

export interface Lines {
  readonly corrections: readonly Correction[];
  /** Lines that are no letter, in words. */
  readonly problems: readonly string[];
}

/** Empty lines are passed over. */
export function parseLines(text: string): Lines {
  const corrections: Correction[] = [];
  const problems: string[] = [];
  const lines = new Map<string, number>();
  for (const [k, content] of text.split("\n").entries()) {
    if (content.trim() === "") continue;
    const line = k + 1;
    const parsed = shape.safeParse(jsonOf(content.trim()));
    if (!parsed.success) {
      problems.push(`line ${line}: ${problemOf(parsed.error)}`);
      continue;
    }
    const { topic, partition, offset, value, valueBase64 } = parsed.data;
    const place = { topic, partition, offset };
    const name = nameOf(place);
    const before = lines.get(name);
    if (before !== undefined) problems.push(`line ${line}: the same letter as line ${before} (${name})`);
    lines.set(name, line);
    corrections.push({ line, place, value: bytesOf(value, valueBase64) });
  }
  return { corrections, problems };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function problemOf({ issues: [issue] }: z.ZodError): string {
  const [field] = issue?.path ?? [];
  return field === undefined ? "no JSON object, one a line (jq -c)" : `${String(field)} ${issue!.message}`;
}

/** A corrected `value` stands for the bytes that were no text. */
function bytesOf(value: string | null | undefined, base64: string | undefined): Uint8Array | null {
  if (typeof value === "string") return Buffer.from(value);
  return base64 === undefined ? null : Buffer.from(base64, "base64");
}
