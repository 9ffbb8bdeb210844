// What a trainer says of itself at GET /status. Owned by services/trainer, which answers it; health, bench and tests
// read it.
import { z } from "zod";
import { bytes, count, cpuAccounts, type Said, seconds, service, text } from "./units.ts";

export const trainerStatus = z.object({
  service: service("trainer"),
  state: z.enum(["connecting", "waiting", "computing", "draining"]).describe("waiting: connected, with nothing to do"),
  server: text("address of the parameter server"),
  engine: text("what it multiplies with"),
  device: text("what its products run on: `CPU`, or the GPU by its number and name"),
  threads: count("of the engine"),
  compileSeconds: seconds("that XLA has compiled graphs for, or fetched what it had compiled"),
  parts: count("computed so far"),
  cpu: cpuAccounts,
  tensors: count("live tensors of the engine"),
  memoryBytes: bytes("memory of the process"),
  peakMemoryBytes: bytes("most memory that the process has had"),
});
export type TrainerStatus = Said<typeof trainerStatus>;
