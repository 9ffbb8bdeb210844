// The command line: finds the command, reads its configuration, runs it.
import { AppError } from "../shared/errors/errors.ts";
import { helpOf, readConfig } from "../shared/runtime/command.ts";
import { run } from "../shared/runtime/lifecycle.ts";
import { meantOf } from "../shared/runtime/spelling.ts";
import { commands } from "./all-commands.ts";
import { versions } from "./versions.ts";

await run(async (until) => {
  const [name, ...argv] = process.argv.slice(2);
  if (name === undefined || name === "--help" || name === "help") return overview();
  if (name === "--version" || name === "version") return void process.stdout.write(`${versions()}\n`);
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!load) throw new AppError("COMMAND_UNKNOWN", { what: `no command "${name}"${meant(name)}` });
  const { command } = await load();
  if (argv.includes("--help")) {
    process.stdout.write(helpOf(command));
    return;
  }
  await command.run(readConfig(command, argv, process.env), until);
});

function meant(name: string): string {
  const found = meantOf(name, Object.keys(commands));
  return found === undefined ? "" : ` (did you mean ${found}?)`;
}

async function overview(): Promise<void> {
  const rows = await Promise.all(
    Object.entries(commands).map(async ([name, load]) => `  ${name.padEnd(14)}${(await load()).command.summary}`),
  );
  process.stdout.write(
    "Tributary trains RecVAE recommenders continuously from a live stream of events.\n\nUsage: tributary COMMAND " +
      `[flags]\n\n${rows.join("\n")}\n\n\`tributary COMMAND --help\` shows its flags, ` +
      "`tributary --version` its version.\n",
  );
}
