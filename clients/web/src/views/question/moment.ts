// Where in time the page of a question stands: an instant, and what the ledger knew.
import { useMemo } from "preact/hooks";

import { timestampOf } from "../../lib/api";
import { query, setQuery } from "../../lib/router";

export interface Moment {
  // Instant that is looked at, in seconds; absent for the present.
  at: number | undefined;
  // Last position that is seen; absent for all that there is.
  position: bigint | undefined;
  // The same as parts of requests.
  effectiveTime: ReturnType<typeof timestampOf> | undefined;
  view: { asOf?: { case: "position"; value: bigint } };
  // True where the question has ended and nothing else was asked for: the instant is the last before.
  implied: boolean;
  // Changes with either.
  key: string;
}

// `last` is the instant that stands for the present: the last one before a question ended.
export function useMoment(last?: number): Moment {
  const at = query.value.get("at") ?? "";
  const position = query.value.get("pos") ?? "";
  return useMemo(() => {
    const seconds = Date.parse(at) / 1000;
    const valid = Number.isFinite(seconds) ? seconds : last;
    const pinned = /^\d+$/.test(position) ? BigInt(position) : undefined;
    return {
      at: valid,
      implied: valid !== undefined && valid === last && at === "",
      position: pinned,
      effectiveTime: valid === undefined ? undefined : timestampOf(valid),
      view: pinned === undefined ? {} : { asOf: { case: "position" as const, value: pinned } },
      key: `${valid ?? ""}@${position}`,
    };
  }, [at, position, last]);
}

// Not before the instant: what happened at it counts.
export function instantText(seconds: number): string {
  return new Date(Math.ceil(seconds * 1000 - 1e-3)).toISOString().replace(".000Z", "Z");
}

export function goTo(seconds: number | undefined): void {
  setQuery({ at: seconds === undefined ? "" : instantText(seconds), chart: "" });
}
