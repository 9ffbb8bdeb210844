// What code, comments and pages promise each other: citations name headings, comments name files, words that went stay
// away, lines end.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { expect, test } from "vitest";

const tracked = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { encoding: "utf8" }).split("\n");
const sources = tracked.filter((path) => /\.(ts|mjs)$/.test(path) && existsSync(path));
const read = (path: string) => readFileSync(path, "utf8");

/** GitHub's anchors of a page's headings. */
const anchorsOf = (page: string) =>
  new Set(
    [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replace(/[^\w\- ]/g, "")
        .replaceAll(" ", "-"),
    ),
  );

test("every section of a design page that code cites is a heading of that page", () => {
  let citations = 0;
  for (const path of sources)
    for (const [, page, sections] of read(path).matchAll(
      /(docs\/design\/[\w-]+\.md)((?:(?:, | and |\n \* |\n\/\/ )*#[\w-]+)*)/g,
    ))
      for (const [, anchor] of sections!.matchAll(/#([\w-]+)/g)) {
        citations++;
        expect(anchorsOf(page!), `${path} cites ${page}#${anchor}`).toContain(anchor);
      }
  expect(citations).toBeGreaterThan(20);
});

test("every file that a comment names is there", () => {
  const names = new Set(tracked.map((path) => basename(path)));
  const missing = sources.flatMap((path) =>
    [...read(path).matchAll(/^\s*(?:\/\/|\/?\*).*$/gm)].flatMap(([comment]) =>
      [...comment.matchAll(/(?<![\w-])([\w./-]*\/)?([a-z][\w.-]*\.(?:ts|mjs))\b/g)]
        .filter(([named, folder = "", name]) =>
          folder === "" || folder.startsWith(".")
            ? !names.has(name!)
            : !tracked.some((each) => each === named || each.endsWith(`/${named}`)),
        )
        .map(([named]) => `${path}: ${named}`),
    ),
  );
  expect(missing).toEqual([]);
});

test("no word that the glossary retired comes back", () => {
  const retired = [...read("docs/design/glossary.md").matchAll(/^\|((?: `\w+`,?)+) \|/gm)].flatMap(
    ([, words]) => words!.match(/\w+/g)!,
  );
  expect(retired.length).toBeGreaterThan(3);
  const word = new RegExp(`(?<![A-Za-z])(${retired.join("|")})(?![a-z])`);
  const found = sources
    .filter((path) => path !== "test/unit/words.test.ts")
    .flatMap((path) =>
      [path, ...read(path).split("\n")]
        .filter((line) => word.test(line))
        .map((line) => `${path}: ${line.trim().slice(0, 100)}`),
    );
  expect(found).toEqual([]);
});

/** What nothing can cut: a regular expression, and a test's title with the arrow behind it, which the formatter keeps. */
const isOnePiece = (line: string) => /^\s*\/.*\/[a-z]*[,;]?$/.test(line) || /^\s*(test|it|describe)\b.*\{$/.test(line);

test("a line of code, comment or string ends at 120 columns", () => {
  const beyond = sources.flatMap((path) =>
    read(path)
      .split("\n")
      .flatMap((line, k) => ([...line].length > 120 && !isOnePiece(line) ? [`${path}:${k + 1}`] : [])),
  );
  expect(beyond).toEqual([]);
});
