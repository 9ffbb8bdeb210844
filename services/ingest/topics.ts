// Which topics `--topic` means: one, several with commas, or all that a pattern fits, those too that appear later.
// Pure.

export type Topics = { readonly names: readonly string[] } | { readonly pattern: RegExp };

/** Undefined for what is neither. */
export function topicsOf(text: string): Topics | undefined {
  if (text.startsWith("/")) return text.length > 2 && text.endsWith("/") ? patternOf(text.slice(1, -1)) : undefined;
  const names = text.split(",").map((name) => name.trim());
  return names.every(isName) ? { names: [...new Set(names)] } : undefined;
}

/** The whole name must fit. */
function patternOf(source: string): Topics | undefined {
  try {
    return { pattern: new RegExp(`^(?:${source})$`) };
  } catch {
    return undefined;
  }
}

/** As Kafka has it. */
const isName = (name: string) => /^[A-Za-z0-9._-]{1,249}$/.test(name) && name !== "." && name !== "..";

/** Those of all that are there; Kafka's own are nobody's events. */
export const fitting = (pattern: RegExp, all: readonly string[]): string[] =>
  all.filter((name) => pattern.test(name) && !name.startsWith("__")).sort();
