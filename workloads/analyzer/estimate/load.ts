import type { Estimator } from "./estimator.ts";
import { silhouetteEstimator } from "./silhouette-estimator.ts";

/**
 * The estimator to use.
 * @param model a pose model's path; absent: the built-in estimator
 * @throws EvenkeelError EK_MODEL_INVALID
 */
export async function loadEstimator(model: string | undefined): Promise<Estimator> {
  if (model === undefined) return silhouetteEstimator;
  const { loadPoseModel } = await import("./pose-model.ts");
  return await loadPoseModel(model);
}
