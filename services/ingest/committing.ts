// From what is held to the tables: sealed when it is time, encoded while Kafka is asked whether it is still the same
// topic, and written, again and again while the disk refuses.
import { AppError } from "../../shared/errors/errors.ts";
import { OTHER_FIELDS } from "../../shared/events/event.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import type { Log } from "../../shared/runtime/log.ts";
import { MOST_FIELDS, offsetsIn } from "./buffer.ts";
import type { DiskPatience } from "./disk-patience.ts";
import { type Failing, isRefusal, type Work } from "./failing.ts";
import type { Held } from "./held.ts";
import type { Identity } from "./identity.ts";
import type { InWork } from "./in-work.ts";
import type { News } from "./news.ts";
import { type Asked, type Cause, type Limits, seal } from "./sealer.ts";
import { warnings } from "./warnings.ts";
import type { Encoded, Writer } from "./writer.ts";

export interface Committing {
  /** Writes what is held where it is time to, or asked for. What could not be written is dropped, to be read again. */
  writeIfSealed(asked: Asked | null): Promise<void>;
  /** Work on the tables, tried until the disk lets it. False when what is held must be read again. */
  isDone(units: readonly Work[], work: () => Promise<void>): Promise<boolean>;
}

interface Settings {
  readonly limits: Limits;
  readonly inWork: InWork;
  readonly retryMs: number;
  reassign(): void;
  committed(next: ReadonlyMap<number, number>): void;
  tell(news: News): void;
}

const MOST_DOUBLINGS = 1;

export function openCommitting(
  { limits, inWork, retryMs, reassign, committed, tell }: Settings,
  held: Held,
  writer: Writer,
  { identity, failing, disk }: { readonly identity: Identity; readonly failing: Failing; readonly disk: DiskPatience },
  log: Log,
): Committing {
  const { buffer } = held;
  let toldOfFields = false;
  let fencedInARow = 0;

  async function writeIfSealed(asked: Asked | null): Promise<void> {
    const cause = seal(buffer, asked, limits, performance.now());
    if (cause === null) return;
    const units = [...buffer.tallies].map(([partition, tally]) => {
      const { next } = tally;
      const first = next - offsetsIn(tally);
      const { failures } = failing.suspects.unitAt(partition, first);
      return [partition, { first, last: next - 1, failures }] as const;
    });
    await isDone(units, () => attempt(units, cause));
  }

  async function isDone(units: readonly Work[], work: () => Promise<void>): Promise<boolean> {
    try {
      await disk.writing(work);
      return true;
    } catch (error) {
      if (!isRefusal(error)) failing.failed(error, units);
      else if (!(error instanceof AppError && error.code === "WRITER_FENCED")) throw error;
      else {
        log.warn({ dropped: buffer.messages }, `${error.message}: reading again from where the table is`);
        held.drop(true);
        await giveWay();
        reassign();
      }
      return false;
    }
  }

  /** Of two that fence each other again and again one must come to its end first, whichever. */
  async function giveWay(): Promise<void> {
    const most = fencedInARow === 0 ? 0 : retryMs * 2 ** Math.min(fencedInARow, MOST_DOUBLINGS);
    fencedInARow++;
    if (most > 0 && !disk.isEnding) await sleep(Math.random() * most);
  }

  async function attempt(units: readonly Work[], cause: Cause): Promise<void> {
    const startedAt = performance.now();
    const asked = identity.verdict(); // answered while we encode
    const encoded = encode(units);
    const found = await asked;
    if (found === "same") await write(encoded, cause, startedAt);
    else {
      held.cutToConfirmed();
      if (buffer.since !== null) await write(encode([]), cause, startedAt);
    }
    if (found === "same") for (const [partition, { last }] of units) failing.suspects.passed(partition, last + 1);
    else {
      held.drop(false); // what is fetched next does not follow what is in the table
      if (found === "other") reassign();
    }
  }

  /**
   * In work while it is encoded. Whoever dies while the disk writes did not die of a message, and most of those who are
   * killed die there.
   */
  function encode(units: readonly Work[]): Encoded {
    for (const [partition, unit] of units) inWork.begin(partition, unit);
    const encoded = writer.encode(buffer);
    for (const [partition] of units) inWork.end(partition);
    return encoded;
  }

  async function write(encoded: Encoded, cause: Cause, startedAt: number): Promise<void> {
    const file = await writer.write(encoded);
    fencedInARow = 0;
    const next = new Map([...buffer.tallies].map(([partition, tally]) => [partition, tally.next]));
    tell({
      type: "wrote",
      cause,
      seconds: (performance.now() - startedAt) / 1000,
      brought: [...buffer.tallies].map(([partition, tally]) => ({ partition, ...tally })),
      dead: buffer.deadCounts(),
      unknownFields: new Map(buffer.unknownFields),
      file: file ? { rows: file.rows, bytes: file.size } : null,
      marks: [...buffer.marks],
      table: held.table(),
    });
    if (buffer.unknownFields.has(OTHER_FIELDS) && !toldOfFields) {
      toldOfFields = true;
      log.warn({ kinds: MOST_FIELDS }, warnings.manyFields);
    }
    log.debug({ cause, messages: buffer.messages, version: writer.table.version }, "committed");
    buffer.clear();
    committed(next);
  }

  return { writeIfSealed, isDone };
}
