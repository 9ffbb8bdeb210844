// The items table that requests filter by: read once, and again when the file has changed; what cannot be read is told,
// and the one in use stays. Between the file and routes.ts.
import { AppError } from "../../shared/errors/errors.ts";
import { errorOf } from "../../shared/errors/thread-errors.ts";
import type { Vocabulary } from "../../shared/events/vocabulary.ts";
import type { ServeStatus } from "../../shared/health/status/serve.ts";
import { type Filters, filterOf, type ItemFilter } from "../../shared/recommending/items/filters.ts";
import { itemsFileOf } from "../../shared/recommending/items/flags.ts";
import type { ItemsFile } from "../../shared/recommending/items/reading.ts";
import { type ItemsData, type ItemsTable, type Matched, tableOf } from "../../shared/recommending/items/table.ts";
import type { Log } from "../../shared/runtime/log.ts";
import type { Metrics } from "../../shared/runtime/metrics.ts";
import { openThreads } from "../../shared/runtime/threads.ts";
import type { Read } from "./items-thread.ts";
import type { Config } from "./options.ts";
import type { PublishedModel } from "./published.ts";
import { standingOf } from "./standing.ts";

export interface Items {
  /** Throws AppError REQUEST_MALFORMED, ITEMS_TABLE_MISSING. */
  filterOf(filters: Filters): ItemFilter;
  /** Looks at the file, and at the model in use, once. The first look throws what is wrong with the file. */
  refresh(): Promise<void>;
  status(): ServeStatus["items"];
}

interface Around {
  readonly published: Pick<PublishedModel, "vocabulary">;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Without a file, requests with filters are told that it is missing. */
export function openItems(config: Config, around: Around): Items {
  const file = itemsFileOf(config);
  return file ? followItems(file, around) : noItems;
}

function followItems(file: ItemsFile, { published, metrics, log, signal }: Around): Items {
  let table: ItemsTable | undefined;
  let readAt = 0;
  /** How the file stood when it was read, when it could not be, and at the last look. */
  let read = "";
  let refused = "";
  let seen = "";
  let reason: string | null = null;
  let matched: Matched = { known: 0, missing: 0, missingItems: [], surplus: 0, surplusItems: [] };
  let matchedTo: Vocabulary | undefined;

  metrics.onScrape(() => {
    metrics.gauge("tributary_items_table_rows").set(table?.data.rows ?? 0);
    const gauge = metrics.gauge("tributary_items_table_match");
    for (const side of ["known", "missing", "surplus"] as const) gauge.set({ side }, matched[side]);
  });

  async function change(standing: string): Promise<void> {
    if (table) log.info({ path: file.path }, "the items table has changed: reading it");
    else log.info({ path: file.path }, "reading the items table");
    const startedAt = performance.now();
    try {
      const data = await readBeside(file, signal);
      if ((await standingOf(file.path)) !== standing) return; // it was written to meanwhile
      table = tableOf(data);
      [read, refused, reason, readAt, matchedTo] = [standing, "", null, Date.now(), undefined];
      const { rows, itemColumn, columns, skipped, remarks, index } = data;
      const attributes = columns.map(({ name, type, starts }) => `${name} (${starts ? "lists of " : ""}${type})`);
      const seconds = Number(((performance.now() - startedAt) / 1000).toFixed(1));
      log.info({ rows, item: itemColumn, attributes: attributes.join(", "), seconds }, "the items table was read");
      const problems = { skipped: skipped.count, first: skipped.first, repeated: index.repeated };
      if (skipped.count + index.repeated > 0)
        log.warn(problems, "rows of the items table passed over, and items that stand twice, whose last row counts");
      for (const remark of remarks) log.warn(`the items table: ${remark}`);
    } catch (error) {
      if (signal.aborted || !table) throw error;
      [refused, reason] = [standing, error instanceof AppError ? error.message : "it could not be read"];
      log.error(error instanceof AppError ? {} : { err: error }, `the items table in use stays: ${reason}`);
    }
  }

  /** Told once for each table; the figures of each model stand in /status. */
  function match(): void {
    const now = published.vocabulary;
    if (!table || !now || now === matchedTo) return;
    matched = table.matched(now);
    const { known, missing, missingItems, surplus, surplusItems } = matched;
    const facts = { known, missing, missingItems, surplus, surplusItems };
    if (matchedTo === undefined && known === 0)
      log.warn(facts, "no item of the model is in the items table: --items-column names its column of items");
    else if (matchedTo === undefined) log.info(facts, "items of the model in the items table, missing, and surplus");
    matchedTo = now;
  }

  return {
    filterOf(filters) {
      if (!table) return noItems.filterOf(filters); // it is being written
      return filterOf(filters, table);
    },
    async refresh() {
      const standing = await standingOf(file.path).catch((error: NodeJS.ErrnoException) => {
        if (table) return error.code ?? "gone";
        throw new AppError("FILE_MISSING", { what: "no items table", path: file.path }, { cause: error });
      });
      const isGone = !standing.includes(" ");
      const isSettled = standing === seen || !table; // two looks alike: nobody writes to it any more
      seen = standing;
      if (isGone) [reason, refused] = [`the file cannot be looked at (${standing}): what was read of it stays`, ""];
      else if (isSettled && standing !== read && standing !== refused) await change(standing);
      else if (standing === read) reason = null;
      match();
    },
    status() {
      if (!table) return null;
      const { rows, columns } = table.data;
      const { known, missing, surplus } = matched;
      const attributes = Object.fromEntries(columns.map(({ name, type }) => [name, type]));
      return { rows, attributes, known, missing, surplus, readAt, reason };
    },
  };
}

export const noItems: Items = {
  filterOf() {
    throw new AppError("ITEMS_TABLE_MISSING", {
      what: "filters need attributes of items, and no items table is there",
    });
  },
  refresh: async () => undefined,
  status: () => null,
};

async function readBeside(file: ItemsFile, signal: AbortSignal): Promise<ItemsData> {
  const threads = openThreads<ItemsFile, Read>(new URL("./items-thread.ts", import.meta.url), {}, 1, signal);
  try {
    const [answer] = await threads.run([file]);
    if ("error" in answer!) throw errorOf(answer.error);
    return answer!.data;
  } finally {
    await threads.close();
  }
}
