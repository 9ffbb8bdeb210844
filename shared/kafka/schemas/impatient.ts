// Schemas for who looks once: a registry that is away is an error, and not waited for.
import { setting } from "../../runtime/command.ts";
import { openRegistry } from "./registry.ts";
import { openSchemas, type Schemas } from "./schemas.ts";

/** Its `prepare` throws REGISTRY_AWAY too. */
export const impatient = (url: string): Schemas =>
  openSchemas({
    registry: openRegistry(url, setting(process.env, "SCHEMA_REGISTRY_AUTH")),
    waits: (why) => {
      if (why) throw why;
    },
    sleep: async () => undefined,
  });
