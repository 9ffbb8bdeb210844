// The page's end of the server-sent events: the browser reconnects by itself, a watchdog sees to a connection that is
// open and silent.
import type { Update } from "../stream.ts";

export interface Listener {
  /** First message of each connection: `news` is the whole history. */
  history(update: Update): void;
  update(update: Update): void;
  lost(): void;
}

const silence = 5000;

export function connect(url: string, listener: Listener): void {
  let source: EventSource;
  let heardAt = performance.now();
  const hear = (tell: (update: Update) => void) => (event: MessageEvent<string>) => {
    heardAt = performance.now();
    tell(JSON.parse(event.data) as Update);
  };
  const open = () => {
    heardAt = performance.now();
    source = new EventSource(url);
    source.addEventListener("history", hear(listener.history));
    source.addEventListener("update", hear(listener.update));
    source.addEventListener("error", listener.lost);
  };
  open();
  setInterval(() => {
    const given = source.readyState === EventSource.CLOSED; // the browser does not retry an answer that is no stream
    if (!given && performance.now() - heardAt < silence) return;
    listener.lost();
    source.close();
    open();
  }, 1000);
}
