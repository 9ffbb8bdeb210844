// Where the time of a part goes, section by section: what the bench prints and the metrics count. The model has no
// clock; whoever calls it brings one.

/**
 * Sections of a part's arithmetic. Backward sections are named after the gradient that they compute; `graph` is all of
 * them in one run; `inner...` are a trainer's in local mode, the server's otherwise; the last two are the exchange with
 * a replica that lies on a device.
 */
export const sections = [
  "hiddenForward",
  "logits",
  "softmax",
  "dz",
  "dW",
  "kl",
  "hiddenBackward",
  "graph",
  "innerBag",
  "innerAdam",
  "toDevice",
  "fromDevice",
] as const;
/** What of them is no arithmetic: weights on their way to where they move, and how far they came on their way back. */
export const exchanges: readonly Section[] = ["toDevice", "fromDevice"];
export type Section = (typeof sections)[number];

/** Called when a section is done: what passed since the last call, or since the part began, was its own. */
export type SectionDone = (section: Section) => void;

/** Seconds of each section that took part. */
export type Spent = Partial<Record<Section, number>>;

/** `now` in milliseconds. */
export function sectionTimer(now: () => number): { sectionDone: SectionDone; spent: Spent } {
  const spent: Spent = {};
  let last = now();
  return {
    spent,
    sectionDone: (section) => {
      const at = now();
      spent[section] = (spent[section] ?? 0) + (at - last) / 1000;
      last = at;
    },
  };
}
