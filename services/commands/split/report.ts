// What a split came to, for machines and for people. Pure.
import type { LiangOptions, LiangSplit } from "../../../shared/corpus/liang.ts";
import { plural } from "../../../shared/health/views/figures.ts";
import type { ReadCounts } from "./read.ts";

export type SplitReport = ReturnType<typeof reportOf>;

export function reportOf(
  split: LiangSplit,
  figures: ReadCounts,
  options: LiangOptions & { readonly minValue?: number | undefined },
) {
  const { left, users, vocabulary, train, validation, test } = split;
  const { heldOut, minItemsPerUser, minUsersPerItem, seed } = options;
  const part = ({ foldIn, target, usersWithoutTarget, targetsInFoldIn }: LiangSplit["test"]) => ({
    users: heldOut,
    usersWithoutTarget,
    foldIn: foldIn.sid.length,
    targets: target.sid.length,
    targetsInFoldIn,
  });
  return {
    protocol: "liang",
    options: { minValue: options.minValue ?? null, minItemsPerUser, minUsersPerItem, heldOut, seed },
    rows: figures,
    kept: { ...left, density: left.events / (left.users * left.items) },
    train: { users: users.length - 2 * heldOut, events: train.sid.length, items: vocabulary.length },
    validation: part(validation),
    test: part(test),
  };
}

/** Lines. */
export function summaryOf({ rows, kept, train, validation, test, options }: SplitReport): string[] {
  const n = (value: number) => value.toLocaleString("en-US");
  const held = (name: string, { users, foldIn, targets, usersWithoutTarget, targetsInFoldIn }: SplitReport["test"]) => [
    `${name}: ${n(users)} users, ${n(foldIn)} fold-in and ${n(targets)} target rows`,
    ...(usersWithoutTarget > 0
      ? [`${name}: ${plural(usersWithoutTarget, "user")} without a target, to be left out of the means`]
      : []),
    ...(targetsInFoldIn > 0
      ? [
          `${name}: ${plural(targetsInFoldIn, "target")} repeating an event of the fold-in: kept, as the protocol ` +
            "has it, but nobody can hit them",
        ]
      : []),
  ];
  return [
    `read ${n(rows.read)} ` +
      `events${rows.skipped > 0 ? `, skipped ${n(rows.skipped)} bad rows` : ""}` +
      `${options.minValue === null ? "" : `, ${n(rows.below)} of them not above ${options.minValue}`}`,
    `kept ${n(kept.events)} events of ${n(kept.users)} users and ${n(kept.items)} items ` +
      `(${(100 * kept.density).toFixed(3)} %)`,
    `train: ${n(train.users)} users, ${n(train.events)} rows, ${n(train.items)} items`,
    ...held("validation", validation),
    ...held("test", test),
  ];
}
