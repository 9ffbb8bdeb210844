// The tables in which every offset that was read stands once: as a row, a dead letter, or filtered.
import { openDeadLetters } from "./dead-letters.ts";
import type { DeltaTable } from "./delta.ts";
import { openEvents } from "./events.ts";
import { openFiltered } from "./filtered.ts";

export interface Tables {
  readonly events: DeltaTable;
  readonly deadLetters: DeltaTable;
  readonly filtered: DeltaTable;
}

/** Those that are not there yet are made with their first commit. */
export const openTables = async (tableDir: string, deadLettersDir: string): Promise<Tables> => ({
  events: await openEvents(tableDir),
  deadLetters: await openDeadLetters(deadLettersDir),
  filtered: await openFiltered(tableDir),
});
