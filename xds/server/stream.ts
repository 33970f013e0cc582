import { type ServerDuplexStream, status } from "@grpc/grpc-js";
import type { Logger } from "../../common/log.ts";
import type { Node } from "../../proto/generated/envoy/config/core/v3/base.ts";
import type { TypeUrl } from "../resources/resource.ts";
import type { Bodies } from "./bodies.ts";
import { type ClientStatus, clientStatus, type ServiceName } from "./client-status.ts";
import { type Incoming, Malformed } from "./messages.ts";
import type { XdsMetrics } from "./metrics.ts";
import type { Session, XdsRequest } from "./session.ts";
import { type Nack, type Plan, WILDCARD } from "./subscription.ts";
import { SYNCZ_TYPE } from "./syncz.ts";
import { shortName } from "./type-view.ts";
import type { Frame } from "./wire.ts";

export type XdsCall = ServerDuplexStream<Incoming | Malformed, Frame>;

/** The method that a stream was opened by. */
export interface StreamKind {
  readonly service: ServiceName;
  readonly protocol: XdsRequest["kind"];
  /** The only type of the service; absent: all of them (ADS). */
  readonly typeUrl?: TypeUrl;
}

export interface StreamOptions {
  readonly call: XdsCall;
  readonly kind: StreamKind;
  readonly serial: number;
  readonly identity: string | undefined;
  readonly session: Session;
  readonly bodies: Bodies;
  readonly metrics: XdsMetrics;
  readonly log: Logger;
  /** How long a response may stay unanswered before newer ones follow it, in ms. */
  readonly ackPatienceMs: number;
  /** The body of an answer to istioctl's question about all clients. */
  readonly syncz: () => Buffer;
  /** Says, once for all streams, that clients ask for a type that is not served. */
  readonly noteForeignType: (typeUrl: string) => void;
  readonly onClose: () => void;
}

/** How many names of a refused response are logged. */
const LOGGED_NAMES = 20;

/** One xDS stream: reads requests, writes what the session decides, holds nothing else. */
export class XdsStream {
  /** From the first request; kept for the whole stream. */
  node: Node | undefined;
  readonly #options: StreamOptions;
  readonly #connectedAtMs = Date.now();
  /** Types whose last response is still in this process because the client does not read. */
  readonly #unflushed = new Set<string>();
  #taking = false;
  #ended = false;
  #patience: NodeJS.Timeout | undefined;
  #synczNonce = "";
  #synczCount = 0;

