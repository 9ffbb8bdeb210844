// What a map makes of messages, for people or as lines of JSON. Pure.
import type { Outcome } from "../../../shared/events/shape/mapped.ts";
import { plural } from "../../../shared/health/views/figures.ts";
import { onOneLine, printableBytes, textIn } from "../../../shared/runtime/printable.ts";
import { nameOf } from "../../../shared/table/place.ts";
import type { Placed } from "./newest.ts";

export interface Previewed {
  readonly message: Placed;
  readonly outcome: Outcome;
}

/** Rows of one message that are shown one by one. */
const MOST_ROWS = 20;
const MOST_OF_VALUE = 200;

export function asText(topic: string, all: readonly Previewed[]): string {
  if (all.length === 0) return `the topic ${onOneLine(topic)} holds no message\n`;
  return `${all.flatMap((each) => linesOf(topic, each)).join("\n")}\n\n${summary(all)}\n`;
}

function linesOf(topic: string, { message, outcome }: Previewed): string[] {
  const name = onOneLine(nameOf({ topic, ...message }));
  switch (outcome.type) {
    case "rows": {
      const more = outcome.rows.length - MOST_ROWS;
      const rows = outcome.rows.slice(0, MOST_ROWS).map(({ user, item, timestamp, value }) => {
        const weight = value === null ? "" : `  value ${value}`;
        return `    user ${onOneLine(user)}  item ${onOneLine(item)}  ${new Date(timestamp).toISOString()}${weight}`;
      });
      return [
        `${name}  ${plural(outcome.rows.length, "row")}`,
        ...rows,
        ...(more > 0 ? [`    ... and ${more} more`] : []),
      ];
    }
    case "left-out":
      return [`${name}  left out`];
    case "refused": {
      const { value } = message;
      const shown = value === null ? [] : [`    ${printableBytes(value, MOST_OF_VALUE)}`];
      return [`${name}  refused, ${outcome.reason}: ${onOneLine(outcome.detail)}`, ...shown];
    }
  }
}

function summary(all: readonly Previewed[]): string {
  const of = (type: Outcome["type"]) => all.filter(({ outcome }) => outcome.type === type).length;
  const rows = all.reduce((sum, { outcome }) => sum + (outcome.type === "rows" ? outcome.rows.length : 0), 0);
  return (
    `${plural(all.length, "message")}: ${of("rows")} make ${plural(rows, "row")}, ${of("left-out")} left out, ` +
    `${of("refused")} refused. Nothing was written.`
  );
}

export function asJson(topic: string, { message, outcome }: Previewed): string {
  const { partition, offset, own, value } = message;
  const text = value === null ? null : textIn(value);
  const bytes =
    value !== null && text === null ? { valueBase64: Buffer.from(value).toString("base64") } : { value: text };
  return JSON.stringify({ topic, partition, offset, timestamp: own, ...outcome, ...bytes });
}
