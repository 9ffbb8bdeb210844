// The schemas of a topic's values: asked of the registry before a batch is read, kept as long as they are in use,
// waited for while the registry is away. An id that it does not know makes dead letters.
import { AppError } from "../../errors/errors.ts";
import type { DeadReason } from "../../events/event.ts";
import { type Decode, type Refusal, refusal } from "../../events/shape/mapped.ts";
import { FRAME, schemaIdOf } from "./framing.ts";
import type { Registry } from "./registry.ts";
import { foundOf } from "./schema.ts";
import type { FoundOf } from "./text.ts";

export interface Schemas {
  /** Until each of these ids is known, or known to be unknown. Throws REGISTRY_REFUSED. */
  prepare(ids: ReadonlySet<number>): Promise<void>;
  /** Of values whose ids were prepared last. */
  readonly decode: Decode;
}

interface Settings {
  readonly registry: Registry;
  /** Each time it must wait; null: it need not any more. Whoever throws here waits no longer. */
  waits(why: AppError | null): void;
  readonly now?: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
}

const MOST_KEPT = 1000;
const TOGETHER = 4;
const [FIRST_MS, MOST_MS] = [500, 15_000];
/** An id may come to the registry later than to the topic. */
const UNKNOWN_MS = 30_000;

type Known = { readonly find: FoundOf } | { readonly refused: Refusal; readonly until: number };

export function openSchemas({ registry, waits, sleep, now = () => performance.now() }: Settings): Schemas {
  /** The one used last is the last. */
  const kept = new Map<number, Known>();
  let current = new Map<number, Known>();

  async function lookUp(id: number): Promise<Known> {
    const refused = (reason: DeadReason, detail: string) => ({
      refused: refusal(reason, detail),
      until: now() + UNKNOWN_MS,
    });
    for (let pause = FIRST_MS; ; pause = Math.min(MOST_MS, 2 * pause)) {
      try {
        const schema = await registry.schemaOf(id);
        waits(null);
        if (!schema) return refused("SCHEMA_UNKNOWN", `the schema registry knows no schema ${id}`);
        try {
          return { find: foundOf(schema) };
        } catch (error) {
          return refused(
            "SCHEMA_UNKNOWN",
            `the schema ${id} cannot be read: ${(error as Error).message.slice(0, 200)}`,
          );
        }
      } catch (error) {
        if (!(error instanceof AppError && error.code === "REGISTRY_AWAY")) throw error;
        waits(error);
        await sleep(pause);
      }
    }
  }

  function keep(id: number, known: Known): void {
    kept.delete(id);
    kept.set(id, known);
    for (const [oldest] of kept) {
      if (kept.size <= MOST_KEPT) break;
      kept.delete(oldest);
    }
  }

  return {
    prepare: async (ids) => {
      const found = new Map<number, Known>();
      const missing: number[] = [];
      for (const id of ids) {
        const known = kept.get(id);
        if (known && !("until" in known && known.until < now())) found.set(id, known);
        else missing.push(id);
      }
      while (missing.length > 0)
        await Promise.all(missing.splice(0, TOGETHER).map(async (id) => found.set(id, await lookUp(id))));
      for (const [id, known] of found) keep(id, known);
      current = found;
    },
    decode: (value, want) => {
      const id = schemaIdOf(value);
      if (id === undefined) return refusal("NOT_FRAMED");
      const known = current.get(id);
      if (!known) throw new Error(`the schema ${id} was not prepared`);
      if ("refused" in known) return known.refused;
      try {
        return known.find(value.subarray(FRAME), want);
      } catch (error) {
        return refusal(
          "SCHEMA_MISFIT",
          `the value does not fit schema ${id}: ${(error as Error).message.slice(0, 200)}`,
        );
      }
    },
  };
}
