// Who answers `recommend`: a checkpoint read here, or a running serve.
import { openModel, openWithVectors } from "../../../shared/checkpoints/scoring.ts";
import { openEngine } from "../../../shared/compute/open-engine.ts";
import { AppError } from "../../../shared/errors/errors.ts";
import { readToken } from "../../../shared/http/token.ts";
import { type Filters, filterOf, type ItemFilter } from "../../../shared/recommending/items/filters.ts";
import { itemsFileOf } from "../../../shared/recommending/items/flags.ts";
import { readItems } from "../../../shared/recommending/items/reading.ts";
import { tableOf } from "../../../shared/recommending/items/table.ts";
import { type Recommending, recommend, recommending } from "../../../shared/recommending/recommender.ts";
import type { RecommendAnswer, SimilarAnswer } from "../../../shared/recommending/requests.ts";
import { similar } from "../../../shared/recommending/similar.ts";
import { followUsers } from "../../../shared/recommending/users.ts";
import { pathsOf } from "../../../shared/runtime/paths.ts";
import { openExistingEvents } from "../../../shared/table/events.ts";
import { askServer, askSimilar } from "./client.ts";
import type { Config } from "./options.ts";

/** What is asked: either of whom, by items or as a user of the table, or what is like an item. */
export interface Asked {
  readonly items?: readonly string[] | undefined;
  readonly user?: string | undefined;
  readonly similar?: string | undefined;
  readonly candidates?: readonly string[] | undefined;
  readonly exclude: readonly string[];
  readonly filters?: Filters | undefined;
}
type Answer = RecommendAnswer | SimilarAnswer;

export async function fromServer(server: string, asked: Asked, config: Config): Promise<Answer> {
  const { k, includeSeen, diversity, tokenFile } = config;
  const { items, user, similar, candidates, exclude, filters } = asked;
  const token = readToken(tokenFile, "reader");
  const only = filters && { filters };
  if (similar !== undefined) {
    const query = { item: similar, k: String(k), ...(only && { filters: JSON.stringify(filters) }) };
    return await askSimilar(server, query, token);
  }
  const whose = items === undefined ? { user: user! } : { items: [...items] };
  const among = candidates && { candidates: [...candidates] };
  const request = { ...whose, k, includeSeen, exclude: [...exclude], ...among, ...only };
  return await askServer(server, { ...request, ...(diversity > 0 && { diversity }) }, token);
}

export async function fromCheckpoint(dir: string, asked: Asked, config: Config): Promise<Answer> {
  const { table, dataDir, k, includeSeen, diversity } = config;
  const { items, user, similar: item, candidates, exclude } = asked;
  const tableDir = table ?? pathsOf(dataDir).table;
  if (user !== undefined) await openExistingEvents(tableDir); // a wrong --table is another mistake than an unknown user
  const filter = asked.filters && (await filterIn(asked.filters, config));
  const engine = await openEngine({ threads: 1 });
  const model = await (item !== undefined || diversity > 0 ? openWithVectors : openModel)(engine, dir);
  const { step, trends: mix } = model.manifest;
  const users = followUsers(tableDir);
  if (user !== undefined || mix) await users.refresh();
  const asIt: Recommending = recommending(`step ${step}`, model, mix && { mix, moving: () => users.moving });
  if (item !== undefined) return similar(asIt, { item, k, filter });
  const history = items ?? (await users.historyOf(user!));
  return recommend(asIt, { history, k, exclude, includeSeen, candidates, filter, diversity });
}

async function filterIn(filters: Filters, config: Config): Promise<ItemFilter> {
  const file = itemsFileOf(config);
  if (!file) throw new AppError("ITEMS_TABLE_MISSING", { what: "--filters without --items-table" });
  return filterOf(filters, tableOf(await readItems(file)));
}
