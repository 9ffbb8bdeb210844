// The report's files in the benchmark's folder: for machines, for a repository, for a browser.
import { join } from "node:path";
import { writeWhole } from "../../shared/runtime/whole-file.ts";
import type { Report } from "./report.ts";

export async function writeReport(out: string, report: Report): Promise<void> {
  await writeWhole(join(out, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
}
