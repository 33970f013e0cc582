import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import { type Installation, podKey } from "../installation.ts";
import { quoted, shortened } from "../mend.ts";
import { imageFaults } from "../pod-state.ts";

/** One finding for each image of a workload that cannot be pulled. */
export function judgeImages({ workloads }: Installation): Finding[] {
  return workloads.flatMap(({ key, ref, pods }) => {
    const byImage = new Map<string, Finding>();
    for (const pod of pods)
      for (const { container, image, reason, message } of imageFaults(pod))
        byImage.set(image, {
          check: "image-pull",
          what: `the image ${image} cannot be pulled`,
          where: `${key}, container ${container} of ${podKey(pod)}`,
          seen: shortened(`${reason}: ${message || "the node does not have it"}`),
          mend: [
            `kubectl set image ${ref} ${quoted(`${container}=REGISTRY/${image.split("/").at(-1)}`)}    # where you pushed it`,
            "# on kind: kind load docker-image, on minikube: minikube image load; a private registry needs imagePullSecrets",
          ].join("\n"),
          explains: [key, podKey(pod)],
        });
    return [...byImage.values()];
  });
}

export const imagePull: Check = {
  name: "image-pull",
  looksFor: "images that cannot be pulled",
  run: async (look) => judgeImages(await look.installation()),
};
