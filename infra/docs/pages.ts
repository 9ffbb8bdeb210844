// The pages of docs/reference/, by name. Each is made from the table or the schema that the code itself goes by.
import { checkpointPage } from "./checkpoint.ts";
import { commandsPage } from "./commands.ts";
import { configurationPage } from "./configuration.ts";
import { errorsPage } from "./errors.ts";
import { httpPage } from "./http.ts";
import { metricsPage } from "./metrics.ts";
import { statusPage } from "./status.ts";
import { tablePage } from "./table.ts";

const NOTE = "<!-- Made by `npm run docs` from the code: change that, not this page. -->\n";

export async function referencePages(): Promise<Record<string, string>> {
  const pages = {
    "checkpoint.md": checkpointPage(),
    "commands.md": await commandsPage(),
    "configuration.md": configurationPage(),
    "errors.md": errorsPage(),
    "http.md": httpPage(),
    "metrics.md": metricsPage(),
    "status.md": statusPage(),
    "table.md": tablePage(),
  };
  return Object.fromEntries(Object.entries(pages).map(([name, text]) => [name, `${NOTE}${text.trim()}\n`]));
}
