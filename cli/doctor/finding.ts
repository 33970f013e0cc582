/** One fault that was found. */
export interface Finding {
  /** The check that found it, e.g. `image-pull`. */
  readonly check: string;
  /** What is wrong, in one sentence without a full stop. */
  readonly what: string;
  /** Where: kinds and names of objects. */
  readonly where: string;
  /** What was seen there, in the cluster's own words where it has some. */
  readonly seen: string;
  /** The command or manifest that mends it. May have several lines. */
  readonly mend: string;
  /** Keys of what this fault makes fail too, e.g. `Deployment evenkeel/evenkeel-control-plane`. */
  readonly explains?: readonly string[];
  /** Keys of what may be behind it: when another finding explains one of them, this one is only its symptom. */
  readonly symptomOf?: readonly string[];
}

/** Leaves out what another finding explains. A finding does not explain itself, nor others of its own check. */
export function withoutSymptoms(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(
    (finding) =>
      !findings.some(
        (other) =>
          other.check !== finding.check && other.explains?.some((key) => finding.symptomOf?.includes(key) === true),
      ),
  );
}
