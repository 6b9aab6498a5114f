// How good everybody was: the leaderboard, and for one subject its course and its calibration.
import { useEffect, useState } from "preact/hooks";

import "../../styles/scores.css";
import { all, questions } from "../../lib/api";
import { scores } from "../../lib/services";
import { count, number, percent, signed, subjectText } from "../../lib/format";
import { onEvents } from "../../lib/live";
import { useLoad } from "../../lib/load";
import { query, setQuery } from "../../lib/router";
import { Figure } from "../../ui/figure";
import { Problem, Segments, Skeleton } from "../../ui/parts";
import { CalibrationFigure } from "./calibration";
import { CompareFigure } from "./compare";
import { CourseFigure } from "./course";
import { isLowerBetter, RULES } from "./rules";

const RESAMPLES = 999n;

// What skill compares with.
const REFERENCES = [["base-rate", "Base rate"], ["pools/log", "Pool (log)"], ["pools/median", "Pool (median)"], ["model", "Model"]] as const;

function useScored() {
  // Which rules and tags there is something to rank by.
  const [news, setNews] = useState(0);
  useEffect(() => onEvents((events) => {
    if (events.some(({ envelope }) => envelope?.payload?.typeUrl.endsWith("QuestionScored"))) setNews((before) => before + 1);
  }), []);
  const known = useLoad(`scored@${news}`, async (signal) => {
    const [page, asked] = await Promise.all([
      scores.listScores({ page: { pageSize: 1000 } }, { signal }),
      all((one) => questions.listQuestions({ page: one }, { signal }), (response) => response.questions),
    ]);
    const rules = new Set(page.scores.flatMap((score) => score.scores.map((one) => one.rule)));
    const live = page.scores.some((score) => !score.backfilled);
    return { rules: [...rules].sort(), tags: [...new Set(asked.flatMap((question) => question.tags))].sort(), live };
  });
  return { known, news };
}

function useBoard(rule: string, backfilled: boolean, tag: string, reference: string, news: number, position: string) {
  return useLoad(rule === "" ? undefined : JSON.stringify([rule, backfilled, tag, reference, news, position]), (signal) =>
    scores.getLeaderboard({
      rule, backfilled, tag, resampleCount: RESAMPLES, reference,
      ...(position !== "" && { view: { asOf: { case: "position", value: BigInt(position) } } }),
    }, { signal }));
}

type Board = NonNullable<ReturnType<typeof useBoard>["data"]>;

// The interval of the mean on the scale that all share.
function Interval({ entry, low, high }: { entry: Board["entries"][number]; low: number; high: number }) {
  const x = (value: number) => `${(100 * (value - low)) / (high - low || 1)}%`;
  if (entry.mean === undefined) return null;
  return (
    <span class="track" aria-hidden="true">
      {entry.low !== undefined && entry.high !== undefined && (
        <i class="interval" style={{ left: x(entry.low), width: `${(100 * (entry.high - entry.low)) / (high - low || 1)}%` }} />
      )}
      <i class="point" style={{ left: x(entry.mean) }} />
    </span>
  );
}

