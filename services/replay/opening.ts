// What replay sends and from where: the file or the synthetic stream, gone on with where a replay before it stopped.
import { formatOf } from "../../shared/files/flags.ts";
import type { Kafka } from "../../shared/kafka/port.ts";
import type { Log } from "../../shared/runtime/log.ts";
import { type FileSource, fileSource } from "./file.ts";
import type { Config } from "./options.ts";
import { type PositionFile, positionFile, wasSentBefore } from "./position.ts";
import type { Source } from "./source.ts";
import { syntheticSource } from "./synthetic.ts";

interface Opened {
  readonly source: Source;
  /** The same from its beginning. */
  anew(): Source;
  /** The source, where it is a file. */
  readonly file?: FileSource;
  /** Null where a replay that stops cannot be gone on with. */
  readonly position: PositionFile | null;
  readonly from: number;
}

export async function openSource(config: Config, folder: string, log: Log): Promise<Opened> {
  const place = (identity: string) => positionFile(folder, `${identity} to ${config.topic}`);
  if (config.file !== "synthetic") {
    const file = await fileSource(config.file, formatOf(config), {
      isStrict: config.onBadRow === "fail",
      say: (text) => log.warn(text),
    });
    const position = file.identity === null ? null : place(file.identity);
    if (position?.found === null && wasSentBefore(folder, file.identity!, config.topic))
      log.warn(
        "a release before this one sent from this file, and its position cannot be gone on with: all of the file " +
          "is sent",
      );
    return { source: file, file, position, from: await file.goesOnFrom(position?.found ?? null), anew: file.anew };
  }
  const open = (startedAt: number) => syntheticSource(config, startedAt, config.rate !== 0);
  const position = place(open(0).identity!);
  const { found } = position;
  return {
    source: open(found?.memory.startedAt ?? Date.now()),
    position,
    from: found?.position ?? 0,
    anew: () => open(Date.now()),
  };
}

/** False when the topic is empty although something was sent: it is another one than the position is about. */
export async function stillThere(kafka: Kafka, topic: string, from: number, log: Log): Promise<boolean> {
  if (from === 0) return true;
  const there = (await kafka.endOffsets(topic)).some(({ end }) => end > 0);
  if (there) log.info({ from }, "going on where the last replay stopped");
  else log.warn({ from }, "the topic is new: starting from the beginning");
  return there;
}
