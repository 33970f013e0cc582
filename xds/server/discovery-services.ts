import {
  type handleBidiStreamingCall,
  type handleUnaryCall,
  type MethodDefinition,
  type Server,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { ClusterDiscoveryServiceService } from "../../proto/generated/envoy/service/cluster/v3/cds.ts";
import { AggregatedDiscoveryServiceService } from "../../proto/generated/envoy/service/discovery/v3/ads.ts";
import { EndpointDiscoveryServiceService } from "../../proto/generated/envoy/service/endpoint/v3/eds.ts";
import { ListenerDiscoveryServiceService } from "../../proto/generated/envoy/service/listener/v3/lds.ts";
import { RouteDiscoveryServiceService } from "../../proto/generated/envoy/service/route/v3/rds.ts";
import { TYPE_URLS, type TypeUrl } from "../resources/resource.ts";
import type { ServiceName } from "./client-status.ts";
import { decodeDelta, decoder, decodeSotw, type Incoming, Malformed } from "./messages.ts";
import type { Refusal } from "./session.ts";
import type { StreamKind, XdsCall } from "./stream.ts";
import { encodeFrame, type Frame } from "./wire.ts";

type Message = Incoming | Malformed;

interface DiscoveryService {
  readonly service: ServiceName;
  readonly typeUrl?: TypeUrl;
  readonly definition: ServiceDefinition;
  /** The names of its methods, in the generated definition. */
  readonly sotw: string;
  readonly delta: string;
  readonly fetch?: string;
}

const SERVICES: readonly DiscoveryService[] = [
  {
    service: "ads",
    definition: AggregatedDiscoveryServiceService,
    sotw: "streamAggregatedResources",
    delta: "deltaAggregatedResources",
  },
  {
    service: "cds",
    typeUrl: TYPE_URLS.cluster,
    definition: ClusterDiscoveryServiceService,
    sotw: "streamClusters",
    delta: "deltaClusters",
    fetch: "fetchClusters",
  },
  {
    service: "eds",
    typeUrl: TYPE_URLS.endpoints,
    definition: EndpointDiscoveryServiceService,
    sotw: "streamEndpoints",
    delta: "deltaEndpoints",
    fetch: "fetchEndpoints",
  },
  {
    service: "lds",
    typeUrl: TYPE_URLS.listener,
    definition: ListenerDiscoveryServiceService,
    sotw: "streamListeners",
    delta: "deltaListeners",
    fetch: "fetchListeners",
  },
  {
    service: "rds",
    typeUrl: TYPE_URLS.route,
    definition: RouteDiscoveryServiceService,
    sotw: "streamRoutes",
    delta: "deltaRoutes",
    fetch: "fetchRoutes",
  },
];

export interface DiscoveryHandlers {
  open(call: XdsCall, kind: StreamKind): void;
  /** What is there now of these names (none: all), as a response without a nonce. */
  fetch(typeUrl: TypeUrl, names: readonly string[]): Buffer | Refusal;
}

/** Adds ADS and the services of single types, each state-of-the-world, incremental and (but for ADS) as a single question. */
export function addDiscoveryServices(server: Server, handlers: DiscoveryHandlers): void {
  for (const { service, typeUrl, definition, sotw, delta, fetch } of SERVICES) {
    const kind = typeUrl === undefined ? { service } : { service, typeUrl };
    const served: Record<string, MethodDefinition<Message, Frame>> = {
      [sotw]: withOwnCodec(definition, sotw, decodeSotw),
      [delta]: withOwnCodec(definition, delta, decodeDelta),
    };
    const implementation: UntypedServiceImplementation = {
      [sotw]: opener(handlers, { ...kind, protocol: "sotw" }),
      [delta]: opener(handlers, { ...kind, protocol: "delta" }),
    };
    if (fetch !== undefined && typeUrl !== undefined) {
      served[fetch] = withOwnCodec(definition, fetch, decodeSotw);
      implementation[fetch] = fetcher(handlers, typeUrl);
    }
    server.addService(served, implementation);
  }
}

function opener(handlers: DiscoveryHandlers, kind: StreamKind): handleBidiStreamingCall<Message, Frame> {
  return (call) => handlers.open(call, kind);
}

function fetcher(handlers: DiscoveryHandlers, typeUrl: TypeUrl): handleUnaryCall<Message, Frame> {
  return (call, done) => {
    const message = call.request;
    if (message instanceof Malformed)
      return done({
        code: status.INVALID_ARGUMENT,
        details: `the request is no valid protobuf message: ${message.reason}`,
      });
    const { request } = message;
    if (request.kind !== "sotw" || (request.typeUrl !== "" && request.typeUrl !== typeUrl))
      return done({
        code: status.INVALID_ARGUMENT,
        details: `this service serves ${typeUrl} only, and type_url is ${request.typeUrl}`,
      });
    const answer = handlers.fetch(typeUrl, request.names);
    if ("verdict" in answer) return done({ code: status.RESOURCE_EXHAUSTED, details: answer.message });
    done(null, { body: answer, nonce: "" });
  };
}

/** The generated method, with requests that say when they are broken and responses that are encoded already. */
function withOwnCodec(
  definition: ServiceDefinition,
  name: string,
  decode: (bytes: Buffer) => Incoming,
): MethodDefinition<Message, Frame> {
  const method = definition[name];
  if (method === undefined) throw new TypeError(`the generated service has no method ${name}`);
  return { ...method, requestDeserialize: decoder(decode), responseSerialize: encodeFrame };
}
