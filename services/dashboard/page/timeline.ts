// All charts over one time axis: how much of it is shown, how much they are smoothed, and when they are drawn anew.
import { duration } from "../../../shared/health/views/figures.ts";
import type { History } from "../history.ts";
import { makeChart } from "./chart.ts";
import { charts } from "./charts.ts";
import { find, make, write } from "./elements.ts";

const ranges = [
  { text: "5 min", minutes: 5 },
  { text: "15 min", minutes: 15 },
  { text: "1 h", minutes: 60 },
  { text: "8 h", minutes: 480 },
  { text: "24 h", minutes: 1440 },
];
/** Seconds. */
const timeConstants = [0, 10, 30, 60, 120, 300, 600, 1800];

export interface Timeline {
  /** Draws a history up to `now`, ms since 1970. */
  draw(history: History, now: number): void;
}

export function makeTimeline(): Timeline {
  const all = charts.map((settings) => makeChart(find("charts"), settings));
  let minutes = 15;
  let smoothing = 0;
  let redraw = () => {};
  find("ranges").append(
    ...ranges.map((range) => {
      const input = make("input", "");
      Object.assign(input, {
        type: "radio",
        name: "range",
        value: String(range.minutes),
        checked: range.minutes === minutes,
      });
      input.addEventListener("change", () => {
        minutes = range.minutes;
        redraw();
      });
      return make("label", "", input, make("span", "", range.text));
    }),
  );
  const slider = find<HTMLInputElement>("smoothing");
  slider.max = String(timeConstants.length - 1);
  const tell = () => {
    const seconds = timeConstants[Number(slider.value)]!;
    const text = seconds === 0 ? "off" : duration(seconds);
    slider.setAttribute("aria-valuetext", text);
    write(find("smoothing-text"), text);
    smoothing = 1000 * seconds;
  };
  slider.addEventListener("input", () => {
    tell();
    redraw();
  });
  tell();
  return {
    draw: (history, now) => {
      redraw = () => {
        const starts = Object.values(history).flatMap(({ at }) => at[0] ?? []);
        const oldest = Math.min(now - 60_000, ...starts);
        const view = { from: Math.max(now - minutes * 60_000, oldest), to: now, smoothing };
        performance.mark("charts");
        for (const chart of all) chart.draw(history, view);
        queueMicrotask(() => performance.measure("charts drawn", "charts")); // behind uPlot's own
      };
      redraw();
    },
  };
}
