// Asks whether a Kafka broker answers at an address: Kafka's first request (ApiVersions, version 0), by hand, so that no client library is needed.
import { connect } from "node:net";

const API_VERSIONS = 18;
const CORRELATION = 7;

/** True when something that speaks Kafka answers within the time. Never rejects. */
export function answersKafka(host: string, port: number, timeoutMs = 2_000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => socket.write(request("tributary")));
    const end = (answers: boolean) => {
      socket.destroy();
      resolve(answers);
    };
    let received = Buffer.alloc(0);
    socket.setTimeout(timeoutMs, () => end(false));
    socket.on("error", () => end(false));
    socket.on("close", () => end(false));
    socket.on("data", (bytes) => {
      received = Buffer.concat([received, bytes]);
      if (received.length >= 8) end(received.readInt32BE(4) === CORRELATION);
    });
  });
}

/** Request header version 1: size, api key, api version, correlation id, client id. The body is empty. */
function request(client: string): Buffer {
  const bytes = Buffer.alloc(14 + client.length);
  bytes.writeInt32BE(bytes.length - 4, 0);
  bytes.writeInt16BE(API_VERSIONS, 4);
  bytes.writeInt16BE(0, 6);
  bytes.writeInt32BE(CORRELATION, 8);
  bytes.writeInt16BE(client.length, 12);
  bytes.write(client, 14, "latin1");
  return bytes;
}
