// Compares every checkpoint of a table's log with the state that its entries add up to: readers open the table by one
// or by the other, and must see the same.
import { isDeepStrictEqual } from "node:util";
import { AppError } from "../../../shared/errors/errors.ts";
import type { Store } from "../../../shared/storage/store.ts";
import { advance, type DataFile, emptyState, type State } from "../../../shared/table/log.ts";
import { checkpointPath, decodeCheckpoint, LAST_CHECKPOINT } from "../../../shared/table/log-checkpoint.ts";
import { listLog, readCommits } from "../../../shared/table/log-reader.ts";

/**
 * One checkpoint and one state at a time. Where the first entries are gone, what is left of them is added to the oldest
 * checkpoint that can be read.
 */
export async function checkpointProblems(store: Store): Promise<string[]> {
  const pointer = await pointerOf(store); // before the listing: what it names is there by then
  const problems: string[] = [];
  const { entries, checkpoints } = await listLog(store);
  let newestArrival = 0;
  const compare = async (version: number, expected: State | undefined): Promise<State | undefined> => {
    const problem = (what: string) => problems.push(`${store.name}/${checkpointPath(version)}: ${what}`);
    try {
      const found = decodeCheckpoint(await store.read(checkpointPath(version)), version);
      const others = expected ? differences(found, expected, newestArrival) : [];
      if (others.length > 0) problem(`the checkpoint differs from the log's entries in ${others.join(", ")}`);
      return found;
    } catch (error) {
      problem(`the checkpoint cannot be read (${error instanceof Error ? error.message : error})`);
      return undefined;
    }
  };

  if (pointer === "torn")
    problems.push(`${store.name}/${LAST_CHECKPOINT}: it is no pointer to a checkpoint; the next checkpoint mends it`);
  else if (pointer !== undefined && !checkpoints.includes(pointer))
    problems.push(
      `${store.name}/${LAST_CHECKPOINT}: it points to version ${pointer}, which has no checkpoint; the next ` +
        "checkpoint mends it",
    );

  let state = entries[0] === 0 ? emptyState() : undefined;
  for (const version of checkpoints) {
    if (state)
      for await (const commit of readCommits(store, state.version + 1, version)) {
        state = advance(state, commit);
        newestArrival = Math.max(newestArrival, commit.newestArrival);
      }
    const found = await compare(version, state);
    newestArrival = Math.max(newestArrival, found?.watermark ?? 0);
    if (found && entries.includes(version + 1)) state ??= found;
  }
  return problems;
}

/**
 * The version that readers of other kinds are pointed to; undefined where there is none, or where another writer's
 * checkpoint has several parts, which ours do not list.
 */
async function pointerOf(store: Store): Promise<number | "torn" | undefined> {
  try {
    const text = Buffer.from(await store.read(LAST_CHECKPOINT)).toString("utf8");
    const { version, parts } = Object(JSON.parse(text)) as { version?: unknown; parts?: unknown };
    if (!Number.isSafeInteger(version)) return "torn";
    return parts === undefined || parts === null ? (version as number) : undefined;
  } catch (error) {
    if (error instanceof AppError && error.code === "FILE_MISSING") return undefined;
    if (error instanceof SyntaxError) return "torn";
    throw error;
  }
}

/** `newestArrival`: of all entries so far. That was the watermark before a clock that was ahead could be taken back. */
function differences(found: State, expected: State, newestArrival: number): string[] {
  const isSame = (file: DataFile, other: DataFile | undefined) =>
    file.size === other?.size && file.rows === other.rows && file.stats === other.stats && file.sha256 === other.sha256;
  const facts: [string, boolean][] = [
    ["protocol", isDeepStrictEqual(found.protocol, expected.protocol)],
    [
      "columns",
      found.metadata?.id === expected.metadata?.id && found.metadata?.schemaString === expected.metadata?.schemaString,
    ],
    [
      "files",
      found.files.size === expected.files.size &&
        [...found.files].every(([path, file]) => isSame(file, expected.files.get(path))),
    ],
    // a checkpoint drops those that were removed long ago
    ["removed files", [...found.removed].every(([path, at]) => expected.removed.get(path) === at)],
    ["progress", isDeepStrictEqual(found.offsets, expected.offsets)],
    ["watermark", found.watermark === expected.watermark || found.watermark === newestArrival],
  ];
  return facts.flatMap(([name, agrees]) => (agrees ? [] : [name]));
}
