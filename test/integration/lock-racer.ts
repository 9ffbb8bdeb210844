// One of several processes that want the same locks at the same moments: FOLDER TIME ROUNDS. Says how often another was
// inside.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exclusively } from "../../shared/locks/lock.ts";

const [folder, at, rounds] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])];
const wait = (time: number) => {
  while (Date.now() < time);
};
let others = 0;
for (let round = 0; round < rounds; round++) {
  wait(at + round * 60);
  await exclusively(join(folder, `lock.${round}`), undefined, async () => {
    const mark = join(folder, `mark.${round}`);
    try {
      writeFileSync(mark, "", { flag: "wx" });
    } catch {
      others++;
    }
    wait(Date.now() + 8);
    rmSync(mark, { force: true });
  });
}
process.stdout.write(`met ${others} others`);
