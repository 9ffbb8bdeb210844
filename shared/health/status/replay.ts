// What replay says of itself at GET /status. Owned by services/replay, which answers it; health and tests read it.
import { z } from "zod";
import { count, flag, heldUp, perSecond, type Said, service, text } from "./units.ts";

export const replayStatus = z.object({
  service: service("replay"),
  source: text("the file, or `synthetic`"),
  produced: count("events sent, those of the replays before that this one goes on from included"),
  total: count("events that the source has, in all; null where nobody knows before its end").nullable(),
  ratePerSecond: perSecond("events sent"),
  done: flag("the source has come to its end and all of it is sent"),
  heldUp,
});
export type ReplayStatus = Said<typeof replayStatus>;
