// The Kafka of a data directory, for every command that speaks it: the one that is named, or the local broker, which
// may come back at another port.
import type { Log } from "../runtime/log.ts";
import { resolveBrokers } from "./broker.ts";
import { openKafka } from "./client.ts";
import type { Compression } from "./codecs.ts";
import { givenKafka } from "./given.ts";
import type { Kafka } from "./port.ts";
import { plainKafka } from "./settings.ts";

interface Wanted {
  readonly dataDir: string;
  /** The flag's. */
  readonly kafkaConfig?: string | undefined;
  /** Of what is written; stronger than the file's. */
  readonly compression?: Compression | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Throws what `givenKafka` and `openKafka` throw. */
export async function openNearest({ dataDir, kafkaConfig, compression, signal }: Wanted, log: Log): Promise<Kafka> {
  const given = await givenKafka(kafkaConfig, process.env, (text) => log.warn(text));
  const find = given ? undefined : () => resolveBrokers(dataDir, {});
  const settings = given ?? plainKafka(await find!(), "the local broker");
  return openKafka({ ...settings, ...(compression && { compression }) }, log, { find, signal });
}
