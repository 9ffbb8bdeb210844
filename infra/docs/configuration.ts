// reference/configuration.md: environment variables and the data directory, from their tables.
import { places } from "../../shared/runtime/paths.ts";
import { variables } from "../../shared/runtime/variables.ts";
import { tableOf } from "./markdown.ts";

export const configurationPage = () => `# Configuration

\`\`\`text
$ TRIBUTARY_DATA_DIR=/srv/tributary npx tributary status      # the same as --data-dir /srv/tributary
\`\`\`

Every [flag](commands.md) is an environment variable too: \`--data-dir\` is \`TRIBUTARY_DATA_DIR\`. The flag wins, and
an empty variable is not set. All mistakes are told at once, each with the flag or the variable, what it holds and what
it should. Flags that name a folder take one of this machine, as a path or \`file:///PATH\`;
those of a table, dead letters, models and data sets \`s3://BUCKET/PREFIX\` too
([guide](../guides/object-store.md)).

Kubernetes sets variables such as \`TRIBUTARY_PORT=tcp://...\` for a Service called \`tributary\`: name it otherwise,
or set \`enableServiceLinks: false\`.

## Variables that are no flags

${tableOf(
  ["variable", "meaning"],
  Object.entries(variables).map(([name, meaning]) => [`\`${name}\``, meaning]),
)}

## The data directory

\`.tributary\` where \`--data-dir\` names no other.

${tableOf(
  ["path", "what it holds"],
  Object.values(places).map(([name, about]) => [`\`${name}\``, about]),
)}
`;
