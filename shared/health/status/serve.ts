// What serve says of itself at GET /status. Owned by services/serve, which answers it; health and tests read it.
import { z } from "zod";
import { count, type Said, service, text } from "./units.ts";

export const serveStatus = z.object({
  service: service("serve"),
  device: text("what its engine computes on: `CPU`, or the GPU by its number and name"),
  model: text("the version in use; null before the first").nullable(),
  requests: count("answered so far"),
  errors: count("answers with a code of 400 and above"),
});
export type ServeStatus = Said<typeof serveStatus>;
