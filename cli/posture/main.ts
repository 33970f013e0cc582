import { dispatch } from "../dispatch.ts";

/**
 * `evenkeel posture`: the posture jobs' manifests, and putting them into a cluster and out of it again.
 * @returns the exit code
 * @throws EvenkeelError with what was wrong and what to do next
 */
export async function main(args: string[]): Promise<number> {
  return await dispatch(
    "evenkeel posture",
    {
      build: {
        summary: "build the images and write the manifests",
        load: async () => (await import("./build.ts")).main,
      },
      apply: {
        summary: "put the controller, the scaler and the ScaledJobs into a cluster",
        load: async () => (await import("./apply.ts")).main,
      },
      status: {
        summary: "show the jobs, the nodes, and why a job does or does not start",
        load: async () => (await import("./status.ts")).main,
      },
      stop: {
        summary: "remove everything that apply made, and nothing else",
        load: async () => (await import("./stop.ts")).main,
      },
      controller: {
        summary: "the node controller (runs in the cluster)",
        load: async () => (await import("../../operator/posture/main.ts")).main,
      },
    },
    args,
  );
}