function BoardFigure({ board, subject, onSubject, pin }: {
  board: Board;
  subject: string;
  onSubject: (subject: string) => void;
  pin: Record<string, string>;
}) {
  const ends = board.entries.flatMap((entry) => [entry.mean, entry.low, entry.high]).filter((end) => end !== undefined);
  const low = Math.min(...ends);
  const high = Math.max(...ends);
  const lower = isLowerBetter(board.rule);
  return (
    <Figure
      id="leaderboard"
      title="Leaderboard"
      description={`${board.description} ${lower ? "Lower" : "Higher"} is better. Bars: 95 % interval over questions.`}
      pin={pin}
      data={{
        columns: ["rank", "subject", "mean", "questions", "coverage", "standard error", "low", "high", "skill"],
        rows: board.entries.map((entry) => [Number(entry.rank), entry.subject, entry.mean, Number(entry.questionCount), entry.coverage, entry.standardError, entry.low, entry.high, entry.skill?.skill]),
      }}
    >
      <div class="scroll-x" tabIndex={0} role="region" aria-label="Table of the leaderboard">
        <table>
          <thead><tr><th class="right">Rank</th><th>Subject</th><th class="right">Mean</th><th class="wide"><span class="hidden">Interval</span></th><th class="right">95 % interval</th><th class="right" title="1 is perfect, 0 no better than the reference">Skill</th><th class="right">Questions</th><th class="right">Coverage</th></tr></thead>
          <tbody>
            {board.entries.map((entry) => (
              <tr key={entry.subject} class={entry.subject === subject ? "chosen" : ""}>
                <td class="right">{String(entry.rank)}</td>
                <td><button type="button" class="link" aria-pressed={entry.subject === subject} onClick={() => onSubject(entry.subject)}>{subjectText(entry.subject)}</button></td>
                <td class="right"><strong>{entry.mean === undefined ? "infinite" : number(entry.mean)}</strong></td>
                <td class="wide"><Interval entry={entry} low={low} high={high} /></td>
                <td class="right">{entry.low === undefined || entry.high === undefined ? "–" : `${number(entry.low, 3)} to ${number(entry.high, 3)}`}</td>
                <td class="right">{entry.skill?.skill === undefined ? "–" : signed(entry.skill.skill, 3)}</td>
                <td class="right">{count(entry.questionCount)}</td>
                <td class="right">{Math.round(100 * entry.coverage)} %</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {board.entries.length === 0 && <div class="empty">Nothing was scored by this rule.</div>}
      {board.settlement !== undefined && (
        <p class="small muted settled">{count(board.settlement.endedCount)} question{board.settlement.endedCount === 1n ? "" : "s"} ended, {count(board.settlement.scoredCount)} scored, {percent(board.settlement.voidRate)} not scored.</p>
      )}
    </Figure>
  );
}

// Sources are scored too, but by what they reported.
function isForecast(subject: string): boolean {
  return subject !== "" && !subject.startsWith("sources/");
}

export function ScoresPage(_: { id: string }) {
  const { known, news } = useScored();
  const given = query.value;
  const rules = known.data?.rules ?? [];
  const listed = RULES.map(([rule]) => rule).filter((rule) => rules.includes(rule));
  const rule = given.get("rule") ?? listed[0] ?? rules[0] ?? "";
  const backfilled = (given.get("kind") ?? (known.data?.live === false ? "backfilled" : "live")) === "backfilled";
  const tag = given.get("tag") ?? "";
  const position = /^\d+$/.test(given.get("pos") ?? "") ? given.get("pos")! : "";
  const reference = REFERENCES.some(([name]) => name === given.get("reference")) ? given.get("reference")! : "base-rate";
  const board = useBoard(rule, backfilled, tag, reference, news, position);
  const subject = given.get("subject") ?? board.data?.entries[0]?.subject ?? "";
  useEffect(() => {
    document.title = "Scores – Credence";
  }, []);
  if (known.error !== undefined) return <Problem error={known.error} />;
  if (known.data === undefined) return <Skeleton height={400} />;
  const pin = { rule, kind: backfilled ? "backfilled" : "live", subject, reference, pos: String(board.data?.viewPosition ?? "") };
  const shared = { subject, rule, backfilled, tag, pin, position: board.data?.viewPosition };
  return (
    <>
      <div class="page-head"><div><h1 tabIndex={-1}>Scores</h1><p>How good it was: of the model, the pools and the forecasters, on what has ended.</p></div></div>
      {position !== "" && (
        <div class="moment" role="status"><span>As the ledger stood at <strong>event {position}</strong>.</span><button type="button" class="button" onClick={() => setQuery({ pos: "", chart: "" })}>Back to now</button></div>
      )}
      {rules.length === 0 ? <div class="card"><div class="empty">No question has been scored yet. Scores come with the first resolution.</div></div> : (
        <>
          <div class="filters">
            <label class="choice rule-pick"><span>Rule</span>
              <select value={rule} onChange={(event) => setQuery({ rule: event.currentTarget.value })}>
                {listed.map((one) => <option key={one} value={one}>{RULES.find(([id]) => id === one)![1]}</option>)}
                {rules.filter((one) => !listed.includes(one)).map((one) => <option key={one} value={one}>{one}</option>)}
              </select>
            </label>
            {known.data.tags.length > 0 && (
              <label class="choice"><span>Tag</span>
                <select value={tag} onChange={(event) => setQuery({ tag: event.currentTarget.value })}>
                  <option value="">Any</option>{known.data.tags.map((one) => <option key={one}>{one}</option>)}
                </select>
              </label>
            )}
            <label class="choice"><span>Skill against</span>
              <select value={reference} onChange={(event) => setQuery({ reference: event.currentTarget.value })}>
                {REFERENCES.map(([one, text]) => <option key={one} value={one}>{text}</option>)}
              </select>
            </label>
            <Segments label="Which scores" value={backfilled ? "backfilled" : "live"} options={[["live", "Live"], ["backfilled", "Backfilled"]]}
              onChange={(kind) => setQuery({ kind, subject: "" })} />
          </div>
          <p class="small muted result-count">Live scores and those of history that was loaded later are never mixed.</p>
          <div class="stack">
            {board.error !== undefined && <Problem error={board.error} />}
            {board.data !== undefined && <BoardFigure board={board.data} subject={subject} onSubject={(one) => setQuery({ subject: one })} pin={pin} />}
            {subject !== "" && board.data !== undefined && (
              <div class="score-grid">
                <CalibrationFigure {...shared} />
                <CourseFigure {...shared} />
              </div>
            )}
            {isForecast(subject) && board.data !== undefined && board.data.entries.length > 1 && (
              <CompareFigure {...shared} leaders={board.data.entries.map((entry) => entry.subject).filter(isForecast)} />
            )}
          </div>
        </>
      )}
    </>
  );
}

