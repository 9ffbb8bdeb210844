// What tests read of Markdown: code blocks with the comment above them, headings, links, and names of files in prose.

export interface Block {
  readonly language: string;
  readonly text: string;
  /** Of the fence, from 1. */
  readonly line: number;
  /** The comment on the line above, such as `not run: needs a GPU`. */
  readonly mark: string | undefined;
}

export function blocksOf(markdown: string): Block[] {
  const lines = markdown.split("\n");
  const blocks: Block[] = [];
  for (let k = 0; k < lines.length; k++) {
    const fence = /^\s*```(.*)$/.exec(lines[k]!);
    if (!fence) continue;
    const end = lines.findIndex((line, at) => at > k && /^\s*```\s*$/.test(line));
    const mark = /^<!-- (.*) -->$/.exec(lines[k - 1] ?? "")?.[1];
    blocks.push({ language: fence[1]!, text: lines.slice(k + 1, end).join("\n"), line: k + 1, mark });
    k = end;
  }
  return blocks;
}

/** Without code blocks. */
const proseOf = (markdown: string) => markdown.replaceAll(/^\s*```[\s\S]*?^\s*```\s*$/gm, "");

/** As GitHub names them: the second of the same words ends with -1. */
export function anchorsOf(markdown: string): string[] {
  const seen = new Map<string, number>();
  return [...proseOf(markdown).matchAll(/^#+ (.+)$/gm)].map(([, title]) => {
    const plain = title!.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1");
    const slug = plain
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/g, "-");
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  });
}

/** Targets of links and images, outside of code. */
export function linksOf(markdown: string): string[] {
  const text = proseOf(markdown).replaceAll(/`[^`\n]*`/g, "");
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
}

const spansOf = (markdown: string) => [...proseOf(markdown).matchAll(/`([^`\n]+)`/g)].map(([, span]) => span!);

/** Flags that stand in code spans. */
export const flagsIn = (markdown: string) =>
  spansOf(markdown).flatMap((span) => span.match(/(?<!\S)--[a-z](?:[a-z0-9-]*[a-z0-9])?(?![a-z0-9-])/g) ?? []);

/** Names of files and folders of the repository that stand in code spans. */
export function pathsOf(markdown: string): string[] {
  const found = spansOf(markdown).flatMap(
    (span) => span.match(/(?<![\w./~-])(?:services|shared|infra|test|docs)\/[\w./*{-]+/g) ?? [],
  );
  return found.filter((path) => !/[*{]/.test(path));
}
