// The flags of `dashboard`.
import { z } from "zod";
import { portFlag } from "../../shared/http/port.ts";
import { folder, location } from "../../shared/runtime/location.ts";

export const options = z.object({
  dataDir: folder().default(".tributary").describe("the data directory whose services are shown"),
  models: location().optional().describe("where models are published (default: models of the data directory)"),
  port: portFlag().default(8080).describe("port of the page, 0 for any free one"),
  host: z.string().default("127.0.0.1").describe("address to listen on; the page has no log-in, keep it private"),
  allowedHosts: z
    .string()
    .optional()
    .describe(
      "names, separated by commas, that the page may be asked for by beside its address and localhost: a reverse " +
        "proxy's",
    ),
  tokenFile: z
    .string()
    .optional()
    .describe("file with a token of the role operator, who may roll models back from the page"),
});
