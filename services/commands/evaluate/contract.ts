// What the figures of `evaluate` hold for: the data and its split, the users, how lists are scored, how sure the
// figures are. Pure.
import type { Manifest } from "../../../shared/checkpoints/manifest.ts";
import type { Subject } from "../../../shared/judging/subject.ts";
import { resamples } from "../../../shared/ranking/bootstrap.ts";
import type { Measured, Wish } from "./references.ts";

/** Of the model: its columns, and where its training stood, as far as its files say so. */
interface About {
  readonly items: number;
  readonly manifest: Pick<Manifest, "step" | "round" | "trends"> | undefined;
  readonly engine: string;
}

export function contractOf(
  subject: Subject,
  { ks, seed }: Wish,
  measured: Measured,
  { items, manifest, engine }: About,
) {
  const standing = manifest ?? { step: "unknown", round: "unknown" };
  return {
    ...subject.contract,
    masking: "fold-in",
    ties: "by column",
    k: ks,
    items,
    users: { train: subject.train.length, validation: measured.validation.users, test: measured.test.users },
    step: standing.step,
    round: standing.round,
    temporal: subject.withoutTemporal ?? "users who came back: fold-in until the model was trained, target since",
    popularNow: subject.recent?.over ?? null,
    laidOver: manifest?.trends ?? null,
    engine,
    ease: measured.ease,
    interval: `95 %, percentile bootstrap over users, ${resamples} resamples, seed ${seed}`,
  };
}