  constructor(options: StreamOptions) {
    this.#options = options;
    const { call } = options;
    call.on("data", (message: Incoming | Malformed) => this.#receive(message));
    call.on("end", () => {
      this.#ended = true;
      call.end();
    });
    // However a call ends, it closes last.
    call.once("close", () => this.#close());
  }

  get kind(): StreamKind {
    return this.#options.kind;
  }

  get session(): Session {
    return this.#options.session;
  }

  /** Undefined until the client has said who it is and has asked for something. */
  status(): ClientStatus | undefined {
    const { call, kind, serial, identity, session } = this.#options;
    if (this.node === undefined || session.subscriptions.size === 0) return undefined;
    return clientStatus(
      {
        serial,
        node: this.node,
        peer: call.getPeer(),
        identity,
        service: kind.service,
        protocol: kind.protocol,
        connectedAtMs: this.#connectedAtMs,
      },
      session.subscriptions.values(),
    );
  }

  changed(changed: ReadonlyMap<TypeUrl, ReadonlySet<string>>): void {
    this.#options.session.changed(changed);
    // A request that is being taken in will be answered in one go when it is.
    if (!this.#taking) this.#pump();
  }

  /** Ends the stream with a gRPC status. */
  end(code: status, details: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.call.emit("error", { code, details });
  }

  #refuse(code: status, details: string): void {
    const { metrics, log, kind, call, identity } = this.#options;
    metrics.refusedStreams.inc({ code: status[code] });
    log.warn(
      { node: this.node?.id, peer: call.getPeer(), identity, service: kind.service, code: status[code] },
      `an xDS stream is ended: ${details}`,
    );
    this.end(code, details);
  }

  #receive(message: Incoming | Malformed): void {
    if (this.#ended) return;
    if (message instanceof Malformed) {
      this.#refuse(status.INVALID_ARGUMENT, `the request is no valid protobuf message: ${message.reason}`);
      return;
    }
    const { typeUrl } = this.#options.kind;
    const asked = message.request.typeUrl;
    const request = asked === "" && typeUrl !== undefined ? { ...message.request, typeUrl } : message.request;
    const node = this.node ?? message.node;
    const fault = faultOf(node, request, typeUrl);
    if (fault !== undefined) {
      this.#refuse(status.INVALID_ARGUMENT, fault);
      return;
    }
    if (this.node === undefined) this.#logClient(node);
    this.node = node;
    if (request.kind === "sotw" && request.typeUrl === SYNCZ_TYPE) this.#answerSyncz(request.nonce);
    else this.#take(request);
  }

  #take(request: XdsRequest): void {
    const { session, metrics } = this.#options;
    this.#taking = true;
    const outcome = session.take(request, Date.now());
    this.#taking = false;
    const type = shortName(request.typeUrl);
    if (outcome.verdict === "refused") {
      this.#refuse(status.RESOURCE_EXHAUSTED, outcome.message);
      return;
    }
    if (outcome.verdict === "first" && type === "other") this.#options.noteForeignType(request.typeUrl);
    if (outcome.verdict === "stale") metrics.staleRequests.inc({ type });
    if (outcome.verdict === "ack") metrics.acks.inc({ type });
    if (outcome.verdict === "nack") {
      metrics.nacks.inc({ type });
      this.#logNack(type, session.subscriptions.get(request.typeUrl)?.nack);
    }
    this.#pump();
  }

  #pump(): void {
    if (this.#ended) return;
    for (const plan of this.#options.session.next(Date.now(), this.#unflushed)) this.#send(plan);
    this.#watchPatience();
  }

  #send(plan: Plan): void {
    const { bodies, kind, metrics } = this.#options;
    const body = bodies.body(kind.protocol, plan);
    const type = shortName(plan.typeUrl);
    metrics.responses.inc({ type });
    metrics.responseBytes.inc({ type }, body.length);
    this.#write(plan.typeUrl, { body, nonce: plan.nonce });
  }

  /** The callback comes when HTTP/2 flow control has let the bytes go: later, or never, if the client does not read. */
  #write(typeUrl: string, frame: Frame): void {
    this.#unflushed.add(typeUrl);
    this.#options.call.write(frame, () => {
      this.#unflushed.delete(typeUrl);
      this.#pump();
    });
  }

  #watchPatience(): void {
    const { session, ackPatienceMs } = this.#options;
    if (this.#patience !== undefined || session.awaited().length === 0) return;
    this.#patience = setTimeout(() => {
      this.#patience = undefined;
      session.giveUpWaiting(Date.now() - ackPatienceMs);
      this.#pump();
    }, ackPatienceMs);
    this.#patience.unref();
  }

  /** istioctl asks once and accepts nothing; what it asks with is no nonce of ours. */
  #answerSyncz(nonce: string): void {
    const isAck = this.#synczNonce !== "" && nonce === this.#synczNonce;
    if (isAck || this.#unflushed.has(SYNCZ_TYPE)) return;
    this.#synczCount += 1;
    this.#synczNonce = `${this.#options.serial}.syncz.${this.#synczCount}`;
    this.#write(SYNCZ_TYPE, { body: this.#options.syncz(), nonce: this.#synczNonce });
  }

  #logClient(node: Node | undefined): void {
    const { log, call, identity, kind } = this.#options;
    log.debug({ node: node?.id, peer: call.getPeer(), identity, service: kind.service }, "a client asks");
  }

  #logNack(type: string, nack: Nack | undefined): void {
    if (nack === undefined) return;
    const names = nack.names === WILDCARD ? WILDCARD : nack.names.slice(0, LOGGED_NAMES);
    this.#options.log.warn(
      {
        node: this.node?.id,
        identity: this.#options.identity,
        type,
        version: nack.version,
        nonce: nack.nonce,
        names,
        error: nack.message,
      },
      "a client refused a response; this version is not sent to it again",
    );
  }

  #close(): void {
    this.#ended = true;
    clearTimeout(this.#patience);
    this.#options.session.close();
    this.#options.onClose();
  }
}

function faultOf(node: Node | undefined, request: XdsRequest, only: TypeUrl | undefined): string | undefined {
  if (node === undefined || node.id === "") return "the first request of a stream must carry a node with an id";
  if (request.typeUrl === "") return "type_url is missing";
  if (only !== undefined && request.typeUrl !== only)
    return `this service serves ${only} only, and type_url is ${request.typeUrl}`;
  return undefined;
}
