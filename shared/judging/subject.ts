// Whom `evaluate` and `blend` judge on, in the model's columns: the validation and test users of a dataset directory or
// of a table, those of a table who came back after the model was trained (temporal), and the training users that
// popularity and EASE learn from.
import type { Manifest } from "../checkpoints/manifest.ts";
import type { Dataset } from "../corpus/dataset.ts";
import { AppError } from "../errors/errors.ts";
import { Histories } from "../events/histories.ts";
import { splitInWords } from "../events/split.ts";
import type { Vocabulary } from "../events/vocabulary.ts";
import type { NamedUser } from "../ranking/evaluate.ts";
import { REMEMBERED } from "../ranking/references.ts";
import type { Along } from "../runtime/working.ts";
import { openExistingEvents } from "../table/events.ts";
import { catchUpOrNewest, followTable } from "../table/follow.ts";
import { newestEvents } from "../table/newest-events.ts";
import { caughtUp } from "./caught-up.ts";
import { cameBack, heldOut, translated, translation } from "./held-out.ts";
import { type Recent, recentIn } from "./recent.ts";

export const parts = ["validation", "test", "temporal"] as const;
export type PartName = (typeof parts)[number];

export interface Subject extends Record<PartName, readonly NamedUser[]> {
  /** Rows of training users that have an item of the model's. */
  readonly train: readonly Int32Array[];
  /** What the figures hold for, as far as the data decides it. */
  readonly contract: Readonly<Record<string, string | number | null>>;
  /** References of `temporal`, as they were known when the model was trained; null without it. */
  readonly recent: Recent | null;
  /** Why nobody is in `temporal`, if that is so. */
  readonly withoutTemporal: string | null;
}

export const hasTargets = (users: readonly NamedUser[]): boolean => users.some(({ target }) => target.length > 0);

/** What a model's manifest says of the data that it was trained from. */
type Origin = Pick<Manifest, "salt" | "tableVersion">;

/**
 * `manifest` is undefined for weights that stand alone. Throws CHECKPOINT_MISMATCH when the model is of other items
 * than the data.
 */
export function fromDataset(
  dir: string,
  dataset: Dataset,
  vocabulary: Vocabulary,
  manifest: Origin | undefined,
): Subject {
  const columnOf = translation(dataset.items, vocabulary);
  const known = columnOf.filter((column) => column >= 0).length;
  // A model of a table may have met other items; one of a dataset directory was made with the dataset's own list.
  const fits =
    manifest?.tableVersion == null ? known === dataset.items.length && known === vocabulary.items.length : known > 0;
  if (!fits) throw otherItems("dataset", dir, known, dataset.items.length, vocabulary);
  const inColumns = (users: readonly NamedUser[]) =>
    users.map(({ user, foldIn, target }) => ({
      user,
      foldIn: translated(foldIn, columnOf),
      target: translated(target, columnOf),
    }));
  return {
    train: dataset.train.map((row) => translated(row, columnOf)).filter(({ length }) => length > 0),
    validation: inColumns(dataset.validation),
    test: inColumns(dataset.test),
    temporal: [],
    recent: null,
    withoutTemporal: "a dataset directory has no times",
    contract: {
      data: dir,
      split: "the dataset's own: train, validation and test users apart",
      salt: null,
      tableVersion: null,
      maxUsers: null,
    },
  };
}

/**
 * At most `limit` held-out users of each part. Throws CHECKPOINT_MISMATCH when the model did not hold them out, or is
 * of other items than the table.
 */
export async function fromTable(
  table: string,
  vocabulary: Vocabulary,
  manifest: Origin | undefined,
  limit: number,
  along?: Along,
): Promise<Subject> {
  if (!manifest || manifest.tableVersion === null)
    throw new AppError("CHECKPOINT_MISMATCH", {
      what: "it was trained from a dataset directory: a table's held-out users may be its training users",
    });
  const { salt } = manifest;
  await openExistingEvents(table);
  const histories = new Histories(salt);
  const { learned, lengths, train, version, caught } = await readTwice(table, histories, manifest.tableVersion, along);
  if (version < manifest.tableVersion)
    throw new AppError("CHECKPOINT_MISMATCH", {
      what: `it was trained from version ${manifest.tableVersion} of a table, this one is at version ${version}`,
      path: table,
    });
  const { items } = histories.vocabulary;
  const columnOf = translation(items, vocabulary);
  const known = columnOf.filter((column) => column >= 0).length;
  if (known === 0) throw otherItems("table", table, known, items.length, vocabulary);
  const temporal = lengths ? cameBack(histories, lengths, salt, vocabulary, limit) : [];
  return {
    train: train.map((row) => translated(row, columnOf)).filter(({ length }) => length > 0),
    temporal,
    recent: temporal.length > 0 ? recentIn(caught, histories, vocabulary) : null,
    withoutTemporal:
      temporal.length > 0 ? null : lengths ? "nobody has come back since" : "what was known then is no longer kept",
    validation: heldOut(histories, "validation", salt, vocabulary, limit),
    test: heldOut(histories, "test", salt, vocabulary, limit),
    contract: {
      data: table,
      split: splitInWords,
      salt,
      tableVersion: version,
      trainedOnVersion: manifest.tableVersion,
      referencesOfVersion: learned,
      maxUsers: limit,
    },
  };
}

/**
 * The table as it was when the model was trained, then as it is. Popularity and EASE learn from the former too, so that
 * none of them knows what is to be predicted. `lengths`: of each user's row at that time; undefined where that version
 * is no longer kept, or rows were taken away since.
 */
async function readTwice(table: string, histories: Histories, trainedOn: number, along?: Along) {
  let anew = 0;
  const target = {
    append: histories.append.bind(histories),
    clear: () => {
      anew++;
      histories.clear();
    },
  };
  const follower = followTable(table, target);
  const then = await catchUpOrNewest(follower, trainedOn, undefined, along);
  const users = [...histories.users.keys()];
  const lengths = Int32Array.from(users, (user) => histories.lengthOf(user));
  const train = users.filter((user) => histories.partOf(user) === "train").map((user) => histories.rowOf(user));
  const caught = caughtUp(await newestEvents(table, then.version, REMEMBERED), histories);
  const before = anew;
  const { version } = await follower.catchUp();
  const isWhole = then.version === trainedOn && anew === before;
  return { learned: then.version, lengths: isWhole ? lengths : undefined, train, version, caught };
}

const otherItems = (kind: string, path: string, known: number, items: number, vocabulary: Vocabulary) =>
  new AppError("CHECKPOINT_MISMATCH", {
    what:
      `another vocabulary: the checkpoint has ${vocabulary.items.length} items, the ${kind} ${items}, and ` +
      `${known} are the same`,
    path,
  });
