// The clock of the server's own arithmetic, which trainers wait for: seconds by section, and the processor's time
// beside them.
import { cpu } from "../../../shared/runtime/cpu.ts";

/** The bags; both Adams with the gradient of the first layer. */
type Section = "firstLayer" | "adam";

export class Sections {
  /** Seconds so far. */
  readonly spent: Record<Section, number> = { firstLayer: 0, adam: 0 };

  timed<T>(section: Section, body: () => T): T {
    const startedAt = performance.now();
    const result = cpu.in(section === "adam" ? "adam" : "bags", body);
    this.spent[section] += (performance.now() - startedAt) / 1000;
    return result;
  }
}
