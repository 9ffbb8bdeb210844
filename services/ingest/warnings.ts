// What grows, and whoever runs ingest should know of before it hurts: said once in the log, and in /status for as long
// as it is so.
import { OTHER_FIELDS } from "../../shared/events/event.ts";

/** Files in the log from which opening the table takes noticeably long. */
export const LONG_LOG = 100_000;

export const warnings = {
  manyFields: "producers send more kinds of unknown fields than are told apart: the others are counted together",
  longLog: "the log of the table has grown long: `tributary vacuum` shortens it, with a shorter --retention further",
} as const;

export function warningsOf(logFiles: number, unknownFields: ReadonlyMap<string, number>): string[] {
  return [
    ...(unknownFields.has(OTHER_FIELDS) ? [warnings.manyFields] : []),
    ...(logFiles > LONG_LOG ? [warnings.longLog] : []),
  ];
}
