// reference/errors.md, from the table of errors.
import { AppError, errors } from "../../shared/errors/errors.ts";
import { tableOf } from "./markdown.ts";

const example = new AppError("TABLE_MISSING", { what: "no table here", directory: "/srv/tributary/table" });

export const errorsPage = () => `# Errors

\`\`\`text
${example.message}
\`\`\`

Each message says what happened, where, and what to do next. Its code is one of these.

| exit code of a command | when |
| --- | --- |
| 0 | done, or drained after Ctrl-C or SIGTERM |
| 1 | failed |
| 2 | usage or configuration |
| 3 | a dependency cannot be reached |
| 130 | second Ctrl-C, or a Ctrl-C during the set-up of \`npm start\`, when nothing runs yet |

**Retry helps**: the same command may succeed later without a change; services do it by themselves. \`serve\` and the
page answer with the same codes as JSON, \`{code, message, hint}\`; beside them \`ROUTE_UNKNOWN\` (no such path) and
\`INTERNAL\` (a fault of ours; the log says more).

${tableOf(
  ["code", "exit", "retry helps", "what to do"],
  Object.entries(errors).map(([name, { exit, retryable, hint }]) => [
    `\`${name}\``,
    String(exit),
    retryable ? "yes" : "no",
    hint,
  ]),
)}
`;
