/** Twice a quantity of the Kubernetes API, in its own unit: `512Mi` makes `1024Mi`. Undefined for what is none. */
export function doubled(quantity: string | undefined): string | undefined {
  const [, number, unit] = /^(\d+(?:\.\d*)?|\.\d+)([numkMGTPE]|[KMGTPE]i|[eE]\d+)?$/.exec(quantity ?? "") ?? [];
  return number === undefined ? undefined : `${Number(number) * 2}${unit ?? ""}`;
}
