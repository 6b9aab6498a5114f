// How good it was: the scores of a question that has ended.
import { useState } from "preact/hooks";

import { number, subjectText } from "../../lib/format";
import { Figure } from "../../ui/figure";
import { RULES, ruleText } from "../scores/rules";
import type { Score } from "../../gen/credence/v1/score_pb";

export function ScoredFigure({ scores, pin }: { scores: Score[]; pin: Record<string, string> }) {
  const rules = RULES.filter(([rule]) => scores.some((score) => score.scores.some((one) => one.rule === rule)));
  const [chosen, setChosen] = useState("");
  const rule = rules.find(([one]) => one === chosen) ?? rules[0];
  const rows = scores.map((score) => ({
    subject: subjectText(score.subject),
    value: score.scores.find((one) => one.rule === rule?.[0])?.value,
    coverage: score.coverage,
    forecasts: score.forecastCount,
    backfilled: score.backfilled,
  })).sort((a, b) => ((a.value ?? Infinity) - (b.value ?? Infinity)) * (rule?.[2] === "higher" ? -1 : 1));
  const most = Math.max(...rows.map((row) => Math.abs(row.value ?? 0)), 1e-9);
  return (
    <Figure
      id="scores"
      title="Scores"
      description={rule && ruleText(rule[0])}
      pin={pin}
      data={{
        columns: ["subject", "rule", "score", "coverage", "forecasts", "backfilled"],
        rows: scores.flatMap((score) => score.scores.map((one) => [
          score.subject, one.rule, one.value, score.coverage, Number(score.forecastCount), String(score.backfilled),
        ])),
      }}
      tools={
        <label class="choice">
          <span class="hidden">Rule</span>
          <select value={rule?.[0]} onChange={(event) => setChosen(event.currentTarget.value)}>
            {rules.map(([one, text]) => <option key={one} value={one}>{text}</option>)}
          </select>
        </label>
      }
    >
      <div class="scroll-x" tabIndex={0} role="region" aria-label="Table of scores"><table>
        <thead><tr><th>Subject</th><th class="right">Score</th><th class="wide"><span class="hidden">Length</span></th><th class="right">Coverage</th></tr></thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.subject}>
              <td>{row.subject} {row.backfilled && <span class="chip" title="Loaded later; kept apart from live scores">backfilled</span>}</td>
              <td class="right"><strong>{row.value === undefined ? "infinite" : number(row.value)}</strong></td>
              <td class="wide"><span class="meter" aria-hidden="true"><i style={{ width: `${(100 * Math.abs(row.value ?? most)) / most}%` }} /></span></td>
              <td class="right">{Math.round(100 * row.coverage)} %</td>
            </tr>
          ))}
        </tbody>
      </table></div>
    </Figure>
  );
}
