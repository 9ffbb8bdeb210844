// `npm run docs`: writes docs/reference/ from what the code says of itself. test/unit/docs.test.ts fails where a page
// there is another.
import { writeFileSync } from "node:fs";
import { referencePages } from "./pages.ts";

for (const [name, text] of Object.entries(await referencePages())) {
  writeFileSync(new URL(`../../docs/reference/${name}`, import.meta.url), text);
  process.stderr.write(`docs/reference/${name}\n`);
}
