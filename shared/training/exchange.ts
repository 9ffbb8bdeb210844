// Files in memory through which a server and trainers of one machine hand each other tensors: two copies, where a
// socket costs six. Agreed on when a trainer connects; who stands elsewhere, or finds no room, uses the socket.
import { randomUUID } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { AppError } from "../errors/errors.ts";
import { isAlive } from "../runtime/identity.ts";
import type { Decoded } from "./frames.ts";
import type { Elsewhere } from "./messages.ts";
import { bytesIn, bytesOf, viewTensors, type WireTensor } from "./tensors.ts";

const ROOT = "/dev/shm";
/** The system takes no more than 2 GiB at one call. */
const MOST_AT_ONCE = 2 ** 30;
const OURS = /^tributary-(\d+)-\w+$/;

/** What the server tells a trainer; only a process of the same user on the same machine finds the proof. */
export interface Offer {
  readonly dir: string;
  readonly proof: string;
}

export class Exchange {
  readonly offer: Offer;
  /** By this side, through the files. */
  readonly bytes = { sent: 0, received: 0 };
  readonly #files = new Map<string, number>();

  private constructor(offer: Offer) {
    this.offer = offer;
  }

  /** The server's side; the directory goes with the process. Undefined where the system has no files in memory. */
  static open(): Exchange | undefined {
    try {
      for (const name of readdirSync(ROOT)) {
        const pid = OURS.exec(name)?.[1];
        // it was killed
        if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(ROOT, name), { recursive: true, force: true });
      }
      const exchange = new Exchange({ dir: mkdtempSync(join(ROOT, `tributary-${process.pid}-`)), proof: randomUUID() });
      writeFileSync(join(exchange.offer.dir, "proof"), exchange.offer.proof);
      process.once("exit", () => exchange.close());
      return exchange;
    } catch {
      return undefined;
    }
  }

  /** The trainer's side. Undefined when the offer is another machine's, or another user's. */
  static join(offer: Offer): Exchange | undefined {
    const name = offer.dir.startsWith(`${ROOT}/`) ? offer.dir.slice(ROOT.length + 1) : "";
    try {
      const isOwn = OURS.test(name) && statSync(offer.dir).uid === process.getuid?.();
      return isOwn && readFileSync(join(offer.dir, "proof"), "utf8") === offer.proof ? new Exchange(offer) : undefined;
    } catch {
      return undefined;
    }
  }

  /** Overwrites the file. False when there is no room. */
  write(name: string, tensors: readonly WireTensor[]): boolean {
    try {
      const file = this.#file(name, "w+");
      let at = 0;
      for (const piece of tensors.flatMap(bytesOf)) {
        for (let done = 0; done < piece.byteLength; ) {
          const written = writeSync(file, piece, done, Math.min(piece.byteLength - done, MOST_AT_ONCE), at);
          done += written;
          at += written;
        }
      }
      this.bytes.sent += at;
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // full, or swept away by somebody: the socket takes them
      if (code === "ENOSPC" || code === "ENOENT") return false;
      throw error;
    }
  }

  /** Fills `memory` from the file's start. Throws FRAME_MALFORMED when the file is missing or shorter. */
  read(name: string, memory: Uint8Array): void {
    try {
      const file = this.#file(name, "r");
      for (let done = 0; done < memory.byteLength; ) {
        const count = readSync(file, memory, done, Math.min(memory.byteLength - done, MOST_AT_ONCE), done);
        if (count === 0)
          throw new AppError("FRAME_MALFORMED", { what: `the file ${name} is shorter than its tensors` });
        done += count;
      }
      this.bytes.received += memory.byteLength;
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError("FRAME_MALFORMED", { what: `the file ${name} cannot be read` }, { cause: error });
    }
  }

  /** The server's side: removes the files that begin with a trainer's name. */
  remove(prefix: string): void {
    if (!existsSync(this.offer.dir)) return;
    for (const name of readdirSync(this.offer.dir).filter((each) => each.startsWith(prefix))) {
      const file = this.#files.get(name);
      if (file !== undefined) closeSync(file);
      this.#files.delete(name);
      rmSync(join(this.offer.dir, name), { force: true });
    }
  }

  /** Closes the files; the server's side removes them. */
  close(): void {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
    if (this.offer.dir.startsWith(join(ROOT, `tributary-${process.pid}-`)))
      rmSync(this.offer.dir, { recursive: true, force: true });
  }

  /** Each file is opened once; each is written by one side alone. */
  #file(name: string, flags: "w+" | "r"): number {
    let file = this.#files.get(name);
    if (file === undefined) {
      file = openSync(join(this.offer.dir, name), flags, 0o600);
      this.#files.set(name, file);
    }
    return file;
  }
}

/**
 * A message whose tensors lie in a file, as if they had come with it. Throws FRAME_MALFORMED when that was not agreed
 * on, or is more than `limit` bytes.
 */
export function withTensors(
  decoded: Decoded,
  elsewhere: Elsewhere | undefined,
  exchange: Exchange | undefined,
  limit: number,
): Decoded {
  if (!elsewhere) return decoded;
  const { file, tensors: described } = elsewhere;
  const bytes = bytesIn(described);
  if (!exchange) throw new AppError("FRAME_MALFORMED", { what: "tensors in a file that nobody agreed on" });
  if (bytes > limit)
    throw new AppError("FRAME_MALFORMED", { what: `tensors of ${bytes} bytes, above the limit of ${limit}` });
  return {
    head: decoded.head,
    described,
    tensors: (allocate = (size) => new Uint8Array(size)) => {
      const memory = allocate(bytes);
      exchange.read(file, memory);
      return viewTensors(memory, described);
    },
  };
}
