// The report's files in the benchmark's folder: for machines, for a repository, for a browser.
import { join } from "node:path";
import { writeWhole } from "../../../../shared/disk/whole-file.ts";
import { svgOf } from "../../../../shared/plots/svg.ts";
import { type Drawn, htmlOf } from "./html.ts";
import { markdownOf } from "./markdown.ts";
import { plotOf } from "./plots.ts";
import type { Report } from "./report.ts";
import { documentOf } from "./sections.ts";

export const files = ["report.json", "report.md", "report.html"] as const;

/** Of the plot itself; the names of its axes stand beside it. */
const widths = { wide: 680, narrow: 250 } as const;

export async function writeReport(out: string, report: Report): Promise<void> {
  const document = documentOf(report);
  const when = new Date(report.finishedAt).toISOString().slice(0, 10);
  const [json, markdown, html] = [
    `${JSON.stringify(report, null, 2)}\n`,
    markdownOf(document),
    htmlOf(document, await drawn(report), when),
  ];
  for (const [k, content] of [json, markdown, html].entries()) await writeWhole(join(out, files[k]!), content);
}

async function drawn(report: Report): Promise<Drawn> {
  const names = ["results", "learning", "time", "stability"] as const;
  const pairs = await Promise.all(
    names.map(async (name) => {
      const [wide, narrow] = [plotOf(name, report, widths.wide), plotOf(name, report, widths.narrow)];
      return wide && narrow ? [[name, { wide: await svgOf(wide), narrow: await svgOf(narrow) }] as const] : [];
    }),
  );
  return Object.fromEntries(pairs.flat());
}
