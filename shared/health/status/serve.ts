// What serve says of itself at GET /status. Owned by services/serve, which answers it; health and tests read it.
import { z } from "zod";
import { at, count, latency, type Said, service, text } from "./units.ts";

export const serveStatus = z.object({
  service: service("serve"),
  device: text("what its engine computes on: `CPU`, or the GPU by its number and name"),
  model: text("the version in use; null before the first").nullable(),
  requests: count("answered so far"),
  errors: count("answers with a code of 400 and above"),
  following: z
    .object({
      state: z
        .enum(["following", "waiting", "off"])
        .describe("waiting: Kafka or the topic is not in reach, answers go on from the table, and it is tried again"),
      reason: text("why it waits, as a sentence").nullable(),
      topic: text("what is followed"),
      taken: count("events read that the table did not have yet"),
      unknown: count("those of them that name items which the model in use has no column for"),
      old: count("events read that were in the table, or read before"),
      refused: count("messages read that are no events"),
      filtered: count("messages read that the topic's map leaves out"),
      held: count("items of users held now, ahead of the table"),
      leftOut: count("events that there was no room for; they come with the table"),
      lag: count("messages of the topic not read yet"),
    })
    .describe("how the topic is followed beside the table, so that events change answers before the table has them"),
  freshness: latency,
  items: z
    .object({
      rows: count("rows that name an item"),
      attributes: z
        .record(z.string(), z.enum(["number", "text", "boolean", "time"]))
        .describe("type of each column that requests filter by"),
      known: count("items of the model in use that it has"),
      missing: count("items of the model in use that it lacks: to a filter they have no attributes"),
      surplus: count("items of it that the model in use lacks"),
      readAt: at("when it was read"),
      reason: text("why a file that has changed is not used, as a sentence; null where it is").nullable(),
    })
    .nullable()
    .describe("the items table that requests filter by; null without `--items-table`"),
});
export type ServeStatus = Said<typeof serveStatus>;
