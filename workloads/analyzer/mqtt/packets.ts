import { EventEmitter, once } from "node:events";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { generate, type Packet, parser } from "mqtt-packet";
import { EvenkeelError } from "../../../common/errors.ts";

/** Certificates in PEM. */
export interface MqttTls {
  /** Who may sign the broker's certificate; absent: the system's authorities. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface Address {
  readonly host: string;
  readonly port: number;
  /** Absent: without TLS. */
  readonly tls?: MqttTls;
}

interface Events {
  packet: [Packet];
  /** Once, whoever ended it; with why, if it was not us. */
  close: [Error | undefined];
}

/** MQTT packets over one TCP or TLS connection. */
export class PacketStream extends EventEmitter<Events> {
  readonly #socket: Socket;
  #failure: Error | undefined;
  /** When something was last received and sent, by `performance.now()`. */
  lastReceived = performance.now();
  lastSent = performance.now();

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    const packets = parser({ protocolVersion: 4 });
    packets.on("packet", (packet: Packet) => this.emit("packet", packet));
    packets.on("error", (error: Error) => this.fail(error));
    socket.setNoDelay(true);
    socket.on("data", (bytes) => {
      this.lastReceived = performance.now();
      packets.parse(bytes);
    });
    socket.on("error", (error) => {
      this.#failure ??= error;
    });
    socket.on("end", () => {
      this.#failure ??= new Error("the broker closed the connection");
    });
    socket.once("close", () => this.emit("close", this.#failure));
  }

  /** Sends a packet; one that comes after the end goes nowhere. */
  send(packet: Packet): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    this.lastSent = performance.now();
    this.#socket.write(generate(packet, { protocolVersion: 4 }));
  }

  /** Stops reading: the broker is then held back by TCP itself. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Sends what waits, and ends the connection. */
  end(): void {
    // A paused socket would never see the other side's end.
    this.#socket.resume();
    this.#socket.end();
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#socket.destroy();
  }
}

/**
 * Opens the connection.
 * @param timeoutMs for TCP and TLS together
 * @throws EvenkeelError EK_BROKER_UNREACHABLE
 */
export async function openStream(address: Address, timeoutMs: number): Promise<PacketStream> {
  const { host, port, tls } = address;
  const socket =
    tls === undefined
      ? connectTcp({ host, port })
      : connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...tls });
  try {
    await once(socket, tls === undefined ? "connect" : "secureConnect", { signal: AbortSignal.timeout(timeoutMs) });
  } catch (cause) {
    socket.on("error", () => undefined).destroy();
    throw unreachable(address, why(cause as NodeJS.ErrnoException, timeoutMs), cause);
  }
  return new PacketStream(socket);
}

export function unreachable({ host, port, tls }: Address, what: string, cause?: unknown): EvenkeelError {
  return new EvenkeelError("EK_BROKER_UNREACHABLE", what, {
    where: `${tls === undefined ? "mqtt" : "mqtts"}://${host}:${port}`,
    cause,
  });
}

function why(error: NodeJS.ErrnoException, timeoutMs: number): string {
  if (error.name === "AbortError") return `no connection after ${timeoutMs / 1000} s`;
  return error.code === "ECONNREFUSED"
    ? "nothing listens there (connection refused)"
    : error.message || String(error.code);
}
