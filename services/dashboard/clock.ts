// A clock that somebody sets, beside one that nobody does: rates, and what stands still since when, are times that
// passed, whatever the clock says. Before look.ts.
type Millis = number;

/** Corrections of less are those of a clock that runs a little fast or slow. */
const LEAST: Millis = 2_000;

/** By how much the clock was set since the call before; 0 where it was not. */
export function stepsOf(wall = () => Date.now(), steady = () => performance.now()): () => Millis {
  let offset = wall() - steady();
  return () => {
    const now = wall() - steady();
    const by = now - offset;
    offset = now;
    return Math.abs(by) < LEAST ? 0 : by;
  };
}
