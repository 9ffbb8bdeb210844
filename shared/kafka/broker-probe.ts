// Asks a Kafka broker which cluster it belongs to, by Kafka's request Metadata (version 5) made by hand, so that no
// client library is needed: at an address where ours should answer, another one may.
import { connect } from "node:net";

const METADATA = 3;
const VERSION = 5;
const CORRELATION = 7;

/**
 * The id of the cluster, which stands in the meta.properties of each of its brokers; undefined when nothing that speaks
 * Kafka answers within the time. Never rejects.
 */
export function clusterAt(host: string, port: number, timeoutMs = 2_000): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => socket.write(request("tributary")));
    const end = (cluster?: string) => {
      socket.destroy();
      resolve(cluster);
    };
    let received = Buffer.alloc(0);
    socket.setTimeout(timeoutMs, () => end());
    socket.on("error", () => end());
    socket.on("close", () => end());
    socket.on("data", (bytes) => {
      received = Buffer.concat([received, bytes]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return;
      end(clusterIn(received));
    });
  });
}

/**
 * Request header version 1 (size, api key, api version, correlation id, client id), an empty list of topics, and that
 * none is to be made.
 */
function request(client: string): Buffer {
  const bytes = Buffer.alloc(19 + client.length);
  bytes.writeInt32BE(bytes.length - 4, 0);
  bytes.writeInt16BE(METADATA, 4);
  bytes.writeInt16BE(VERSION, 6);
  bytes.writeInt32BE(CORRELATION, 8);
  bytes.writeInt16BE(client.length, 12);
  bytes.write(client, 14, "latin1");
  return bytes;
}

/**
 * Of the answer: size, correlation id, throttle time, then brokers (node id, host, port, rack), then the cluster's id.
 */
function clusterIn(answer: Buffer): string | undefined {
  let at = 12;
  const string = () => {
    const length = answer.readInt16BE(at);
    at += 2 + Math.max(0, length);
    return length < 0 ? undefined : answer.toString("utf8", at - length, at);
  };
  try {
    if (answer.readInt32BE(4) !== CORRELATION) return undefined;
    const brokers = answer.readInt32BE(at);
    at += 4;
    for (let k = 0; k < brokers; k++) {
      at += 4;
      string();
      at += 4;
      string();
    }
    return string();
  } catch {
    return undefined; // something else than Kafka
  }
}
