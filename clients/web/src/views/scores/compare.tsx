// Whether a lead is luck: subjects in pairs, on the questions that both were scored on.
import { useState } from "preact/hooks";

import type { ForecasterComparison } from "../../gen/credence/v1/score_service_pb";
import { scores } from "../../lib/services";
import { count, number, signed, subjectText } from "../../lib/format";
import { useLoad } from "../../lib/load";
import { Figure } from "../../ui/figure";
import { Problem, Segments, Skeleton } from "../../ui/parts";
import type { SubjectProps } from "./calibration";

// The leaders that a subject is held against, the base rate beside them.
const LEADERS = 11;
const SURE = 0.05;

export interface Pair {
  left: string;
  right: string;
  questions: bigint;
  // The first's mean less the second's, and the ends of its interval; absent where a score is infinite.
  difference: number | undefined;
  low: number | undefined;
  high: number | undefined;
  p: number | undefined;
  adjusted: number | undefined;
}

function pairOf(one: ForecasterComparison): Pair {
  return {
    left: one.left, right: one.right, questions: one.questionCount, difference: one.difference,
    low: one.low, high: one.high, p: one.pValue, adjusted: one.adjustedPValue,
  };
}

function negative(value: number | undefined): number | undefined {
  return value === undefined ? undefined : -value;
}

// The same pair, seen from `left`.
export function seenFrom(pair: Pair, left: string): Pair | undefined {
  if (pair.left === left) return pair;
  if (pair.right !== left) return undefined;
  return {
    ...pair, left, right: pair.left, difference: negative(pair.difference),
    low: negative(pair.high), high: negative(pair.low),
  };
}

// What the numbers say, in words.
function verdict(pair: Pair, lowerIsBetter: boolean): string {
  if (pair.difference === undefined) return "a score is infinite";
  if (pair.difference === 0) return "equal";
  if (pair.adjusted === undefined) return "too few questions to say";
  if (pair.adjusted >= SURE) return "may be luck";
  return (pair.difference < 0) === lowerIsBetter ? "better" : "worse";
}

function DifferenceBar({ pair, most }: { pair: Pair; most: number }) {
  if (pair.difference === undefined) return null;
  const x = (value: number) => `${50 + (48 * Math.max(-most, Math.min(most, value))) / most}%`;
  return (
    <span class="track" aria-hidden="true">
      <i class="zero" style={{ left: "50%" }} />
      {pair.low !== undefined && pair.high !== undefined && (
        <i class="interval" style={{ left: x(pair.low), width: `calc(${x(pair.high)} - ${x(pair.low)})` }} />
      )}
      <i class="point" style={{ left: x(pair.difference) }} />
    </span>
  );
}

