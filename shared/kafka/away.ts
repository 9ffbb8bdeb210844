// A Kafka that does not answer, or names brokers that do not: which errors mean that, and what is told. Pure.
import { AppError } from "../errors/errors.ts";
import { allWritten } from "./addresses.ts";
import { tooLong } from "./deadline.ts";
import type { KafkaSettings } from "./settings.ts";

/** Of kafkajs, those that mean: nobody was there, or nobody answered. */
const lost = new Set(
  [
    ...["ConnectionError", "ConnectionClosedError", "RequestTimeoutError", "NumberOfRetriesExceeded"],
    ...["BrokerNotFound", "GroupCoordinatorNotFound", "LockTimeout"],
  ].map((name) => `KafkaJS${name}`),
);
export const isConnectionError = (error: unknown) => error === tooLong || lost.has((error as Error)?.name);

/** Kafka names its brokers by `advertised.listeners`, which may hold for other networks than ours. */
export function unreachable(
  { brokers }: Pick<KafkaSettings, "brokers">,
  answered: boolean,
  troubles: readonly string[],
  cause: unknown,
): AppError {
  const isClosed = (cause as Error).name === "KafkaJSConnectionClosedError";
  const closes = "it closes the connection: does security.protocol fit this listener?";
  const why = troubles.length > 0 ? troubles.join("; ") : isClosed ? closes : "";
  const who =
    answered && !isClosed ? "Kafka answers, but none of the brokers that it names" : "no Kafka broker answers";
  const named = answered && !isClosed ? " (advertised.listeners) can be reached" : "";
  const what = `${who}${named}${why && `: ${why}`}`;
  return new AppError("BROKER_UNREACHABLE", { what, brokers: allWritten(brokers) }, { cause });
}
