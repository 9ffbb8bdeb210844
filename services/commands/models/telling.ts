// What `rollback` and `pin` did, and what follows from it, for somebody who is in a hurry. Pure.
import type { Branch } from "./branch.ts";

export interface Change {
  readonly current: string | null;
  readonly pinned: string | null;
  /** What was current until then. */
  readonly before: string | null;
  /** Null: training goes on where it is; undefined: that was no question. */
  readonly branch: Branch | null | undefined;
}

export function changeText({ current, pinned, before, branch }: Change): string {
  const moved =
    current === before
      ? `${current} is current, as before`
      : `${current} is current now, ${before} was; serve takes it up by itself`;
  const held =
    pinned === null
      ? "nothing is pinned: the evaluator publishes the next model that passes the gate against it"
      : `pinned to ${pinned}: the evaluator judges on and publishes nothing until \`tributary models pin --off\``;
  return `${[current === null ? "no model is current" : moved, held, ...trained(current, branch)].join("\n")}\n`;
}

function trained(current: string | null, branch: Branch | null | undefined): string[] {
  if (branch === undefined) return [];
  if (branch === null)
    return [
      "training goes on from its own newest checkpoint; with --branch, the parameter server stopped, it goes on " +
        "from this model",
    ];
  return [
    `training goes on from ${current} when \`tributary server\` or \`up\` starts again: ${branch.checkpoint} ` +
      `(round ${branch.round})`,
  ];
}
