// Recent problems on disk: what happened at night is still told after the dashboard itself was restarted.
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { writeWhole } from "../../shared/disk/whole-file.ts";
import type { Recent } from "../../shared/health/views/recent.ts";

const shape = z.array(
  z.object({
    ...{ code: z.string(), service: z.string(), level: z.enum(["amber", "red"]), reason: z.string(), hint: z.string() },
    ...{ firstAt: z.number(), lastAt: z.number(), isOpen: z.boolean(), count: z.number() },
  }),
);
/** Ms: so much of when an open one was seen last may be lost. */
const patience = 30_000;

export interface ProblemFile {
  /** Of the dashboard before; nobody has looked since, so none counts as open. */
  readonly before: readonly Recent[];
  /** Writes when one came or went, and now and then meanwhile; never throws. */
  keep(recent: readonly Recent[], now: number): Promise<void>;
}

/**
 * A file of another shape counts as none. `refused` hears of the first write that fails, and again once one has worked
 * in between.
 */
export async function openProblems(file: string, refused: (error: Error) => void): Promise<ProblemFile> {
  const text = await readFile(file, "utf8").catch(() => "[]");
  const before = parsed(text).map((each) => ({ ...each, isOpen: false }));
  const keyOf = (recent: readonly Recent[]) =>
    recent.map(({ code, count, isOpen }) => `${code} ${count} ${isOpen}`).join();
  let key = keyOf(before);
  let writtenAt = 0;
  let told = false;
  return {
    before,
    keep: async (recent, now) => {
      const isDue = recent.some(({ isOpen }) => isOpen) && Math.abs(now - writtenAt) > patience;
      if (keyOf(recent) === key && !isDue) return;
      [key, writtenAt] = [keyOf(recent), now];
      try {
        await writeWhole(file, `${JSON.stringify(recent)}\n`);
        told = false;
      } catch (error) {
        if (!told) refused(error as Error);
        told = true;
        key = ""; // tried again at the next look
      }
    },
  };
}

function parsed(text: string): Recent[] {
  try {
    return shape.safeParse(JSON.parse(text)).data ?? [];
  } catch {
    return [];
  }
}
