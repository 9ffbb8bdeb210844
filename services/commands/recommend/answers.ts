// Who answers `recommend`: a checkpoint read here, or a running serve.
import { openModel } from "../../../shared/checkpoints/scoring.ts";
import { openEngine } from "../../../shared/compute/open-engine.ts";
import { readToken } from "../../../shared/http/token.ts";
import { recommend, recommending } from "../../../shared/recommending/recommender.ts";
import type { RecommendAnswer } from "../../../shared/recommending/requests.ts";
import { followUsers } from "../../../shared/recommending/users.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { openExistingEvents } from "../../../shared/table/events.ts";
import { askServer } from "./client.ts";
import type { Config } from "./options.ts";

/** Items; undefined where a user is asked for. */
type History = readonly string[] | undefined;

export async function fromServer(
  server: string,
  history: History,
  { user, k, includeSeen, tokenFile }: Config,
): Promise<RecommendAnswer> {
  const whose = history === undefined ? { user: user! } : { items: [...history] };
  return await askServer(server, { ...whose, k, includeSeen }, readToken(tokenFile, "reader"));
}

export async function fromCheckpoint(
  dir: string,
  given: History,
  { table, dataDir, user, k, includeSeen }: Config,
): Promise<RecommendAnswer> {
  const tableDir = table ?? pathsOf(dataDir).table;
  if (!given) await openExistingEvents(tableDir); // a wrong --table is another mistake than an unknown user
  const model = await openModel(await openEngine({ threads: 1 }), dir);
  const { step, trends: mix } = model.manifest;
  const users = followUsers(tableDir);
  if (!given || mix) await users.refresh();
  const history = given ?? (await users.historyOf(user!));
  const moved = mix && { mix, moving: () => users.moving };
  return recommend(recommending(`step ${step}`, model, moved), { history, k, exclude: [], includeSeen });
}
