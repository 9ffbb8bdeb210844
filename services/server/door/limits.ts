// What a connection may cost the server: how long it may keep silent or stand still, and how often it may speak. Pure: time is an argument. peers.ts asks.
type Millis = number;

/** Of all connections, strangers included. */
export const MOST_CONNECTIONS = 512;
/** Connections whose token was not looked at yet, or who read a page. */
export const MOST_STRANGERS = 64;
/** A message before hello, or of a peer that no answer is due from. */
export const SMALL_MESSAGE = 64 * 1024;
/** More frames than this wait for nobody who reads: 8 GiB of weights are 1,024. */
const MOST_FRAMES_WAITING = 4096;

const HELLO_WITHIN: Millis = 10_000;
/** A trainer's process answers no ping while it computes, so this is far above a part's time. */
const SILENT: Millis = 30_000;
const STALLED: Millis = 30_000;

export interface Seen {
  readonly connectedAt: Millis;
  readonly greeted: boolean;
  /** When a frame came, or a pong while no message was half-way: then only its next frame counts. */
  readonly heardAt: Millis;
  readonly halfway: boolean;
  /** Frames that wait to be taken by the peer, and when it last took one or they began to wait. */
  readonly frames: number;
  readonly movedAt: Millis;
}

/** Why the connection ends now, if it does: nothing on a socket waits without a deadline. */
export function overdue({ connectedAt, greeted, heardAt, halfway, frames, movedAt }: Seen, now: Millis): string | undefined {
  if (!greeted && now - connectedAt >= HELLO_WITHIN) return `no hello came within ${HELLO_WITHIN / 1000} s`;
  if (now - heardAt >= SILENT) return `${halfway ? "a message stopped half-way" : "nothing was heard"} for ${SILENT / 1000} s`;
  if (frames > MOST_FRAMES_WAITING) return `${frames} frames wait for it: it does not read what it asks for`;
  if (frames > 0 && now - movedAt >= STALLED) return `it took nothing of what it is sent for ${STALLED / 1000} s`;
  return undefined;
}

/** A trainer of a tiny model says about 4,000 messages a second. */
const MESSAGES_PER_SECOND = 5_000;
const BURST = 2 * MESSAGES_PER_SECOND;

/** A token bucket: filled by time, emptied by messages. */
export interface Allowance {
  readonly left: number;
  readonly at: Millis;
}

export const fullAllowance = (at: Millis): Allowance => ({ left: BURST, at });

/** What is left after one more message; undefined when it was one too many. */
export function spend({ left, at }: Allowance, now: Millis): Allowance | undefined {
  const filled = Math.min(BURST, left + (Math.max(0, now - at) / 1000) * MESSAGES_PER_SECOND);
  return filled < 1 ? undefined : { left: filled - 1, at: now };
}
