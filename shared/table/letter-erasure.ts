// Which dead letters are a user's, and go. Of some nobody can tell: broken ones, coded ones whose schema is not known,
// those whose map takes the user from the key. They stay and are told, unless they are to go as well.
import { type DeadReason, namesUser } from "../events/event.ts";
import type { MessageReader } from "../events/shape/mapped.ts";
import type { Along } from "../runtime/working.ts";
import { type DeadLetter, readDeadLetters, writeDeadLetters } from "./dead-letters.ts";
import { type Erased, erase, type Rewrite } from "./erasure.ts";
import type { DataFile } from "./log.ts";
import { readerIn } from "./shapes.ts";
import type { Tables } from "./tables.ts";

/** What becomes of a letter that nobody can read: it stays, or goes, or goes where its bytes hold the user's name. */
export const fatesOfUnreadable = ["keep", "naming", "all"] as const;

/** Letters of one topic that stay, and that nobody can tell of whom they are. */
export interface Unread {
  readonly topic: string;
  readonly reason: DeadReason;
  readonly letters: number;
  /** Those whose bytes hold the user's name. */
  readonly naming: number;
}

export interface LetterErasure {
  /** How the letters of a topic are read, for these values of it; by default by the map that the table keeps. */
  readonly readerOf?: (topic: string, values: readonly (Uint8Array | null)[]) => Promise<MessageReader>;
  readonly unreadable?: (typeof fatesOfUnreadable)[number];
  /** How far it is. */
  readonly along?: Along | undefined;
  /** Those that stay. */
  unread?(left: readonly Unread[]): void;
}

/** Letters that name the user, by what the message itself calls so or by their topic's map. Throws TABLE_CHANGED. */
export async function eraseLetters(
  tables: Tables,
  user: string,
  {
    readerOf = async (topic) => readerIn(tables.events.properties, topic),
    unreadable = "keep",
    along,
    unread = () => undefined,
  }: LetterErasure = {},
): Promise<Erased> {
  const { deadLetters } = tables;
  const name = Buffer.from(user);
  /** By file, each read again where another process has rewritten one meanwhile. */
  const left = new Map<string, readonly Seen[]>();

  async function rewrite(file: DataFile): ReturnType<Rewrite> {
    const letters = await readDeadLetters(deadLetters.store, file);
    const names = await namingIn(letters, user, readerOf);
    const seen = letters.map((letter) => {
      const isNamed = names(letter);
      return { letter, isNamed, isNaming: isNamed === undefined && Buffer.from(letter.value!).includes(name) };
    });
    const goes = ({ isNamed, isNaming }: Seen) =>
      isNamed ?? (unreadable === "all" || (unreadable === "naming" && isNaming));
    const [gone, others] = [seen.filter(goes), seen.filter((each) => !goes(each))];
    left.set(
      file.path,
      others.filter(({ isNamed }) => isNamed === undefined),
    );
    if (gone.length === 0) return undefined;
    const rest = others.map(({ letter }) => letter);
    return {
      gone: gone.map(({ letter }) => letter),
      rest: rest.length === 0 ? undefined : await writeDeadLetters(deadLetters.store, rest),
    };
  }

  const paths = () => new Set(deadLetters.files.map(({ path }) => path));
  let read = new Set<string>();
  const reading: Rewrite = async (file) => {
    read = paths();
    return rewrite(file);
  };
  const erased = await erase(tables, deadLetters, reading, { along });
  unread(countsOf([...left].flatMap(([path, letters]) => (read.has(path) ? letters : []))));
  return erased;
}

/** A letter, whether it names the user (undefined: nobody can tell), and whether its bytes do then. */
interface Seen {
  readonly letter: DeadLetter;
  readonly isNamed: boolean | undefined;
  readonly isNaming: boolean;
}

async function namingIn(
  letters: readonly DeadLetter[],
  user: string,
  readerOf: NonNullable<LetterErasure["readerOf"]>,
): Promise<(letter: DeadLetter) => boolean | undefined> {
  const named = new Map<DeadLetter, boolean | undefined>();
  for (const topic of new Set(letters.map((letter) => letter.topic))) {
    const ofTopic = letters.filter((letter) => letter.topic === topic);
    const reader = await readerOf(
      topic,
      ofTopic.map(({ value }) => value),
    );
    for (const letter of ofTopic) {
      const { value, timestamp: own } = letter;
      // a map may lead past what the message itself calls the user
      const isNamed =
        value !== null && (namesUser(value, user) || reader.names({ value, own, beside: nothing(reader) }, user));
      named.set(letter, isNamed);
    }
  }
  return (letter) => named.get(letter);
}

/** A letter keeps neither key nor headers. */
const nothing = ({ beside }: MessageReader) => beside.map(() => null);

function countsOf(left: readonly Seen[]): Unread[] {
  const counts = new Map<string, Unread>();
  for (const { letter, isNaming } of left) {
    const { topic, reason } = letter;
    const key = `${topic} ${reason}`;
    const { letters, naming } = counts.get(key) ?? { letters: 0, naming: 0 };
    counts.set(key, { topic, reason, letters: letters + 1, naming: naming + (isNaming ? 1 : 0) });
  }
  return [...counts.values()];
}
