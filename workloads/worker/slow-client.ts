import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** The content type of {@link formPart}'s forms. */
export const FORM = "multipart/form-data; boundary=b";

/** One part of a form, as it stands on the wire. */
export function formPart(disposition: string, content: string): string {
  return `--b\r\ncontent-disposition: form-data; ${disposition}\r\n\r\n${content}\r\n`;
}

/** The JSON of a bare answer. */
export function bodyOf(answer: string): unknown {
  return JSON.parse(answer.slice(answer.indexOf("\r\n\r\n")));
}

/** A client that sends some bytes of its upload now and then, for as long as the test likes. */
export interface SlowClient {
  /** Sends so many more bytes at once. */
  send(bytes: number): void;
  /** Sends what is missing of the upload. */
  finish(): void;
  /** All that came back, once the connection has been closed. */
  readonly answer: Promise<string>;
  readonly socket: Socket;
}

/** Begins to upload a script; a comment makes it long. */
export async function beginUpload(port: number, script: string, bytes = 100_000): Promise<SlowClient> {
  const body = `${formPart('name="file"; filename="x.py"', `${script}\n${"#".repeat(bytes)}`)}--b--\r\n`;
  const head = `POST /reencrypt HTTP/1.1\r\nhost: w\r\nconnection: close\r\ncontent-type: ${FORM}`;
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  let sent = 0;
  let answer = "";
  const trickle = setInterval(() => client.send(20), 200);
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString();
  });
  // A worker that has given up closes the connection, maybe under the next piece.
  socket.on("error", () => {});
  const client: SlowClient = {
    socket,
    answer: new Promise((resolve) =>
      socket.on("close", () => {
        clearInterval(trickle);
        resolve(answer);
      }),
    ),
    send(count) {
      socket.write(body.slice(sent, sent + count));
      sent += count;
    },
    finish() {
      clearInterval(trickle);
      client.send(body.length);
    },
  };
  socket.write(`${head}\r\ncontent-length: ${body.length}\r\n\r\n`);
  client.send(20);
  return client;
}
