// The words in which every /status is written down: a number with its unit, a time, a text. Each takes what it is, for
// the reference that is made of these schemas.
import { z } from "zod";

/** How many, or a value that needs no unit. */
export const count = (what: string) => z.number().describe(what);
const measured = (unit: string) => (what: string) => z.number().meta({ description: what, unit });
export const seconds = measured("seconds");
export const millis = measured("ms");
/** A moment. */
export const at = measured("ms since 1970");
export const bytes = measured("bytes");
export const perSecond = measured("a second");
export const text = (what: string) => z.string().describe(what);
export const flag = (what: string) => z.boolean().describe(what);

/** Which service answers. */
export const service = <N extends string>(name: N) => z.literal(name).describe("the service that answers");

/** As shared/runtime/patience.ts tells of it. */
export const heldUp = text(
  "what the service waits for, such as room on a disk, as a sentence; null for nothing",
).nullable();

export const latency = z
  .object({
    p50: seconds("median").nullable(),
    p95: seconds("95th percentile").nullable(),
    max: seconds("the longest").nullable(),
    events: count("marked events so far"),
  })
  .describe(
    "how long the newest marked events took from their arrival in Kafka to this stage; nulls before there was one",
  );

export const traffic = { sent: bytes("sent"), received: bytes("received") };

/** Of processor time: see shared/runtime/cpu.ts. */
export const cpuAccounts = z
  .record(z.string(), z.record(z.string(), seconds("spent in the section")))
  .describe("processor time of all threads, by phase and section");

/** A value as a service hands it to its /status: the schema's, and nobody changes it. */
export type Said<S extends z.ZodType> = Unchanged<z.output<S>>;
type Unchanged<T> = T extends object ? { readonly [K in keyof T]: Unchanged<T[K]> } : T;
