import { type Server, type ServerDuplexStream, type ServerErrorResponse, status } from "@grpc/grpc-js";
import {
  type ClientStatusDiscoveryServiceServer,
  ClientStatusDiscoveryServiceService,
  type ClientStatusRequest,
  ClientStatusResponse,
} from "../../proto/generated/envoy/service/status/v3/csds.ts";
import type { ResourceReader } from "../resources/resource.ts";
import { CsdsRefusal, clientConfigs } from "./csds.ts";
import type { Streams } from "./streams.ts";
import { typeView } from "./type-view.ts";

/** The client status discovery service: what each client was sent, accepted and refused. */
export function addCsdsService(server: Server, streams: Streams, reader: ResourceReader): void {
  const answer = (request: ClientStatusRequest): ClientStatusResponse =>
    ClientStatusResponse.create({
      config: clientConfigs(streams.named(), request, (typeUrl) => typeView(reader, typeUrl)),
    });
  const implementation: ClientStatusDiscoveryServiceServer = {
    streamClientStatus(call: ServerDuplexStream<ClientStatusRequest, ClientStatusResponse>) {
      call.on("data", (request: ClientStatusRequest) => {
        try {
          // One answer at a time: a caller that does not read asks no further questions.
          if (!call.write(answer(request))) {
            call.pause();
            call.once("drain", () => call.resume());
          }
        } catch (error) {
          call.emit("error", statusOf(error));
        }
      });
      call.on("end", () => call.end());
    },
    fetchClientStatus(call, done) {
      try {
        done(null, answer(call.request));
      } catch (error) {
        done(statusOf(error));
      }
    },
  };
  server.addService(ClientStatusDiscoveryServiceService, implementation);
}

function statusOf(error: unknown): Pick<ServerErrorResponse, "code" | "details"> {
  if (error instanceof CsdsRefusal) return { code: status.INVALID_ARGUMENT, details: error.message };
  throw error;
}
