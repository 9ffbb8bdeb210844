// From the paths of a map to functions that find their values in one row of a message: in the value, in one of the
// lists that rows go through, in the key, in a header. Pure.
import { utf8Of } from "../event.ts";
import { BROKEN, fromJson } from "./from-json.ts";
import { EACH, type Path, type Step } from "./path.ts";
import { addPath, type Found, follow, newWant, TOO_MANY, UNFIT, type Want } from "./want.ts";

/** What of a message beside its value a map asks for; Kafka's client brings it. */
export type Beside = { readonly type: "key" } | { readonly type: "header"; readonly name: string };

export interface Message {
  readonly value: Uint8Array | null;
  /** Kafka's own time, ms since 1970; -1 where nobody gave it one. */
  readonly own: number;
  /** What the reader asked for, in that order; null where the message has none. */
  readonly beside: readonly (Uint8Array | null)[];
}

/** A message while its rows are made. */
export interface Frame {
  message: Message;
  /** What was found in the value; then, a list further in each, the element that the row is of. */
  readonly levels: Found[];
  /** The number of that element in each list. */
  readonly indices: number[];
}

/** How to find a value in a row; `level`: in how many lists the row must be for that. */
export interface Finder {
  readonly level: number;
  find(frame: Frame): Found;
}

export interface Finders {
  readonly want: Want;
  readonly beside: Beside[];
  finderOf(path: Path): Finder;
  /** Where each list stands that a path goes through, from the element of the one before. */
  listsOf(path: Path): number[][];
}

/** `placed`: where the paths of a preset lead. */
export function openFinders(beside: Beside[], placed: (path: Path) => Pick<Path, "root" | "steps">): Finders {
  const want = newWant();

  /** The places of a path, a piece for each list and one for what follows the last. */
  function piecesOf(steps: readonly Step[]): number[][] {
    const places = addPath(want, steps);
    const pieces: number[][] = [[]];
    for (const [k, place] of places.entries()) {
      pieces.at(-1)!.push(place);
      if (steps[k] === EACH) pieces.push([]);
    }
    return pieces;
  }

  const number = (asked: Beside) => {
    const known = beside.findIndex((each) => JSON.stringify(each) === JSON.stringify(asked));
    return known < 0 ? beside.push(asked) - 1 : known;
  };

  function finderOf(path: Path): Finder {
    const { root, steps } = placed(path);
    switch (root) {
      case "value":
      case "envelope": {
        const pieces = piecesOf(steps);
        const [level, last] = [pieces.length - 1, pieces.at(-1)!];
        return { level, find: ({ levels }) => follow(levels[level], last) };
      }
      case "key": {
        const at = number({ type: "key" });
        if (steps.length === 0) return { level: 0, find: ({ message }) => textOf(message.beside[at]) };
        const wanted = newWant();
        const places = addPath(wanted, steps);
        return { level: 0, find: ({ message }) => follow(jsonOf(message.beside[at], wanted), places) };
      }
      case "headers": {
        const at = number({ type: "header", name: String(steps[0]) });
        return { level: 0, find: ({ message }) => textOf(message.beside[at]) };
      }
      case "timestamp":
        return { level: 0, find: ({ message }) => (message.own < 0 ? undefined : message.own) };
    }
  }

  return { want, beside, finderOf, listsOf: (path) => piecesOf(placed(path).steps).slice(0, -1) };
}

function textOf(bytes: Uint8Array | null | undefined): Found {
  return bytes ? (utf8Of(bytes) ?? UNFIT) : undefined;
}

function jsonOf(bytes: Uint8Array | null | undefined, want: Want): Found {
  if (!bytes || utf8Of(bytes) === undefined) return undefined;
  const found = fromJson(bytes, want);
  return found === BROKEN || found === TOO_MANY ? undefined : found;
}
