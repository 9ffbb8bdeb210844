// reference/table.md: the Delta tables' columns and the closed lists of reasons, from the schemas that they are written
// with.
import { sentBackSchema } from "../../services/commands/dead-letters/sent-back.ts";
import { deadReasons } from "../../shared/events/event.ts";
import { perUserSchema } from "../../shared/judging/per-user.ts";
import { isNullable, type TableSchema } from "../../shared/storage/schema.ts";
import { deadLettersSchema } from "../../shared/table/dead-letters.ts";
import { eventsSchema } from "../../shared/table/events.ts";
import { filteredSchema, filterReasons } from "../../shared/table/filtered.ts";
import { itemsSchema } from "../../shared/table/items.ts";
import { tableOf } from "./markdown.ts";

const columns = (schema: TableSchema) =>
  tableOf(
    ["column", "type", "null", "meaning"],
    schema.map((column) => [
      `\`${column.name}\``,
      column.type,
      isNullable(column) ? "may be" : "never",
      column.about ?? "",
    ]),
  );
const reasons = (all: Readonly<Record<string, string>>) =>
  tableOf(
    ["reason", "meaning"],
    Object.entries(all).map(([name, text]) => [`\`${name}\``, text]),
  );

export const tablePage = () => `# The table

\`\`\`text
$ duckdb -c "select item, count(*) from delta_scan('.tributary/table/events') group by item order by 2 desc limit 3"
\`\`\`

Plain Delta Lake tables (protocol: reader 1, writer 2), which Spark, DuckDB, Polars, Trino and delta-rs open without
any code of ours. Files are Parquet with zstd. Their hash stands in the tag \`tributary.sha256\` of each file's \`add\`
action; other readers pass over it.

## Events

\`table/events\`. One row an event, appended by ingest, merged by \`compact\`.

${columns(eventsSchema)}

The log's \`txn\` actions hold the progress: \`TOPIC/PARTITION\` is the last offset of a partition that the table has
read, \`TOPIC/PARTITION/condemned\` the last message that nobody could work on (\`POISON\` below), \`.../writer\` a
number that grows with each process that claims the partition (with a map), \`watermark\` the newest arrival in Kafka
(ms since 1970). Where a map makes several rows of a message, \`TOPIC/PARTITION/more-rows\` says how many there are
beyond one each, and \`.../erased-rows\` how many of those \`forget\` took. The property \`tributary.shape.TOPIC\` is
the map that the rows of a topic are made by, \`TOPIC/shape\` says when it took the place of another (ms since 1970).

\`TOPIC/id/ID\` is Kafka's id of the topic; where Kafka tells none, \`TOPIC/PARTITION/message\` is the offset of the
last message in the table, and \`.../message/print\` its fingerprint. \`TOPIC/epoch\` says how often the topic was
deleted and made anew: from then on \`TOPIC@1\` stands for it in all of these, and in the columns. A table of before
there was the column \`topic\` gets it with the next commit, and its property \`tributary.topic\` names the topic of
the rows that lack it.

## Items

\`table/items\`. The vocabulary: append-only, written by the parameter server alone when it pins a version of the
events.

${columns(itemsSchema)}

## Filtered

\`table/filtered\`. Offsets that are neither row nor dead letter, in ranges.

${columns(filteredSchema)}

${reasons(filterReasons)}

## Dead letters

\`dead-letters\`. Every message that is no event, as it came.

${columns(deadLettersSchema)}

${reasons(deadReasons)}

\`dead-letters/_sent-back\`: which of them were corrected and sent back.

${columns(sentBackSchema)}

## Figures of held-out users

\`evaluations/\` of the data directory and of \`train --out\`: plain Parquet files, no Delta table. Beside these
columns one for each metric, such as \`ndcg@100\`: a double, null where a user has nothing to predict.

${columns(perUserSchema)}
`;
