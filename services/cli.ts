// The command line: finds the command, reads its configuration, runs it.
import { AppError } from "../shared/errors/errors.ts";
import { helpOf, readConfig } from "../shared/runtime/command.ts";
import { run } from "../shared/runtime/lifecycle.ts";
import { commands } from "./all-commands.ts";

await run(async (until) => {
  const [name, ...argv] = process.argv.slice(2);
  if (name === undefined || name === "--help" || name === "help") return overview();
  const load = commands[name];
  if (!load) throw new AppError("COMMAND_UNKNOWN", { what: `no command "${name}"` });
  const { command } = await load();
  if (argv.includes("--help")) {
    process.stdout.write(helpOf(command));
    return;
  }
  await command.run(readConfig(command, argv, process.env), until);
});

async function overview(): Promise<void> {
  const rows = await Promise.all(
    Object.entries(commands).map(async ([name, load]) => `  ${name.padEnd(14)}${(await load()).command.summary}`),
  );
  process.stdout.write(
    "Tributary trains RecVAE recommenders continuously from a live stream of events.\n\nUsage: tributary COMMAND " +
      `[flags]\n\n${rows.join("\n")}\n\n\`tributary COMMAND --help\` shows its flags.\n`,
  );
}
