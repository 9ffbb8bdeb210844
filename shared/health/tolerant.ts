// Shapes for figures of another process: what is missing or of another kind becomes null, an empty list, and nothing else is lost.
import { z } from "zod";
import { printable } from "../runtime/printable.ts";

const MOST_LETTERS = 2_000;

export const number = z.number().nullable().catch(null);
/** Shown at terminals and on the page: what would move the cursor, or turn the line around, is escaped. */
export const text = z
  .string()
  .transform((words) => printable(words, MOST_LETTERS))
  .nullable()
  .catch(null);
export const list = <T extends z.ZodType>(item: T) => z.array(item).catch([]);
export const maybe = <T extends z.ZodType>(shape: T) => shape.nullable().catch(null);
