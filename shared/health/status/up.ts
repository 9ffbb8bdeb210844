// What `up` says at GET /status of the services that it keeps running. Owned by services/commands/up, which answers it;
// health and tests read it.
import { z } from "zod";
import { key } from "./tolerant.ts";
import { count, type Said, seconds, service, text } from "./units.ts";

export const upStatus = z.object({
  service: service("up"),
  services: z.array(
    z.object({
      name: key(text("of the service, trainers with their number")),
      pid: count("of the process; null while none runs").nullable(),
      state: z.enum(["running", "waiting", "done", "failed", "stopped"]).describe("failed: it is not started again"),
      level: z.enum(["ok", "amber", "red"]).describe("how much is wrong"),
      deaths: count("one after the other"),
      reason: text("why it died last").nullable(),
      seconds: seconds("since the first of those deaths"),
      runsSeconds: seconds("how long it has run since; null while it does not").nullable(),
    }),
  ),
});
export type UpStatus = Said<typeof upStatus>;
