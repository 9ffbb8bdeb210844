// What a map wants of a message, as one tree of all its paths: a message is gone through once, whatever the number of
// paths, and only what lies on one of them is made a value. What was found mirrors the tree. Pure.
import { EACH, type Step } from "./path.ts";

/** A place on a path. */
export interface Want {
  /** Whether what stands here is asked for itself. */
  isAsked: boolean;
  /** Of an object, by name; `bytes` is the name as UTF-8. */
  readonly fields: { readonly name: string; readonly bytes: Uint8Array; readonly at: number; readonly want: Want }[];
  /** Of a list, by number. */
  readonly elements: { readonly index: number; readonly at: number; readonly want: Want }[];
  /** Of a list, each. */
  each: { readonly at: number; readonly want: Want } | null;
  /** Of all these; what was found of each stands at its `at`. */
  size: number;
}

/**
 * What was found at a place: a scalar, undefined where nothing is, UNFIT where a list or an object stands and nothing
 * in it is wanted, or what was found at the places below it.
 */
export type Found = string | number | bigint | boolean | null | undefined | typeof UNFIT | Places;
export interface Places extends Array<Found> {}
export const UNFIT = Symbol("a list or an object");

/** Integers that a number cannot hold: exact, so that times in nanoseconds are, and names are not taken for others. */
export const MOST_DIGITS = 40;
/** Elements of lists that one message may bring: more make no rows. */
export const MOST_ELEMENTS = 10_000;
/** It has more. */
export const TOO_MANY = Symbol("too many elements");

const utf8 = new TextEncoder();
export const newWant = (): Want => ({ isAsked: false, fields: [], elements: [], each: null, size: 0 });

/** Adds a path; answers where in what is found its end stands: an index a step. */
export function addPath(root: Want, steps: readonly Step[]): number[] {
  let here = root;
  const places = steps.map((step) => {
    const { at, want } = childOf(here, step);
    here = want;
    return at;
  });
  here.isAsked = true;
  return places;
}

function childOf(want: Want, step: Step): { readonly at: number; readonly want: Want } {
  if (step === EACH) {
    want.each ??= { at: want.size++, want: newWant() };
    return want.each;
  }
  const known =
    typeof step === "string"
      ? want.fields.find(({ name }) => name === step)
      : want.elements.find(({ index }) => index === step);
  if (known) return known;
  const child = { at: want.size++, want: newWant() };
  if (typeof step === "string") want.fields.push({ ...child, name: step, bytes: utf8.encode(step) });
  else want.elements.push({ ...child, index: step });
  return child;
}

/** What was found at the places from `from` on. */
export function follow(from: Found, places: readonly number[]): Found {
  let found = from;
  for (const place of places) {
    if (!Array.isArray(found)) return undefined;
    found = found[place];
  }
  return found;
}
