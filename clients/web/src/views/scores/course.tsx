// One subject's mean score over time, with each question that entered it.
import { PlotChart } from "../../charts/plot";
import { dateOf, idOf } from "../../lib/api";
import { scores } from "../../lib/services";
import { count, dayText, number, spoken, subjectText } from "../../lib/format";
import { useLoad } from "../../lib/load";
import { colour } from "../../lib/theme";
import { Figure } from "../../ui/figure";
import { Problem, Skeleton } from "../../ui/parts";
import type { SubjectProps } from "./calibration";

const HEIGHT = 240;

export function CourseFigure({ subject, rule, backfilled, tag, position, pin }: SubjectProps) {
  const { data, error } = useLoad(JSON.stringify([subject, rule, backfilled, tag, String(position)]), (signal) =>
    scores.getScorecard({
      subject, detailRule: rule, detailBackfilled: backfilled, tag,
      ...(position !== undefined && { view: { asOf: { case: "position", value: position } } }),
    }, { signal }));
  const points = (data?.history ?? []).map((point) => ({
    time: dateOf(point.effectiveTime)!, question: spoken(idOf(point.question)), value: point.value, mean: point.mean,
  }));
  const averages = (backfilled ? data?.backfilled : data?.live) ?? [];
  return (
    <Figure
      id="course"
      title={`Score of ${subjectText(subject)} over time`}
      description="The mean over all questions that had been scored by then, and each question's own score."
      pin={pin}
      data={data && {
        columns: ["time", "question", "score", "mean"],
        rows: points.map((point) => [point.time.toISOString(), point.question, point.value, point.mean]),
      }}
    >
      {error !== undefined && <Problem error={error} />}
      {data === undefined && error === undefined && <Skeleton height={HEIGHT} />}
      {data !== undefined && points.length === 0 && <div class="empty">{subjectText(subject)} was not scored by this rule.</div>}
      {points.length > 0 && (
        <PlotChart
          label={`Mean score over time, now ${number(points.at(-1)?.mean ?? NaN)}`}
          height={HEIGHT}
          dataKey={JSON.stringify(points)}
          make={(plot, width) => plot.plot({
            width, height: HEIGHT, marginLeft: 50, marginRight: 16, style: { fontSize: "12px" },
            x: { type: "utc", label: null }, y: { grid: true, label: null, zero: true, nice: true },
            marks: [
              plot.dot(points, { x: "time", y: "value", r: 3.5, stroke: colour("--muted"), title: (point) => `${point.question}: ${number(point.value ?? NaN)}` }),
              plot.lineY(points, { x: "time", y: "mean", curve: "step-after", stroke: colour("--model"), strokeWidth: 2 }),
            ],
          })}
        />
      )}
      {points.length > 0 && <p class="small muted">Last: {points.at(-1)!.question}, {dayText(points.at(-1)!.time)}</p>}
      {averages.length > 0 && (
        <div class="scroll-x averages" tabIndex={0} role="region" aria-label="Averages by rule">
          <table>
            <thead><tr><th>Rule</th><th class="right">Mean</th><th class="right">Standard error</th><th class="right">Questions</th></tr></thead>
            <tbody>
              {averages.map((average) => (
                <tr key={average.rule}><td>{average.rule}</td><td class="right">{average.mean === undefined ? "infinite" : number(average.mean)}</td><td class="right">{average.standardError === undefined ? "–" : number(average.standardError, 3)}</td><td class="right">{count(average.questionCount)}</td></tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Figure>
  );
}
