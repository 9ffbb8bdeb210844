// Memory and descriptors of every process over time, with the faults: numbers to a Vega-Lite figure. Pure.
import type { TopLevelSpec } from "vega-lite";
import { look, palette, WIDTH } from "../../shared/plots/style.ts";
import { targets } from "./plan.ts";
import type { Sample } from "./tree.ts";

/** Something that was done to `up`. `to`: when it ended, where it lasted. Seconds since the soak began. */
export interface Mark {
  readonly at: number;
  readonly to?: number;
  readonly what: string;
  readonly kind: "kill" | "term" | "stop" | "disk" | "clock";
}

const MOST_SAMPLES = 360;

export function soakFigure(samples: readonly Sample[], marks: readonly Mark[]): TopLevelSpec {
  const each = Math.ceil(samples.length / MOST_SAMPLES);
  const names: readonly string[] = targets;
  const values = samples
    .filter((_, k) => k % each === 0)
    .flatMap(({ at, processes }) =>
      processes
        .filter(({ name }) => names.includes(name))
        .map(({ pid, name, rss, descriptors }) => ({ at: at / 60, pid, name, rss, descriptors })),
    );
  const spans = marks
    .filter(({ kind }) => kind === "disk" || kind === "clock")
    .map(({ at, to, kind }) => ({ at: at / 60, to: (to ?? at) / 60, kind }));
  const blows = marks
    .filter(({ kind }) => kind !== "disk" && kind !== "clock")
    .map(({ at, kind }) => ({ at: at / 60, kind }));
  const domain = [0, Math.max(1 / 60, ...samples.map(({ at }) => at / 60))];
  const x = { field: "at", type: "quantitative", title: "minutes", scale: { domain, nice: false } } as const;
  const faults = [
    {
      data: { values: spans },
      mark: { type: "rect", opacity: 0.25 },
      encoding: { x, x2: { field: "to" }, color: { value: "#E69F00" } },
    },
    {
      data: { values: blows },
      mark: { type: "rule", opacity: 0.35, strokeWidth: 0.7 },
      encoding: { x, color: { value: "#D55E00" } },
    },
  ];
  const panel = (field: "rss" | "descriptors", title: string, height: number): object => ({
    width: 1.4 * WIDTH,
    height,
    layer: [
      ...faults,
      {
        data: { values },
        mark: { type: "line", strokeWidth: 1.2 },
        encoding: {
          x,
          y: { field, type: "quantitative", title },
          color: { field: "name", type: "nominal", scale: { domain: names, range: [...palette, "#999999"] } },
          detail: { field: "pid" },
        },
      },
    ],
  });
  return {
    config: { ...look, legend: { ...look.legend, columns: 8 } },
    title: {
      text: "Soak: every process over time",
      subtitle: "lines: SIGKILL, SIGTERM, SIGSTOP · bands: full disk, wrong clock",
    },
    vconcat: [panel("rss", "memory (RSS), MB", 320), panel("descriptors", "descriptors", 160)],
  } as TopLevelSpec;
}
