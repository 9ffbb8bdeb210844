// A trainer without a socket: every lease and every answer passes through the same bytes as on the wire. For the tests of what the server makes of the answers.
import { receivedOf, shapesChecked } from "../../services/server/contributions.ts";
import type { Work } from "../../services/server/desk.ts";
import type { RunStep } from "../../services/server/outer-epoch.ts";
import { Computer } from "../../services/trainer/compute.ts";
import type { Engine } from "../../shared/engine/engine.ts";
import { assembler, type Decoded, encode } from "../../shared/wire/frames.ts";
import { type FromServer, fromServer, type Lease, read } from "../../shared/wire/messages.ts";

/** `seen` is told of each step before it is computed. */
export function inProcess(engine: Engine, seed: number, seen: (work: Work) => void): RunStep {
  const computer = new Computer(engine, seed);
  const held = { hidden: -1, decoder: -1 };
  return async (work) => {
    seen(work);
    for (const group of ["hidden", "decoder"] as const) {
      const wanted = work[group];
      if (!wanted || held[group] === wanted.version) continue;
      const message = received(wanted.frames());
      computer.take(read(fromServer, message) as FromServer & { type: "weights" }, message.tensors());
      held[group] = wanted.version;
    }
    const { step, phase, batchSize } = work;
    const versions = { hidden: work.hidden.version, decoder: work.decoder?.version ?? null };
    return work.parts.map((users, part) => {
      const lease: Lease = { type: "lease", step, part, phase, batchSize, versions };
      const { head, tensors } = computer.answer(lease, received(encode(lease, work.inputs(part))).tensors());
      const answer = received(encode(head, tensors));
      shapesChecked(head, answer.described, work.config, users.length);
      return receivedOf(head, answer, work.memory?.(part));
    });
  };
}

function received(frames: readonly Uint8Array[]): Decoded {
  const take = assembler(() => 1e9);
  const [message] = frames.flatMap((frame) => take(frame) ?? []);
  if (!message) throw new Error("the frames hold no whole message");
  return message;
}
