// Weights on their way to the trainers: each version is encoded, or written to a file, once for all; the memory is used
// again when nobody reads it any more.
// Between scheduler.ts and peers.ts.
import type { Recipe } from "../../../shared/neural/recipe.ts";
import { FrameBuffers } from "../../../shared/training/buffers.ts";
import type { Exchange } from "../../../shared/training/exchange.ts";
import { encode } from "../../../shared/training/frames.ts";
import type { FromServer } from "../../../shared/training/messages.ts";
import type { Sent } from "../../../shared/training/phases.ts";
import { describeTensor, type WireTensor } from "../../../shared/training/tensors.ts";
import type { Peer, Peers } from "../admission/peers.ts";

/** Weights of a group at one moment. */
export interface Versioned {
  readonly version: number;
  readonly model: Recipe;
  /** Views: they hold until the step is applied. */
  tensors(): WireTensor[];
}

interface Parcel {
  readonly version: number;
  frames?: readonly Uint8Array[];
  /** Sockets that still read the frames. */
  sending: number;
  file?: string | undefined;
  /** Trainers that were told of the file and have not said that they took it. */
  readonly readers: Set<string>;
}

export class Outbox {
  readonly #peers: () => Peers;
  readonly #exchange: Exchange | undefined;
  readonly #buffers = new FrameBuffers();
  readonly #newest = new Map<Sent, Parcel>();
  /** Older versions that somebody may still read. */
  readonly #leaving = new Set<Parcel>();
  readonly #freeFiles: string[] = [];
  #files = 0;

  constructor(peers: () => Peers, exchange: Exchange | undefined) {
    this.#peers = peers;
    this.#exchange = exchange;
  }

  send({ id: trainer, shares }: Peer, group: Sent, weights: Versioned): void {
    const parcel = this.#parcelOf(group, weights);
    const { version, model } = weights;
    const head = { type: "weights", group, version, model } satisfies FromServer;
    if (shares) parcel.file ??= this.#written(weights);
    if (shares && parcel.file !== undefined) {
      parcel.readers.add(trainer);
      const elsewhere = { file: parcel.file, tensors: weights.tensors().map(describeTensor) };
      this.#peers().send(trainer, encode({ ...head, elsewhere }));
      return;
    }
    parcel.frames ??= encode(head, weights.tensors(), this.#buffers.take);
    parcel.sending++;
    this.#peers().send(trainer, parcel.frames, () => {
      parcel.sending--;
      this.#sweep();
    });
  }

  /** A message of one trainer's own. It must have read the one before in the same file. */
  sendOwn({ id: trainer, shares }: Peer, head: FromServer, tensors: readonly WireTensor[], file: string): void {
    if (shares && this.#exchange?.write(file, tensors)) {
      this.#peers().send(trainer, encode({ ...head, elsewhere: { file, tensors: tensors.map(describeTensor) } }));
      return;
    }
    const frames = encode(head, tensors, this.#buffers.take);
    this.#peers().send(trainer, frames, () => frames.forEach(this.#buffers.giveBack));
  }

  took(trainer: string, version: number): void {
    for (const parcel of [...this.#newest.values(), ...this.#leaving])
      if (parcel.version === version) parcel.readers.delete(trainer);
    this.#sweep();
  }

  left(trainer: string): void {
    for (const parcel of [...this.#newest.values(), ...this.#leaving]) parcel.readers.delete(trainer);
    this.#sweep();
  }

  #parcelOf(group: Sent, { version }: Versioned): Parcel {
    const newest = this.#newest.get(group);
    if (newest?.version === version) return newest;
    if (newest) this.#leaving.add(newest);
    this.#sweep();
    const parcel: Parcel = { version, sending: 0, readers: new Set() };
    this.#newest.set(group, parcel);
    return parcel;
  }

  /** Undefined when there is no room: then the socket takes them. */
  #written(weights: Versioned): string | undefined {
    const file = this.#freeFiles.pop() ?? `weights-${this.#files++}`;
    if (this.#exchange?.write(file, weights.tensors())) return file;
    this.#freeFiles.push(file);
    return undefined;
  }

  #sweep(): void {
    for (const parcel of this.#leaving) {
      if (parcel.sending > 0 || parcel.readers.size > 0) continue;
      this.#leaving.delete(parcel);
      parcel.frames?.forEach(this.#buffers.giveBack);
      if (parcel.file !== undefined) this.#freeFiles.push(parcel.file);
    }
  }
}
