// Server-sent events: a page that connects gets the history, then every update. A page that does not read is dropped;
// it reconnects and starts afresh.
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { setImmediate as breathe } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import type { Health } from "../../shared/health/views/health.ts";
import { placesFor } from "../../shared/http/port-guard.ts";
import { finish } from "../../shared/runtime/finish.ts";
import { oneAtATime } from "../../shared/runtime/turns.ts";
import { copyOf, type History, isEmpty, textOf } from "./history.ts";

/** Data of the event `update`; the event `history` carries the same with the whole history as its news. */
export interface Update {
  readonly dataDir: string;
  readonly health: Health | null;
  readonly news: History;
}

export interface Stream {
  send(update: Update): void;
  close(): void;
}

interface Told {
  /** Without its news. */
  now(): Omit<Update, "news">;
  readonly history: History;
  /** How the samples are thinned for a page. */
  thin(): { before: number; every: number };
  /** A page's connection stays. */
  admit(socket: Socket): void;
  /** A page that has taken not a byte for so long, ms, does not read. */
  readonly stalledMs?: number;
}

/** One more, and the page that came first starts afresh. */
const MOST_PAGES = placesFor(256);
const STALLED_MS = 15_000;
/** A slow line may take so long, ms, for the history: what comes meanwhile waits in memory. */
const BEHIND_MS = 300_000;
/** After so many pieces of news the history's text is made anew for the next page: about three minutes. */
const MOST_SINCE = 40;

/** The history as text, made once for all the pages that come, and the news since. */
interface Whole {
  readonly text: Promise<Buffer>;
  isMade: boolean;
  readonly since: Buffer[];
}

export function serveStream(app: FastifyInstance, { now, history, thin, admit, stalledMs = STALLED_MS }: Told): Stream {
  const closing = new AbortController();
  /** All pages, and when each last had nothing left to take, by a clock that nobody sets. */
  const open = new Map<ServerResponse, number>();
  /** Those that have got the history. */
  const following = new Set<ServerResponse>();
  const inTurn = oneAtATime();
  let whole: Whole | undefined;

  const make = (): Whole => {
    const made: Whole = { text: finish(textOf(copyOf(history), thin()), closing.signal), isMade: false, since: [] };
    made.text.then(
      () => {
        made.isMade = true;
      },
      () => undefined, // it closes
    );
    return made;
  };
  /** Nothing is sent between the end of the promise and what follows it, so `since` is all that came after the text. */
  const upToDate = async (most: number): Promise<{ text: Buffer; since: readonly Buffer[] }> => {
    for (;;) {
      if (!whole || (whole.isMade && whole.since.length > most)) whole = make();
      const { text, since } = whole;
      const made = await text;
      if (since.length <= Math.max(most, MOST_SINCE)) return { text: made, since };
    }
  };
  const head = () => `${JSON.stringify(now()).slice(0, -1)},"news":`;
  const eventOf = (update: Update) => Buffer.from(`event: update\ndata: ${JSON.stringify(update)}\n\n`);

  app.get("/events", { exposeHeadRoute: false }, async ({ raw }, reply) => {
    reply.hijack();
    const page = reply.raw;
    const [oldest] = open.keys();
    if (open.size >= MOST_PAGES) oldest?.destroy();
    admit(raw.socket);
    open.set(page, performance.now());
    const gone = () => {
      open.delete(page);
      following.delete(page);
    };
    page.on("close", gone).on("error", gone);
    // Node passes over it while a long write gets on
    page.setTimeout(stalledMs, () => page.writableLength > 0 && page.destroy());
    page.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    page.write("retry: 1000\n\n");
    await inTurn(async () => {
      const made = await upToDate(MOST_SINCE).catch(() => undefined);
      if (!made || page.destroyed) return void page.destroy();
      page.write(`event: history\ndata: ${head()}`);
      page.write(made.text); // one piece of memory for all pages
      page.write("}\n\n");
      for (const news of made.since) page.write(news);
      following.add(page);
      await breathe(); // a hundred pages come at once after a restart, each takes megabytes, and others ask too
    });
  });
  app.get("/api/history", async (_, reply) => {
    const { text } = await upToDate(0);
    return reply
      .type("application/json; charset=utf-8")
      .send(Readable.from([Buffer.from(head()), text, Buffer.from("}")], { objectMode: false }));
  });

  return {
    send: (update) => {
      const at = performance.now();
      if (whole && !isEmpty(update.news)) whole.since.push(eventOf({ ...update, health: null }));
      const data = eventOf(update);
      for (const [page, tookAt] of open) {
        if (page.writableLength === 0) open.set(page, at);
        else if (at - tookAt > BEHIND_MS) page.destroy();
      }
      for (const page of following) page.write(data);
    },
    close: () => {
      closing.abort();
      for (const page of open.keys()) page.end();
    },
  };
}
