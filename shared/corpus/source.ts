// Where held-out users and training rows come from, as two flags say it: a dataset directory, or a table.
import { AppError } from "../errors/errors.ts";

interface Sources {
  readonly data?: string | undefined;
  readonly table?: string | undefined;
}

/** Throws USAGE where both are given, or none. */
export function mustNameOne({ data, table }: Sources): void {
  if ((data === undefined) === (table === undefined))
    throw new AppError("USAGE", { what: "give either --data or --table" });
}
