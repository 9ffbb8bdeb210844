// What a stack trace of the built program says.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { expect, test } from "vitest";

const traces = new URL("../../infra/stack-traces.mjs", import.meta.url).href;

test("a stack trace names the lines of the source, and those of a module without a map as they are", async () => {
  const dir = mkdtempSync(join(tmpdir(), "tributary traces "));
  try {
    const source = join(dir, "source.ts");
    writeFileSync(
      source,
      "interface Erased {\n  a: number;\n}\nexport function fail(erased: Erased): never {\n  throw new " +
        "TypeError(String(erased.a));\n}\n",
    );
    await build({
      entryPoints: [source],
      outfile: join(dir, "built", "source.mjs"),
      format: "esm",
      sourcemap: true,
      sourcesContent: false,
      logLevel: "silent",
    });
    writeFileSync(
      join(dir, "main.mjs"),
      'import { fail } from "./built/source.mjs";\ntry {\n  fail({ a: 7 });\n} catch (error) {\n  ' +
        "console.log(error.stack);\n}\n",
    );
    const trace = execFileSync(process.execPath, ["--import", traces, join(dir, "main.mjs")], {
      encoding: "utf8",
    }).split("\n");
    expect(trace[0]).toBe("TypeError: 7");
    expect(trace[1]).toBe(`    at fail (${source}:5:9)`);
    expect(trace[2]).toMatch(/main\.mjs:3:3$/);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
