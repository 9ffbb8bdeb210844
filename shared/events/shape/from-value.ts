// What a map wants of a value that was decoded already. Only own fields count: whatever a message calls its fields, no
// method of JavaScript is one. Pure.
import { type Found, MOST_ELEMENTS, type Places, TOO_MANY, UNFIT, type Want } from "./want.ts";

const MOST_EXACT = BigInt(Number.MAX_SAFE_INTEGER);
let elements = 0;

export function fromValue(value: unknown, want: Want): Found | typeof TOO_MANY {
  elements = 0;
  const found = take(value, want);
  return elements > MOST_ELEMENTS ? TOO_MANY : found;
}

/** No deeper than the paths are long. */
function take(value: unknown, want: Want): Found {
  if (typeof value !== "object" || value === null) return want.isAsked ? scalarOf(value) : UNFIT;
  const found: Places = new Array<Found>(want.size).fill(undefined);
  if (Array.isArray(value)) {
    if (!want.each && want.elements.length === 0) return UNFIT;
    for (const { index, at, want: below } of want.elements)
      if (index < value.length) found[at] = take(value[index], below);
    const { each } = want;
    if (each)
      found[each.at] = value.flatMap((element) => (elements++ < MOST_ELEMENTS ? [take(element, each.want)] : []));
    return found;
  }
  if (want.fields.length === 0 || ArrayBuffer.isView(value)) return UNFIT;
  for (const { name, at, want: below } of want.fields)
    if (Object.hasOwn(value, name)) found[at] = take((value as Record<string, unknown>)[name], below);
  return found;
}

function scalarOf(value: unknown): Found {
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
      return value;
    case "bigint": // 64 bits came exactly: one that no number holds is a name by its digits
      return value >= -MOST_EXACT && value <= MOST_EXACT ? Number(value) : String(value);
    default:
      return value === null ? null : undefined;
  }
}
