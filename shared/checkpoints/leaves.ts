// Figures out of a record whose shape is another service's: every number by the path to it, so that a metric that is
// added there shows here. Pure.

/** Every number, text and truth value in `value`, by the names on the way to it: {a: {b: 1}} is a.b = 1. */
export function flattened(value: unknown, path = ""): [path: string, leaf: string | number | boolean | null][] {
  if (Array.isArray(value) && value.every((each) => typeof each !== "object")) return [[path, value.join(", ")]];
  if (typeof value === "object" && value !== null)
    return Object.entries(value).flatMap(([name, inner]) => flattened(inner, path === "" ? name : `${path}.${name}`));
  return value === undefined ? [] : [[path, value as string | number | boolean | null]];
}

/** The object below a name; an empty one where there is none. */
export function below(value: unknown, name: string): object {
  const inner: unknown =
    typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  return typeof inner === "object" && inner !== null ? inner : {};
}

/** A metric's mean and standard error, written as `name` and `name:se`, or as one object. */
export function metric(figures: object, name: string): { mean: number | null; standardError: number | null } {
  const numbers = new Map(flattened(figures));
  const number = (...paths: string[]) =>
    paths.map((path) => numbers.get(path)).find((found) => typeof found === "number") ?? null;
  return { mean: number(name, `${name}.mean`), standardError: number(`${name}:se`, `${name}.standardError`) };
}
