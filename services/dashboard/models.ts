// Published models for the page: their lines, how two differ, and the way back, which needs an operator's token and a
// page of our own.
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { type Difference, differenceOf } from "../../shared/checkpoints/difference.ts";
import { type Line, linesOf } from "../../shared/checkpoints/lines.ts";
import { goTo } from "../../shared/checkpoints/models.ts";
import { currentVersion, pinnedVersion } from "../../shared/checkpoints/pointer.ts";
import { currentOr, recordOf, recordsOf } from "../../shared/checkpoints/records.ts";
import { AppError } from "../../shared/errors/errors.ts";
import type { Tokens } from "../../shared/http/token.ts";
import type { Log } from "../../shared/runtime/log.ts";
import { oneAtATime } from "../../shared/runtime/turns.ts";
import type { Hosts } from "./hosts.ts";
import { mustBeOperator, mustBeOwnPage } from "./operator.ts";
import { refuse } from "./refusals.ts";

export interface ModelsAnswer {
  readonly models: readonly Line[];
  readonly current: string | null;
  readonly pinned: string | null;
  /** A token is known that may roll back from the page. */
  readonly canRollBack: boolean;
}

export interface RolledBack {
  readonly current: string | null;
  readonly pinned: string | null;
  /** What was current until then. */
  readonly before: string | null;
}

interface Serving {
  readonly modelsDir: string;
  readonly tokens: Tokens | undefined;
  readonly log: Log;
  readonly hosts: Pick<Hosts, "given">;
}

const version = z.string("is missing").regex(/^v?\d{1,12}$/, "is no version such as v000007");
const pair = z.object({ a: version, b: version });
const wish = z.strictObject({ version });

export function serveModels(app: FastifyInstance, { modelsDir, tokens, log, hosts }: Serving): void {
  // Two models are read whole: one comparison at a time, whoever asks.
  const inTurn = oneAtATime();
  const pointers = async () => ({ current: await currentVersion(modelsDir), pinned: await pinnedVersion(modelsDir) });
  app.register(async (routes) => {
    routes.setErrorHandler((error, _, reply) => {
      const { status, body } = refuse(error);
      if (status === 500) log.error({ err: error }, "a request failed");
      return reply.code(status).send(body);
    });
    routes.get("/api/models", async (_, reply): Promise<ModelsAnswer> => {
      reply.header("cache-control", "no-store");
      const inUse = await pointers();
      return { models: linesOf(await recordsOf(modelsDir), inUse), ...inUse, canRollBack: tokens !== undefined };
    });
    routes.get("/api/models/diff", async ({ query }): Promise<Difference> => {
      const { a, b } = checked(pair, query);
      return await inTurn(async () =>
        differenceOf(modelsDir, await recordOf(modelsDir, a), await recordOf(modelsDir, b)),
      );
    });
    routes.post("/api/models/rollback", { bodyLimit: 1024 }, async ({ headers, body, ip }): Promise<RolledBack> => {
      try {
        mustBeOwnPage(headers, hosts.given);
        mustBeOperator(tokens, headers.authorization);
      } catch (error) {
        log.warn({ from: ip, problem: (error as Error).message }, "a rollback was refused");
        throw error;
      }
      const to = await currentOr(modelsDir, checked(wish, body).version);
      const before = await goTo(modelsDir, to, true);
      log.warn({ version: to, before }, "rolled back from the page, publication is pinned");
      return { ...(await pointers()), before };
    });
  });
}

function checked<T extends z.ZodType>(schema: T, given: unknown): z.output<T> {
  const { data, error } = schema.safeParse(given ?? {});
  if (!error) return data as z.output<T>;
  const what = error.issues
    .map(({ path, message }) => [path.join("."), message].filter((part) => part !== "").join(" "))
    .join("; ");
  throw new AppError("REQUEST_MALFORMED", { what });
}
