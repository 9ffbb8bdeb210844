// Markdown of tables, for the pages of the reference.

/** A cell: no line ends, and no bar that would end it. */
const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");

export function tableOf(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  return [heads, heads.map(() => "---"), ...rows.map((row) => row.map(cell))]
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n");
}

export const code = (text: string) => (text === "" ? "" : `\`${text}\``);
