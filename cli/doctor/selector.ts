import type { LabelSelector } from "./objects.ts";

type Labels = Readonly<Record<string, string>> | undefined;

/** Does a label selector of the API select an object with these labels? An empty one selects all. */
export function selects(selector: LabelSelector, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return hasLabels(matchLabels, labels) && matchExpressions.every((expression) => holds(expression, labels ?? {}));
}

/** Has an object all of these labels? */
export function hasLabels(wanted: Readonly<Record<string, string>>, labels: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => labels?.[key] === value);
}

function holds(
  { key, operator, values }: NonNullable<LabelSelector["matchExpressions"]>[number],
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = labels[key];
  switch (operator) {
    case "In":
      return value !== undefined && values?.includes(value) === true;
    case "NotIn":
      return value === undefined || values?.includes(value) !== true;
    case "Exists":
      return value !== undefined;
    default:
      // DoesNotExist: the API knows no fifth one.
      return value === undefined;
  }
}
