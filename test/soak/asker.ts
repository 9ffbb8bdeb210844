// Asks serve four times a second, alone and in batches, and checks each answer against the files of the version that it
// names.
import { join } from "node:path";
import { openModel } from "../../shared/checkpoints/scoring.ts";
import { openEngine } from "../../shared/compute/open-engine.ts";
import { AppError } from "../../shared/errors/errors.ts";
import { type Recommending, recommend, recommending } from "../../shared/recommending/recommender.ts";
import { batchAnswer, type RecommendAnswer, recommendAnswer } from "../../shared/recommending/requests.ts";
import { sleep } from "../../shared/runtime/lifecycle.ts";
import { malformed, unlike, WISHES, type Wish, wishOf } from "./answers.ts";
import type { Answers } from "./judge.ts";

const EVERY_MS = 250;
const PATIENCE_MS = 5000;
/** Versions that are held open. */
const OPEN = 6;

export interface Asker {
  /** From now on a question without an answer is a fault. */
  quietBegins(): void;
  stop(): Promise<Answers>;
}

export async function openAsker(url: string, modelsDir: string): Promise<Asker> {
  const engine = await openEngine({ threads: 1 });
  const counts = { right: 0, unchecked: 0, noneInQuiet: 0 };
  const wrong: string[] = [];
  const none: Record<string, number> = {};
  const versions = new Set<string>();
  const opened = new Map<string, (Recommending & { dispose(): void; isMoving: boolean }) | undefined>();
  const over = new AbortController();
  let isQuiet = false;

  /** Undefined when its files are gone already, or were never there. */
  async function modelOf(version: string): Promise<(Recommending & { isMoving: boolean }) | undefined> {
    if (!opened.has(version)) {
      const model = await openModel(engine, join(modelsDir, version)).catch(gone);
      const isMoving = model?.manifest.trends !== undefined; // its answers are of the moment
      opened.set(version, model && { ...recommending(version, model), dispose: model.dispose, isMoving });
      for (const [oldest, held] of opened) {
        if (opened.size <= OPEN) break;
        held?.dispose();
        opened.delete(oldest);
      }
    }
    return opened.get(version);
  }

  async function check(answer: RecommendAnswer, wish: Wish): Promise<void> {
    versions.add(answer.model);
    const said = (what: string) =>
      void wrong.push(`${answer.model}, history of ${wish.items.join(" ") || "nothing"}: ${what}`);
    const bad = malformed(answer, wish);
    if (bad) return said(bad);
    const model = await modelOf(answer.model);
    if (!model || model.isMoving) return void counts.unchecked++;
    const problem = unlike(
      answer,
      recommend(model, { history: wish.items, k: wish.k, exclude: [], includeSeen: false }),
    );
    if (problem) return said(problem);
    counts.right++;
  }

  async function ask(n: number): Promise<void> {
    const wishes = n % 5 === 0 ? [wishOf(n), wishOf(n + 1), wishOf(n + 2)] : [wishOf(n)];
    const [path, body] = wishes.length > 1 ? [":batch", { requests: wishes }] : ["", wishes[0]];
    const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const response = await fetch(`${url}/v1/recommend${path}`, {
      ...request,
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await response.text();
    if (response.status === 503) return missed("HTTP 503");
    if (response.status !== 200) return void wrong.push(`HTTP ${response.status}: ${text.slice(0, 200)}`);
    const answers =
      wishes.length > 1 ? batchAnswer.parse(JSON.parse(text)).answers : [recommendAnswer.parse(JSON.parse(text))];
    for (const [k, wish] of wishes.entries()) {
      const answer = answers[k];
      if (answer && "model" in answer) await check(answer, wish);
      else wrong.push(`in a batch: ${JSON.stringify(answer)}`);
    }
  }

  const missed = (why: string) => {
    none[why] = (none[why] ?? 0) + 1;
    if (isQuiet) counts.noneInQuiet++;
  };

  const asking = (async () => {
    for (let n = 0; !over.signal.aborted; n = (n + 1) % WISHES) {
      try {
        await ask(n);
      } catch (error) {
        if (error instanceof SyntaxError || (error as Error).name === "ZodError")
          wrong.push(String(error).slice(0, 200));
        else missed(reasonOf(error as Error));
      }
      await sleep(EVERY_MS, over.signal);
    }
  })();
  return {
    quietBegins: () => {
      isQuiet = true;
    },
    stop: async () => {
      over.abort();
      await asking;
      for (const held of opened.values()) held?.dispose();
      return { ...counts, wrong, none, versions: versions.size };
    },
  };
}

function gone(error: unknown): undefined {
  if (!(error instanceof AppError)) throw error;
}

function reasonOf(error: Error): string {
  const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
  return code ?? error.name;
}
