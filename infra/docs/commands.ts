// reference/commands.md: every command with its flags, from the schemas that they are read with.
import { commands } from "../../services/all-commands.ts";
import { type Command, flagsOf } from "../../shared/runtime/command.ts";
import { code, tableOf } from "./markdown.ts";

export async function commandsPage(): Promise<string> {
  const all = await Promise.all(Object.values(commands).map(async (load) => (await load()).command));
  return `# Commands

\`\`\`text
$ npx tributary COMMAND --help
\`\`\`

lists the flags of each. Data goes to stdout, progress and logs to stderr. Exit codes: [errors](errors.md). Each flag
is an environment variable too: \`--data-dir\` is \`TRIBUTARY_DATA_DIR\` ([configuration](configuration.md)). A flag
that is on by default is turned off by \`--no-\` before its name.

${tableOf(
  ["command", "what it does"],
  all.map((command) => [`[\`${usageOf(command)}\`](#${command.name})`, command.summary]),
)}

${all.map(sectionOf).join("\n\n")}
`;
}

const usageOf = ({ name, positionals = [] }: Command) =>
  [name, ...positionals.map((key) => key.toUpperCase())].join(" ");

function sectionOf(command: Command): string {
  const rows = flagsOf(command).map(({ name, value, choices, fallback, text }) => {
    const shown = choices ? choices.join("|") : value;
    return [code([name, shown].filter((part) => part !== "").join(" ")), code(fallback ?? ""), text];
  });
  return `## ${command.name}\n\n${command.summary}.\n\n${tableOf(["flag", "default", "meaning"], rows)}`;
}
