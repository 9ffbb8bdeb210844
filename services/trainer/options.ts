// The flags of `trainer`.
import { z } from "zod";
import { engineWishes } from "../../shared/compute/engine.ts";
import { portFlag } from "../../shared/http/port.ts";
import { folder } from "../../shared/runtime/location.ts";

export const options = z.object({
  server: z
    .url({ protocol: /^wss?$/, error: "an address like ws://127.0.0.1:7070" })
    .describe("the parameter server, ws://HOST:PORT or wss://HOST:PORT"),
  tokenFile: z
    .string()
    .optional()
    .describe("file with the server's token, or the server's own with a line `trainer TOKEN`"),
  tlsCa: z
    .string()
    .optional()
    .describe("PEM file with the authority that signed the server's certificate (default: those that Node knows)"),
  threads: z.coerce.number().int().min(1).default(1).describe("threads of the engine"),
  engine: z
    .enum(engineWishes)
    .default("auto")
    .describe(
      "graph: TensorFlow, a part as one graph (not for ract, warp and lambdanet); auto: graph on a GPU where it sees " +
        "one, else tensorflow, and wasm where it is not built",
    ),
  dataDir: folder().default(".tributary").describe("where running processes register"),
  httpPort: portFlag().default(0).describe("port of /status and /metrics, 0 for any"),
});
