// The flag that names a system: one that is not known is answered with the name that was meant.
import { z } from "zod";
import { nearestOf } from "../runtime/spelling.ts";

/** A flag that names one of `names`. Another name is refused with the one that it is most like. */
export const systemFlag = <N extends string>(names: readonly N[]) =>
  z.string().transform((text, context): N => {
    const found = names.find((name) => name === text);
    if (found !== undefined) return found;
    const meant = nearestOf(text.toLowerCase(), names)?.name;
    const message = `no such system; did you mean ${meant}? There are ${names.join(", ")}`;
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  });
