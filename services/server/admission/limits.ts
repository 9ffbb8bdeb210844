// What a connection may cost the server: how long it may keep silent or stand still, and how often it may speak. Pure:
// time is an argument. admission.ts, connection.ts and peers.ts ask.
import type { Rules } from "../../../shared/http/strangers.ts";
import { MAX_PAYLOAD } from "../../../shared/training/frames.ts";

type Millis = number;

/** Trainers at a time. */
export const MOST_PEERS = 512;
/**
 * Connections of nobody known: whose token was not looked at yet, who read a page, who were refused, who have not said
 * hello.
 */
export const MOST_STRANGERS = 256;
/** Of those the websockets: each may hold a small message. */
const MOST_GREETING = 128;
/** A message before hello, or of a peer that no answer is due from. */
export const SMALL_MESSAGE = 64 * 1024;
/** More frames than this wait for nobody who reads: 8 GiB of weights are 1,024. */
const MOST_FRAMES_WAITING = 4096;

const HELLO_WITHIN: Millis = 10_000;
/** For a dropped peer, or a refused stranger, to read why. */
export const FAREWELL: Millis = 1_000;
/** A stranger's TLS, headers, and the whole of a request for a page. */
export const REQUEST_WITHIN: Millis = 5_000;
/** The book's own deadlines lie behind those that answer with words. */
const GRACE: Millis = 2_000;

export const strangers: Rules = {
  most: MOST_STRANGERS,
  mostAt: { greeting: MOST_GREETING },
  patience: {
    asking: REQUEST_WITHIN + GRACE,
    sending: REQUEST_WITHIN + GRACE,
    answering: 2 * REQUEST_WITHIN,
    idle: REQUEST_WITHIN + GRACE, // the HTTP library tells 5 s, and ends it then
    refused: FAREWELL,
    greeting: HELLO_WITHIN + GRACE,
  },
};

/** What may be held of a message that is not whole: bytes, and pieces, each of which costs more than its bytes. */
export interface Room {
  readonly bytes: number;
  readonly pieces: number;
}

/** A frame of full length is for who has begun a large message, or owes one. */
export function roomOf({ greeted, halfway, owes }: Pick<Seen, "greeted" | "halfway" | "owes">): Room {
  const isLarge = greeted && (halfway || owes);
  return isLarge ? { bytes: MAX_PAYLOAD, pieces: 32_768 } : { bytes: SMALL_MESSAGE, pieces: 1_024 };
}

const SILENT: Millis = 30_000;
const STALLED: Millis = 30_000;
/**
 * A trainer's process answers no ping and reads nothing while it computes, and a round of its own (`--sync local`) may
 * take many minutes: its part goes to others meanwhile.
 */
const COMPUTING: Millis = 3_600_000;
/** After so much silence, pings are 5 s apart, a peer has been busy: what waits for it is counted anew. */
const BUSY: Millis = 10_000;

export interface Seen {
  readonly connectedAt: Millis;
  readonly greeted: boolean;
  /** When a frame came, or a pong while no message was half-way: then only its next frame counts. */
  readonly heardAt: Millis;
  /** When it was heard again after it had been busy. */
  readonly awakeAt: Millis;
  readonly halfway: boolean;
  /** An answer is due from it. */
  readonly owes: boolean;
  /** Frames that wait to be taken by the peer, and when it last took one or they began to wait. */
  readonly frames: number;
  readonly movedAt: Millis;
}

/** Why the connection ends now, if it does: nothing on a socket waits without a deadline. */
export function overdue(
  { connectedAt, greeted, heardAt, awakeAt, halfway, owes, frames, movedAt }: Seen,
  now: Millis,
): string | undefined {
  if (!greeted && now - connectedAt >= HELLO_WITHIN) return `no hello came within ${HELLO_WITHIN / 1000} s`;
  const patience = owes && !halfway ? COMPUTING : SILENT;
  if (now - heardAt >= patience)
    return `${halfway ? "a message stopped half-way" : "nothing was heard"} for ${patience / 1000} s`;
  if (frames > MOST_FRAMES_WAITING) return `${frames} frames wait for it: it does not read what it asks for`;
  const isBusy = owes && now - heardAt >= BUSY;
  if (frames > 0 && !isBusy && now - Math.max(movedAt, awakeAt) >= STALLED)
    return `it took nothing of what it is sent for ${STALLED / 1000} s`;
  return undefined;
}

/** A frame or a pong came. */
export const heard = <S extends Pick<Seen, "heardAt" | "awakeAt" | "owes">>(seen: S, at: Millis): S => ({
  ...seen,
  heardAt: at,
  awakeAt: seen.owes && at - seen.heardAt >= BUSY ? at : seen.awakeAt,
});

/** A trainer of a tiny model says about 4,000 messages a second. */
const MESSAGES_PER_SECOND = 5_000;
const BURST = 2 * MESSAGES_PER_SECOND;
/** Whatever a peer sends before hello, pings too. */
export const MOST_BEFORE_HELLO = 100;

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
