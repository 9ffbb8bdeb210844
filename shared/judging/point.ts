// One point of the prequential curve, as the evaluator keeps it and tells of it.
import { z } from "zod";

const pair = z.object({ "recall@20": z.number(), "ndcg@100": z.number() });
const lead = pair.extend({ "recall@20:se": z.number(), "ndcg@100:se": z.number() });

/** Absent in points of before there were these references. */
const since = {
  alone: pair.describe("of the model's scores alone, without what is laid over them, over the same"),
  popularNow: pair.describe("of what most users met in the newest events, without what the user had, over the same"),
  popularThen: pair.describe("likewise, as it was known when the model's table version was pinned"),
  coVisits: pair.describe("of what followed the user's last three items in the newest events"),
  coVisitsThen: pair.describe("likewise, as it was known when the model's table version was pinned"),
  lead: z
    .object({ popularNow: lead, popularThen: lead, ...z.object({ alone: lead, coVisits: lead }).partial().shape })
    .describe("the model less another: mean over users, `:se` the paired standard error"),
  over: z
    .object({ popularNow: z.string(), popularThen: z.string() })
    .describe("the window that each counts over: the one that did best on what came before"),
  behind: z.number().describe("events that came since the model's table version was pinned"),
  tableEvents: z.number().describe("events of the table up to there"),
};

/** Of a stretch of arrivals, each counted in one of them; what several of them come to is a mean of theirs. */
const block = z.object({
  events: z.number(),
  users: z.number(),
  ...pair.shape,
  ...{ alone: pair, popularity: pair, popularNow: pair, popularThen: pair, coVisits: pair },
  lead: z.object({
    ...{ alone: lead, popularNow: lead, popularThen: lead, coVisits: lead },
    // absent in blocks of before they were compared user by user
    ...z.object({ popularity: lead, coVisitsThen: lead }).partial().shape,
  }),
  ...z.object({ coVisitsThen: pair, "recall@20:se": z.number(), "ndcg@100:se": z.number() }).partial().shape,
});
export type Block = z.output<typeof block>;

export const prequentialPoint = pair.extend({
  at: z.number().meta({ description: "arrival of the newest event in the window", unit: "ms since 1970" }),
  tableVersion: z.number().describe("that the window ends with"),
  model: z.string().describe("the published version that scored the newest of them"),
  events: z.number().describe("in the window"),
  users: z.number().describe("of the window"),
  unknownItems: z.number().describe("share of the events whose item the model has never met"),
  popularity: pair.describe("of scoring by popularity since ever, over the same events"),
  ...z.object(since).partial().shape,
});

/** As it stands in the file. */
export const prequentialLine = prequentialPoint.extend({
  block: block.optional().describe("the same of what came since the point before"),
});
export type PrequentialLine = z.output<typeof prequentialLine>;
export type PrequentialPoint = z.output<typeof prequentialPoint>;
