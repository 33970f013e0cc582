import type { IConnackPacket, IPublishPacket, ISubackPacket, Packet } from "mqtt-packet";
import { EvenkeelError } from "../../../common/errors.ts";
import { type Address, openStream, type PacketStream, unreachable } from "./packets.ts";

export interface ConnectionOptions extends Address {
  readonly clientId: string;
  /** A clean session is forgotten when the connection ends; the other kind is kept by the broker. */
  readonly clean: boolean;
  readonly username?: string;
  readonly password?: string;
  /** For the connection, and for each answer of the broker, in milliseconds. */
  readonly timeoutMs?: number;
  /** How long the connection may be silent; in seconds. */
  readonly keepaliveSeconds?: number;
  readonly onMessage: (message: Message) => void;
}

/** A message that the broker sent. */
export interface Message {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** The broker says that it may have sent it before. */
  readonly isRepeated: boolean;
  /**
   * Tells the broker that the message needs not be sent again. Does nothing once this connection has ended: the broker
   * then sends the message again over the next one.
   */
  acknowledge(): void;
}

/** A session with a broker over one connection, as MQTT 3.1.1 has it. */
export interface Connection {
  /** Settles when the connection has ended; with why, unless {@link Connection.close} ended it. */
  readonly closed: Promise<EvenkeelError | undefined>;
  /**
   * Subscribes with QoS 1.
   * @throws EvenkeelError EK_BROKER_REFUSED, EK_BROKER_UNREACHABLE
   */
  subscribe(filter: string): Promise<void>;
  /** Sends a message once, whether or not it arrives (QoS 0). */
  tell(topic: string, payload: Uint8Array | string): void;
  /**
   * Sends a message with QoS 1; settles when the broker has it.
   * @throws EvenkeelError EK_BROKER_UNREACHABLE
   */
  publish(topic: string, payload: Uint8Array): Promise<void>;
  /** Reads no more messages until {@link Connection.resume}. */
  pause(): void;
  resume(): void;
  /** Sends what waits, says good-bye and ends. */
  close(): Promise<void>;
}

const TIMEOUT_MS = 20_000;
const KEEPALIVE_SECONDS = 30;
/** The return codes of CONNACK, from MQTT 3.1.1, table 3.1. */
const REFUSALS: Readonly<Record<number, string>> = {
  1: "it does not speak MQTT 3.1.1",
  2: "it does not allow the client identifier",
  3: "it is not available",
  4: "user or password is wrong",
  5: "the client is not authorised",
};
const SUBSCRIPTION_FAILED = 0x80;

