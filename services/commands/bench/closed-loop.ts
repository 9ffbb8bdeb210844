// Clients that ask over HTTP/1.1 on loopback, each its next question as soon as it has its answer. Bare sockets: what
// they cost is not what they measure.
import { connect, type Socket } from "node:net";

export interface Loop {
  /** Of another status, or none at all. */
  readonly failures: number;
  /** Of each answer of status 200 within the time, question written to answer read, ms, ascending. */
  readonly latencies: Float64Array;
}

export interface Question {
  readonly path: string;
  /** Absent: it is a GET. */
  readonly body?: string;
}

interface Load {
  readonly url: string;
  /** That the clients take in turn. */
  readonly questions: readonly Question[];
  readonly clients: number;
  readonly forMs: number;
}

/** Resolves when the time is over and the last answers are in. */
export async function closedLoop({ url, questions: asked, clients, forMs }: Load): Promise<Loop> {
  const { hostname, port, host } = new URL(url);
  const questions = asked.map(({ path, body }) => {
    if (body === undefined) return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    const head =
      `POST ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ` +
      `${Buffer.byteLength(body)}\r\n\r\n`;
    return Buffer.from(head + body);
  });
  const latencies: number[] = [];
  const end = performance.now() + forMs;
  let failures = 0;
  let next = 0;
  const client = () =>
    new Promise<void>((resolve) => {
      let askedAt = 0;
      let isDone = false;
      const ask = () => {
        askedAt = performance.now();
        isDone = askedAt >= end;
        if (isDone) return socket.end();
        socket.write(questions[next++ % questions.length]!);
      };
      const socket = connect(Number(port), hostname, ask).setNoDelay();
      eachAnswer(socket, (status) => {
        const now = performance.now();
        if (status !== 200) failures++;
        else if (now < end) latencies.push(now - askedAt);
        ask();
      });
      socket.on("error", () => undefined); // `close` follows
      socket.on("close", () => {
        if (!isDone) failures++;
        resolve();
      });
    });
  await Promise.all(Array.from({ length: clients }, client));
  return { failures, latencies: Float64Array.from(latencies).sort() };
}

/** Finds the ends of answers that name their length, as serve's do. */
function eachAnswer(socket: Socket, answered: (status: number) => void): void {
  let text = "";
  socket.setEncoding("latin1").on("data", (more: string) => {
    text += more;
    const head = text.indexOf("\r\n\r\n");
    if (head < 0) return;
    const [, length] = /^content-length: (\d+)\r$/im.exec(text.slice(0, head + 1)) ?? [];
    if (length === undefined) return void socket.destroy(new Error("an answer without its length"));
    if (text.length < head + 4 + Number(length)) return;
    const status = Number(text.slice(9, 12));
    text = "";
    answered(status);
  });
}

/** The value that a share of an ascending list does not exceed; NaN of none. */
export const quantile = (ascending: Float64Array, share: number): number =>
  ascending[Math.min(ascending.length - 1, Math.floor(share * ascending.length))] ?? Number.NaN;
