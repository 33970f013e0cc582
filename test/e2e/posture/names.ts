export const NAMESPACE = "posture";
/** How many analysers there are, each with a topic of its own. */
export const JOBS = 10;
/** The scaler's name inside the cluster. */
export const SCALER_HOST = `posture-external-scaler.${NAMESPACE}.svc.cluster.local`;
/** The controller's. */
export const CONTROLLER_HOST = `posture-controller.${NAMESPACE}.svc.cluster.local`;
/** Analysers, scaler and controller are all in one image here. */
export const IMAGE_REPOSITORY = "evenkeel/posture";
export const IMAGE_TAG = "rig";
/** The Secret with the certificates of scaler and KEDA. */
export const TLS_SECRET = "posture-tls";
/** The Secret with the broker's authority, and the certificate of those who come to it. */
export const BROKER_SECRET = "broker-tls";
/** The claim for results. */
export const CLAIM = "results";
