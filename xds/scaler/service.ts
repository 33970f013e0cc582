import {
  type Server,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { describeError, EvenkeelError } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import {
  type ExternalScalerServer,
  ExternalScalerService,
  IsActiveResponse,
  type ScaledObjectRef,
} from "../../proto/generated/externalscaler/externalscaler.ts";
import type { ReleaseDesk } from "./release-desk.ts";
import { parseTrigger, type Trigger, type TriggerDefaults } from "./trigger.ts";

export const SERVICE_NAME = "externalscaler.ExternalScaler";

export interface ScalerServiceOptions {
  readonly desk: Pick<ReleaseDesk, "ask">;
  readonly defaults: TriggerDefaults;
  /** How often a push trigger's state is looked at, in ms. */
  readonly pushMs: number;
  readonly log: Logger;
  /** Told about every call that was answered, `code` is gRPC's. */
  readonly onCall: (method: string, code: number, seconds: number) => void;
}

/** One job is worth one: KEDA divides the value by the target. */
const TARGET = 1;

/**
 * KEDA's contract with an external scaler. What is not known is UNAVAILABLE, metadata that cannot be used
 * INVALID_ARGUMENT; KEDA then starts nothing and shows the message as an event of the ScaledJob.
 * @see https://keda.sh/docs/latest/concepts/external-scalers/
 */
export function addScalerService(server: Server, options: ScalerServiceOptions): void {
  const { desk, defaults, log } = options;
  const answer = async <T>(method: string, done: sendUnaryData<T>, work: () => Promise<T>): Promise<void> => {
    const began = performance.now();
    const end = (code: number) => options.onCall(method, code, (performance.now() - began) / 1000);
    try {
      const value = await work();
      end(status.OK);
      done(null, value);
    } catch (error) {
      const { code, details } = failureOf(error);
      if (code === status.INTERNAL) log.error({ method, error: describeError(error) }, "a call failed");
      end(code);
      done({ code, details });
    }
  };
  const implementation: ExternalScalerServer = {
    isActive(call: ServerUnaryCall<ScaledObjectRef, IsActiveResponse>, done) {
      void answer("IsActive", done, async () => ({ result: await desk.ask(parseTrigger(call.request, defaults)) }));
    },
    streamIsActive(call) {
      pushActivity(call, options);
    },
    getMetricSpec(call, done) {
      void answer("GetMetricSpec", done, async () => {
        const { metricName } = parseTrigger(call.request, defaults);
        return { metricSpecs: [{ metricName, targetSize: BigInt(TARGET), targetSizeFloat: TARGET }] };
      });
    },
    getMetrics(call, done) {
      void answer("GetMetrics", done, async () => {
        const trigger = parseTrigger(call.request.scaledObjectRef, defaults);
        requireMetric(call.request.metricName, trigger);
        const jobs = (await desk.ask(trigger)) ? TARGET : 0;
        const { metricName } = trigger;
        return { metricValues: [{ metricName, metricValue: BigInt(jobs), metricValueFloat: jobs }] };
      });
    },
  };
  server.addService(ExternalScalerService, implementation);
}

function requireMetric(asked: string, { metricName, key }: Trigger): void {
  if (asked === metricName) return;
  const what = asked === "" ? "the metric's name is empty" : `there is no metric ${JSON.stringify(asked.slice(0, 80))}`;
  throw new EvenkeelError("EK_TRIGGER_INVALID", `${what} (there is ${metricName})`, { where: `ScaledJob ${key}` });
}

/** Tells a push trigger its state at once and whenever it changes. */
function pushActivity(
  call: ServerWritableStream<ScaledObjectRef, IsActiveResponse>,
  { desk, defaults, pushMs, onCall }: ScalerServiceOptions,
): void {
  const began = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let told: boolean | undefined;
  let open = true;
  const end = (code: number) => {
    if (!open) return;
    open = false;
    clearTimeout(timer);
    onCall("StreamIsActive", code, (performance.now() - began) / 1000);
  };
  call.once("cancelled", () => end(status.CANCELLED));
  call.once("close", () => end(status.OK));
  const look = async () => {
    try {
      const active = await desk.ask(parseTrigger(call.request, defaults));
      if (!open) return;
      if (active !== told) call.write(IsActiveResponse.create({ result: active }));
      told = active;
      timer = setTimeout(() => void look(), pushMs);
    } catch (error) {
      if (!open) return;
      const failure = failureOf(error);
      end(failure.code);
      // KEDA connects again, later each time up to a minute.
      call.emit("error", failure);
    }
  };
  void look();
}

/** How a failure is told over gRPC. */
export function failureOf(error: unknown): { readonly code: number; readonly details: string } {
  const details = describeError(error);
  if (!(error instanceof EvenkeelError)) return { code: status.INTERNAL, details };
  return { code: error.code === "EK_TRIGGER_INVALID" ? status.INVALID_ARGUMENT : status.UNAVAILABLE, details };
}
