// The flags of `evaluator`.
import { z } from "zod";
import { scoringEngine } from "../../shared/compute/engine-flag.ts";
import { portFlag } from "../../shared/http/port.ts";
import { allowBelowPopularNow } from "../../shared/judging/flags.ts";
import { folder, location } from "../../shared/runtime/location.ts";

export const options = z.object({
  dataDir: folder().default(".tributary").describe("where everything is kept"),
  checkpoints: folder()
    .optional()
    .describe("folder of checkpoints (default: training/checkpoints of the data directory)"),
  table: location().optional().describe("the table (default: table of the data directory)"),
  models: location().optional().describe("where models are published (default: models of the data directory)"),
  tolerance: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.01)
    .describe(
      "mean NDCG@100 that a new model may lose against the published one; a loss beyond it is refused unless it " +
        "may be chance",
    ),
  allowBelowPopularNow,
  maxUsers: z.coerce.number().int().min(1).default(2000).describe("held-out users of one evaluation, at most"),
  prequentialEvents: z.coerce
    .number()
    .int()
    .min(1)
    .default(500)
    .describe("arriving events of known users that are scored of each table version, about: all of a user's or none"),
  prequentialWindow: z.coerce
    .number()
    .int()
    .min(1)
    .default(5000)
    .describe("scored events that a point of the prequential curve is over"),
  prequentialSeconds: z.coerce.number().min(0).default(10).describe("from one point of the curve to the next"),
  engine: scoringEngine,
  httpPort: portFlag().default(0).describe("port of /status and /metrics; 0 takes any free one"),
});
