// The four charts and the time that they share.
import { count, duration, loss, ratio } from "../../../shared/picture/figures.ts";
import type { History } from "../history.ts";
import { makeChart } from "./chart.ts";
import { find, make } from "./elements.ts";

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const secondSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400];
const ranges = [
  { text: "5 min", minutes: 5 },
  { text: "15 min", minutes: 15 },
  { text: "1 h", minutes: 60 },
];

/** Draws a history up to `now`, ms since 1970. */
export function makeCharts(): { draw(history: History, now: number): void } {
  const host = find("charts");
  const lossChart = makeChart(host, {
    id: "loss",
    title: "Loss",
    unit: "nats per user",
    empty: "waiting for the first round of training",
    lines: [
      { name: "Reconstruction", colour: "--series-1", marked: true },
      { name: "KL", colour: "--series-2", marked: true, right: true },
    ],
    fromZero: false,
    write: loss,
    tick: (value) => compact.format(value),
  });
  const ndcgChart = makeChart(host, {
    id: "ndcg",
    title: "NDCG@100",
    unit: "held-out users",
    empty: "waiting for the first evaluation",
    lines: [
      { name: "Model", colour: "--series-1", marked: true },
      { name: "Popularity", colour: "--reference", dashed: true },
    ],
    fromZero: true,
    write: ratio,
    tick: (value) => (value === 0 ? "0" : ratio(value).replace(/\.?0+$/, "")),
  });
  const lagChart = makeChart(host, {
    id: "lag",
    title: "Lag",
    unit: "messages not yet in the table",
    empty: "waiting for ingest",
    lines: [{ name: "Messages", colour: "--series-1", filled: true }],
    fromZero: true,
    write: count,
    tick: (value) => compact.format(value),
  });
  const freshnessChart = makeChart(host, {
    id: "freshness",
    title: "Freshness",
    unit: "age of the newest event that the model covers",
    empty: "waiting for the first published model",
    lines: [{ name: "Behind", colour: "--series-1", filled: true }],
    fromZero: true,
    write: duration,
    tick: duration,
    steps: secondSteps,
  });

  let minutes = 15;
  let redraw = () => {};
  find("ranges").append(
    ...ranges.map((range) => {
      const input = make("input", "");
      Object.assign(input, { type: "radio", name: "range", value: String(range.minutes), checked: range.minutes === minutes });
      input.addEventListener("change", () => {
        minutes = range.minutes;
        redraw();
      });
      return make("label", "", input, make("span", "", range.text));
    }),
  );
  return {
    draw: ({ samples, losses, evaluations }, now) => {
      redraw = () => {
        const oldest = Math.min(samples[0]?.at ?? now, losses[0]?.at ?? now, evaluations[0]?.at ?? now);
        const from = Math.max(now - minutes * 60_000, Math.min(oldest, now - 60_000));
        const at = (list: readonly { at: number }[]) => list.map((item) => item.at);
        lossChart.draw(at(losses), [losses.map((item) => item.reconstruction), losses.map((item) => item.kl)], from, now);
        ndcgChart.draw(at(evaluations), [evaluations.map((item) => item.model), evaluations.map((item) => item.popularity)], from, now);
        lagChart.draw(at(samples), [samples.map((item) => item.lag)], from, now);
        freshnessChart.draw(at(samples), [samples.map((item) => item.freshness)], from, now);
      };
      redraw();
    },
  };
}
