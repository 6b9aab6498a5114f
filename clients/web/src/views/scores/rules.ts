// The rules that the page names in words; any other is shown by its id.
export const RULES: readonly (readonly [string, string, "lower" | "higher"])[] = [
  ["brier.half.timeweighted", "Brier, over the open time", "lower"],
  ["brier.half.last", "Brier, last forecast", "lower"],
  ["log.timeweighted", "Log score, over the open time", "lower"],
  ["log.last", "Log score, last forecast", "lower"],
  ["spherical.timeweighted", "Spherical, over the open time", "higher"],
  ["rps.timeweighted", "Ranked probability, over the open time", "lower"],
  ["crps.timeweighted", "CRPS, over the open time", "lower"],
  ["crps.last", "CRPS, last forecast", "lower"],
  ["metaculus.baseline", "Metaculus baseline", "higher"],
  ["metaculus.peer", "Metaculus peer", "higher"],
];

export function ruleText(rule: string): string {
  const direction = RULES.find(([id]) => id === rule)?.[2] ?? "lower";
  return `${rule}: ${direction} is better. See the reference of the scoring rules.`;
}

export function isLowerBetter(rule: string): boolean {
  return (RULES.find(([id]) => id === rule)?.[2] ?? "lower") === "lower";
}
