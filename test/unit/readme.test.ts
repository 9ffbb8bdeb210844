// The README tells the truth: its tables are compared with the code's.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { errors } from "../../shared/runtime/errors.ts";
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

describe("the folders", () => {
  const imports = (folder: string) =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => ({ name, text: readFileSync(new URL(`${folder}${name}`, root), "utf8") }));

  test.each(["events", "model", "leases", "wire", "ranking", "protocol", "picture"])(
    "shared/%s knows neither clock nor chance nor disk nor network",
    (folder) => {
      const files = imports(`shared/${folder}/`);
      expect(files.length).toBeGreaterThan(0);
      for (const { name, text } of files) {
        expect(text, name).not.toMatch(/from "node:|process\.env|Date\.now|Math\.random|runtime\/log/);
      }
    },
  );

  test("a service never imports another", () => {
    for (const { name, text } of imports("services/")) {
      if (!name.includes("/")) continue; // cli.ts, status.ts and the like stand beside the services
      const own = name.split("/")[0];
      for (const [, path] of text.matchAll(/(?:from |import\()"(\.[^"]*)"/g)) {
        const [first, service] = join("services", dirname(name), path!).split("/");
        if (first === "services") expect(service, `${name} imports ${path}`).toBe(own);
      }
    }
  });
});
