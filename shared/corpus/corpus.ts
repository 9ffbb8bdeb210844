// What a run of fixed length trains and judges on: a dataset directory, or one pinned version of the events table. Read
// by the parameter server and by `train`.
import { AppError } from "../errors/errors.ts";
import { foldIn } from "../events/split.ts";
import type { NamedUser } from "../ranking/evaluate.ts";
import { finish } from "../runtime/finish.ts";
import { type Along, told } from "../runtime/working.ts";
import { folderHere } from "../storage/copies.ts";
import { type Dataset, readingDataset } from "./dataset.ts";
import { openEvents } from "./events.ts";

/** Distinct columns of a training user. The same answer throughout an outer epoch. */
export type RowOf = (user: number) => Int32Array;

export interface Corpus {
  readonly name: string;
  readonly vocabulary: readonly string[];
  /** Training users, by the number that `rowOf` knows and draws are keyed with. */
  readonly users: Uint32Array;
  readonly rowOf: RowOf;
  /** Only users with something to predict, of a table also with something to predict it from, as `evaluate` has it. */
  readonly validation: readonly NamedUser[];
  readonly test: readonly NamedUser[];
  /** The other held-out users, and in words who they are. */
  readonly leftOut: number;
  readonly leftOutWhy: string;
  readonly salt: string;
  readonly tableVersion: number | null;
  readonly watermark: number | null;
}

const datasetIn = async (dir: string, signal: AbortSignal, along?: Along): Promise<Dataset> =>
  finish(readingDataset(await folderHere(dir)), signal, along);

/** Told while it is read. Throws as corpusOfDataset. */
export const toldDataset = (dir: string, signal: AbortSignal): Promise<Dataset> =>
  told("reading the data", (along) => datasetIn(dir, signal, along));

/** Throws DATASET_MALFORMED, and the signal's reason when aborted. */
export async function corpusOfDataset(dir: string, signal: AbortSignal, along?: Along): Promise<Corpus> {
  const { items, train, validation, test } = await datasetIn(dir, signal, along);
  const split = {
    ...judged(validation, test, hasTarget),
    leftOutWhy: "with nothing to predict",
    salt: "",
    tableVersion: null,
    watermark: null,
  };
  return {
    name: dir,
    vocabulary: items,
    users: Uint32Array.from(train.keys()),
    rowOf: (user) => train[user]!,
    ...split,
  };
}

/** The newest version, or the one that a checkpoint was pinned to. Throws TABLE_MISSING. */
export async function corpusOfTable(
  dir: string,
  salt: string,
  minUsers = 1,
  pinned?: number,
  along?: Along,
): Promise<Corpus> {
  // a vocabulary of its own: the table's belongs to the server that trains without end
  const events = openEvents(dir, salt, [], { minUsers });
  const { version, watermark } = await events.catchUp(pinned, along);
  const { histories } = events;
  const users = events.trainUsers();
  if (users.length === 0)
    throw new AppError("TABLE_MISSING", { what: "the table holds no training user yet", path: dir });
  const { items } = histories.vocabulary;
  const heldOut = (part: string) =>
    [...histories.users.keys()]
      .filter((user) => histories.partOf(user) === part)
      .map((user) => ({
        user: histories.users[user]!,
        ...foldIn(histories.users[user]!, histories.rowOf(user), items, salt),
      }));
  const split = {
    ...judged(heldOut("validation"), heldOut("test"), hasBoth),
    leftOutWhy: "with nothing to predict, or nothing to predict it from,",
    salt,
    tableVersion: version,
    watermark,
  };
  return {
    name: dir,
    vocabulary: items,
    users: Uint32Array.from(users),
    rowOf: (user) => histories.rowOf(user),
    ...split,
  };
}

const hasTarget = ({ target }: NamedUser) => target.length > 0;
const hasBoth = (user: NamedUser) => hasTarget(user) && user.foldIn.length > 0;

function judged(
  validation: readonly NamedUser[],
  test: readonly NamedUser[],
  isJudged: (user: NamedUser) => boolean,
): Pick<Corpus, "validation" | "test" | "leftOut"> {
  const leftOut = [...validation, ...test].filter((user) => !isJudged(user)).length;
  return { validation: validation.filter(isJudged), test: test.filter(isJudged), leftOut };
}