/**
 * Connects to a broker.
 * @throws EvenkeelError EK_BROKER_UNREACHABLE, EK_BROKER_REFUSED
 */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const { timeoutMs = TIMEOUT_MS, keepaliveSeconds = KEEPALIVE_SECONDS } = options;
  const stream = await openStream(options, timeoutMs);
  const answers = new Answers(options, stream, timeoutMs);
  let isPaused = false;
  stream.on("packet", (packet) => {
    if (packet.cmd === "publish") return options.onMessage(messageOf(packet, stream));
    answers.take(packet);
  });
  const closed = new Promise<EvenkeelError | undefined>((resolve) => {
    stream.once("close", (error) => {
      const failure = error === undefined ? undefined : unreachable(options, error.message, error);
      answers.fail(failure ?? unreachable(options, "the connection was closed"));
      resolve(failure);
    });
  });
  stream.send({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clientId: options.clientId,
    clean: options.clean,
    keepalive: keepaliveSeconds,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: Buffer.from(options.password) }),
  });
  const { returnCode = 0 } = (await answers.wait("connack")) as IConnackPacket;
  if (returnCode !== 0) {
    stream.fail(new Error("refused"));
    throw refused(options, REFUSALS[returnCode] ?? `it answers with code ${returnCode}`);
  }
  const pulse = keepAlive(stream, keepaliveSeconds * 1000, () => isPaused);
  void closed.then(() => clearInterval(pulse));
  return {
    closed,
    async subscribe(filter) {
      const messageId = answers.nextId();
      stream.send({ cmd: "subscribe", messageId, subscriptions: [{ topic: filter, qos: 1 }] });
      const { granted } = (await answers.wait(`suback ${messageId}`)) as ISubackPacket;
      if (granted[0] === SUBSCRIPTION_FAILED) throw refused(options, `it does not allow a subscription to ${filter}`);
    },
    tell(topic, payload) {
      stream.send(publishOf(topic, payload));
    },
    async publish(topic, payload) {
      const messageId = answers.nextId();
      stream.send({ ...publishOf(topic, payload), qos: 1, messageId });
      await answers.wait(`puback ${messageId}`);
    },
    pause() {
      isPaused = true;
      stream.pause();
    },
    resume() {
      isPaused = false;
      stream.resume();
    },
    async close() {
      stream.send({ cmd: "disconnect" });
      stream.end();
      const timer = setTimeout(() => stream.fail(new Error("the broker does not end the connection")), timeoutMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

function messageOf({ topic, payload, qos, dup, messageId }: IPublishPacket, stream: PacketStream): Message {
  return {
    topic,
    payload: typeof payload === "string" ? Buffer.from(payload) : payload,
    isRepeated: dup,
    acknowledge() {
      if (qos > 0 && messageId !== undefined) stream.send({ cmd: "puback", messageId });
    },
  };
}

function publishOf(topic: string, payload: Uint8Array | string): IPublishPacket {
  const bytes = typeof payload === "string" ? payload : Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  return { cmd: "publish", topic, payload: bytes, qos: 0, dup: false, retain: false };
}

function keepAlive(stream: PacketStream, keepaliveMs: number, isPaused: () => boolean): NodeJS.Timeout {
  return setInterval(() => {
    const now = performance.now();
    if (now - stream.lastSent >= keepaliveMs / 2) stream.send({ cmd: "pingreq" });
    // Who does not read cannot tell whether the other side is silent.
    if (isPaused()) stream.lastReceived = now;
    else if (now - stream.lastReceived > 1.5 * keepaliveMs) stream.fail(new Error("the broker is silent"));
  }, keepaliveMs / 4).unref();
}

function refused({ host, port }: Address, what: string): EvenkeelError {
  return new EvenkeelError("EK_BROKER_REFUSED", what, { where: `${host}:${port}` });
}

/** Requests that wait for the broker's answer, by the answer's command and message identifier. */
class Answers {
  readonly #waiting = new Map<string, { resolve: (packet: Packet) => void; reject: (error: Error) => void }>();
  readonly #address: Address;
  readonly #stream: PacketStream;
  readonly #timeoutMs: number;
  #lastId = 0;
  #failure: Error | undefined;

  constructor(address: Address, stream: PacketStream, timeoutMs: number) {
    this.#address = address;
    this.#stream = stream;
    this.#timeoutMs = timeoutMs;
  }

  /** A message identifier, from 1 to 65535. */
  nextId(): number {
    this.#lastId = (this.#lastId % 0xffff) + 1;
    return this.#lastId;
  }

  async wait(answer: string): Promise<Packet> {
    if (this.#failure !== undefined) throw this.#failure;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Packet>((resolve, reject) => {
        this.#waiting.set(answer, { resolve, reject });
        timer = setTimeout(() => {
          reject(unreachable(this.#address, `no ${answer.split(" ")[0]} after ${this.#timeoutMs / 1000} s`));
          this.#stream.fail(new Error("the broker does not answer"));
        }, this.#timeoutMs);
      });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(answer);
    }
  }

  take(packet: Packet): void {
    const answer = packet.cmd === "connack" ? packet.cmd : `${packet.cmd} ${packet.messageId ?? ""}`;
    this.#waiting.get(answer)?.resolve(packet);
  }

  fail(error: Error): void {
    this.#failure = error;
    for (const { reject } of this.#waiting.values()) reject(error);
  }
}
