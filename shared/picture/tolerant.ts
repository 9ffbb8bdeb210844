// Shapes for figures of another process: what is missing or of another kind becomes null, an empty list, and nothing else is lost.
import { z } from "zod";

export const number = z.number().nullable().catch(null);
export const text = z.string().nullable().catch(null);
export const list = <T extends z.ZodType>(item: T) => z.array(item).catch([]);
export const maybe = <T extends z.ZodType>(shape: T) => shape.nullable().catch(null);
