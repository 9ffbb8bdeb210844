// Which process is which, so that a number that was written down is never taken for somebody else: number, start, and
// the place where numbers mean something (boot and namespaces). Linux shows them in /proc; elsewhere nothing can be
// proven, and who asks must watch for signs of life.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { uptime } from "node:os";
import { basename } from "node:path";
import { statOf } from "./proc.ts";

export interface Identity {
  readonly pid: number;
  /** Clock ticks from the boot to the start of the process; "" where the system does not say. */
  readonly started: string;
  /** The same for all processes that see each other's numbers; "" where that is not known. */
  readonly place: string;
}

/** Dying: it was killed, and is not gone yet. Unknown: it cannot be seen from here. */
export type Proof = "lives" | "dying" | "gone" | "unknown";

let mine: Identity | undefined;

export function ownIdentity(): Identity {
  mine ??= { pid: process.pid, started: startOf(process.pid) ?? "", place: ownPlace() };
  return mine;
}

/** What became of a process that was written down. */
export function proofOf({ pid, started, place }: Identity): Proof {
  if (place === "" || started === "" || place !== ownIdentity().place) return "unknown";
  const seen = look(pid);
  if (seen === undefined) return isAlive(pid) ? "unknown" : "gone"; // another user's, on a system that hides those
  if (seen.started !== started) return "gone";
  if (seen.isOver) return "gone";
  return seen.isKilled ? "dying" : "lives";
}

/** True when the process with this number is the one that started then, see `startOf`. */
export const isSameProcess = (pid: number, started: string): boolean => {
  const seen = look(pid);
  return seen !== undefined && seen.started === started && !seen.isOver;
};

/**
 * When the process with this number started, as `Identity` has it; undefined when there is none, or the system does not
 * say.
 */
export const startOf = (pid: number): string | undefined => look(pid)?.started;

/** Whether there is a process with this number, whichever. */
export function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false; // 0 and less are groups of processes
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Milliseconds since it started; undefined where the system does not say. */
export function ageOf(pid: number): number | undefined {
  const started = startOf(pid);
  return started === undefined ? undefined : uptime() * 1000 - Number(started) * TICK_MS;
}

/**
 * Whether it is a program of Node's: all that is known of a process whose start an earlier version did not write down.
 */
export function isNode(pid: number): boolean {
  if (process.platform !== "linux") return isAlive(pid);
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`)) === basename(process.execPath);
  } catch {
    return false; // gone, or another user's
  }
}

/** Linux shows times to programs in hundredths of a second. */
const TICK_MS = 10;
/** Of a process's flags: it is on its way out. */
const EXITING = 0x4;
/** Of its pending signals: SIGKILL. */
const KILLED = 0x100;

/** Undefined where it cannot be read. */
function look(pid: number): { started: string; isOver: boolean; isKilled: boolean } | undefined {
  try {
    const fields = statOf(pid);
    const [state, flags, started] = [fields[0]!, Number(fields[6]), fields[19]!];
    const isZombie = /[ZXx]/.test(state);
    const isOver = isZombie && tasksOf(pid) <= 1; // its first thread is over; the others may write on for a moment
    return { started, isOver, isKilled: isZombie || (flags & EXITING) !== 0 || isKillPending(pid) };
  } catch {
    return undefined;
  }
}

function tasksOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length;
  } catch {
    return 0;
  }
}

function isKillPending(pid: number): boolean {
  const pending = readFileSync(`/proc/${pid}/status`, "latin1").matchAll(/^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)$/gm);
  return [...pending].some(([, bits]) => (Number.parseInt(bits!.slice(-8), 16) & KILLED) !== 0);
}

/**
 * A number is a process's own as long as the machine runs, in its PID namespace; ticks are counted from the boot, as
 * its time namespace sees it.
 */
function ownPlace(): string {
  try {
    if (readlinkSync("/proc/self") !== String(process.pid)) return ""; // this /proc shows another namespace
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    return createHash("sha256")
      .update(`${boot} ${namespaceOf("pid")} ${namespaceOf("time")}`)
      .digest("hex")
      .slice(0, 12);
  } catch {
    return "";
  }
}

function namespaceOf(kind: "pid" | "time"): string {
  try {
    return readlinkSync(`/proc/self/ns/${kind}`);
  } catch (error) {
    if (kind === "pid") throw error;
    return ""; // before Linux 5.6
  }
}
