// The schemas of what is fetched: asked of the registry before a batch is taken in, one batch after the other, so that
// none overtakes another while the registry is away. What is held meanwhile is written as always.
import type { AppError } from "../../shared/errors/errors.ts";
import type { Decode } from "../../shared/events/shape/mapped.ts";
import type { Fetched } from "../../shared/kafka/port.ts";
import { schemaIdsIn } from "../../shared/kafka/schemas/framing.ts";
import { openRegistry } from "../../shared/kafka/schemas/registry.ts";
import { openSchemas } from "../../shared/kafka/schemas/schemas.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import type { Log } from "../../shared/runtime/log.ts";
import { oneAtATime } from "../../shared/runtime/turns.ts";
import type { News } from "./news.ts";

export interface Decoding {
  /** Undefined: values are JSON. */
  readonly decode?: Decode;
  /** Hands the batch on once its schemas are known. Throws REGISTRY_REFUSED. */
  inTurn(batch: Fetched, next: (batch: Fetched) => Promise<void>): Promise<void>;
}

export function openDecoding(
  url: string | undefined,
  auth: string | undefined,
  log: Log,
  tell: (news: News) => void,
): Decoding {
  if (url === undefined) return { inTurn: (batch, next) => next(batch) };
  let isAway = false;
  const waits = (why: AppError | null) => {
    if (why && !isAway) log.warn(`${why.facts.what}: nothing is skipped, it is asked again`);
    if (!why && isAway) log.info("the schema registry answers again");
    isAway = why !== null;
    if (why) tell({ type: "stalled", by: "registry", reason: `waiting for schemas: ${why.facts.what}` });
  };
  const schemas = openSchemas({ registry: openRegistry(url, auth), waits, sleep });
  const inTurn = oneAtATime();
  return {
    decode: schemas.decode,
    inTurn: (batch, next) =>
      inTurn(async () => {
        await schemas.prepare(schemaIdsIn(batch.messages));
        await next(batch);
      }),
  };
}