function AgainstTable({ pairs, lowerIsBetter }: { pairs: Pair[]; lowerIsBetter: boolean }) {
  const most = Math.max(...pairs.flatMap((pair) => [pair.difference, pair.low, pair.high]).map((end) => Math.abs(end ?? 0)), 1e-9);
  return (
    <table>
      <thead><tr><th>Against</th><th>Verdict</th><th class="right">Difference</th><th class="wide"><span class="hidden">Interval</span></th><th class="right">95 % interval</th><th class="right">p</th><th class="right">p of many</th><th class="right">Questions</th></tr></thead>
      <tbody>
        {pairs.map((pair) => {
          const said = verdict(pair, lowerIsBetter);
          return (
            <tr key={pair.right}>
              <td>{subjectText(pair.right)}</td>
              <td><span class={`chip ${said === "better" ? "active" : said === "worse" ? "warn" : ""}`}>{said}</span></td>
              <td class="right"><strong>{pair.difference === undefined ? "–" : signed(pair.difference, 4)}</strong></td>
              <td class="wide"><DifferenceBar pair={pair} most={most} /></td>
              <td class="right">{pair.low === undefined || pair.high === undefined ? "–" : `${signed(pair.low, 3)} to ${signed(pair.high, 3)}`}</td>
              <td class="right">{pair.p === undefined ? "–" : number(pair.p, 2)}</td>
              <td class="right">{pair.adjusted === undefined ? "–" : number(pair.adjusted, 2)}</td>
              <td class="right">{count(pair.questions)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function MatrixTable({ pairs, subjects, lowerIsBetter }: { pairs: Pair[]; subjects: string[]; lowerIsBetter: boolean }) {
  const between = (left: string, right: string) => {
    for (const pair of pairs) {
      const seen = seenFrom(pair, left);
      if (seen?.right === right) return seen;
    }
    return undefined;
  };
  return (
    <table class="matrix">
      <caption class="small muted">The row's mean less the column's. Framed where it is hardly luck (p of many below {SURE}).</caption>
      <thead><tr><td />{subjects.map((right) => <th key={right} scope="col" class="right">{subjectText(right)}</th>)}</tr></thead>
      <tbody>
        {subjects.map((left) => (
          <tr key={left}>
            <th scope="row">{subjectText(left)}</th>
            {subjects.map((right) => {
              const pair = left === right ? undefined : between(left, right);
              const said = pair && verdict(pair, lowerIsBetter);
              const sure = said === "better" || said === "worse";
              return (
                <td key={right} class={`right${sure ? ` sure ${said}` : ""}`} title={pair && `${subjectText(left)} against ${subjectText(right)}: ${said}, ${count(pair.questions)} questions`}>
                  {pair?.difference === undefined ? "–" : signed(pair.difference, 3)}
                  {sure && <span class="hidden"> ({said})</span>}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function CompareFigure({ subject, rule, backfilled, tag, position, pin, leaders }: SubjectProps & { leaders: string[] }) {
  const [shown, setShown] = useState<"against" | "all">("against");
  const subjects = [...new Set([subject, ...leaders.slice(0, LEADERS), "base-rate"])];
  const { data, error } = useLoad(JSON.stringify([subjects, rule, backfilled, tag, String(position)]), (signal) =>
    scores.compareForecasters({
      subjects, rule, filter: { backfilled, tag },
      ...(position !== undefined && { view: { asOf: { case: "position", value: position } } }),
    }, { signal }));
  const all = (data?.comparisons ?? []).map(pairOf).filter((pair) => pair.questions > 0n);
  const against = all.flatMap((pair) => seenFrom(pair, subject) ?? []);
  const met = subjects.filter((one) => all.some((pair) => pair.left === one || pair.right === one));
  return (
    <Figure
      id="compare"
      title={`Is the lead of ${subjectText(subject)} luck?`}
      description={`Differences of the mean score on shared questions, with 95 % intervals by resampling them; “p of many” allows for how many pairs are compared.${data ? ` ${data.lowerIsBetter ? "Below" : "Above"} 0 is better.` : ""}`}
      pin={pin}
      tools={<Segments label="Which pairs" value={shown} options={[["against", "Chosen"], ["all", "All pairs"]]} onChange={setShown} />}
      data={data && {
        columns: ["left", "right", "questions", "left less right", "low", "high", "p", "p of many"],
        rows: all.map((pair) => [pair.left, pair.right, Number(pair.questions), pair.difference, pair.low, pair.high, pair.p, pair.adjusted]),
      }}
    >
      {error !== undefined && <Problem error={error} />}
      {data === undefined && error === undefined && <Skeleton height={200} />}
      {data !== undefined && (against.length === 0
        ? <div class="empty">Nobody else was scored on a question of {subjectText(subject)} by this rule.</div>
        : (
          <div class="scroll-x" tabIndex={0} role="region" aria-label="Table of comparisons">
            {shown === "against"
              ? <AgainstTable pairs={against} lowerIsBetter={data.lowerIsBetter} />
              : <MatrixTable pairs={all} subjects={met} lowerIsBetter={data.lowerIsBetter} />}
          </div>
        ))}
    </Figure>
  );
}
