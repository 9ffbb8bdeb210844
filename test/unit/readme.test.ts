// The README tells the truth: its tables are compared with the code's.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { errors } from "../../shared/errors/errors.ts";
import { metricTable } from "../../shared/runtime/metrics.ts";

const root = new URL("../../", import.meta.url);
const readme = readFileSync(new URL("README.md", root), "utf8");
const rowsUnder = (heading: string) => {
  const [section] = readme.split(`## ${heading}\n`)[1]!.split(/\n## /);
  return section!.split("\n").filter((line) => line.startsWith("| `"));
};

describe("the README", () => {
  test("lists every error code with its exit code and hint", () => {
    const expected = Object.entries(errors).map(
      ([code, { exit, retryable, hint }]) => `| \`${code}\` | ${exit} | ${retryable ? "yes" : "no"} | ${hint.replaceAll("|", "\\|")} |`,
    );
    expect(rowsUnder("Errors")).toEqual(expected);
  });

  test("lists every metric with its kind and meaning", () => {
    const expected = Object.entries(metricTable).map(
      ([name, { kind, labels, help }]) => `| \`${name}\` | ${kind} | ${labels.join(", ")} | ${help} |`,
    );
    expect(rowsUnder("Metrics")).toEqual(expected);
  });

  test("names every command of the command line", () => {
    const cli = readFileSync(new URL("services/cli.ts", root), "utf8");
    const commands = [...cli.matchAll(/^ {2}"?([\w-]+)"?: \(\) => import/gm)].map(([, name]) => name!);
    expect(commands.length).toBeGreaterThan(10);
    const [section] = readme.split("## Commands\n")[1]!.split("\n### ");
    for (const name of commands) expect(section).toMatch(new RegExp(`^\\| .*\`${name}\\b`, "m"));
  });
});
