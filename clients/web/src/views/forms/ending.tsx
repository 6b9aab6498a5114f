// How a question ends: it is resolved, its resolution is corrected, it is closed early, or it is
// annulled.
import { useState } from "preact/hooks";

import { type Question, Question_State as State } from "../../gen/credence/v1/question_pb";
import type { PosteriorMove, Receipt } from "../../gen/credence/v1/common_pb";
import { questions } from "../../lib/api";
import { useLoad } from "../../lib/load";
import { Field, Segments } from "../../ui/parts";
import type { Base } from "../question/data";
import { Moves } from "../question/move";
import { Preview, REST_MILLISECONDS, useWrite, WriteDialog } from "./write";

function WhyField({ hint, value, onValue }: { hint: string; value: string; onValue: (value: string) => void }) {
  return (
    <Field label="Why" hint={hint}>
      {(attributes) => <textarea {...attributes} value={value} onInput={(event) => onValue(event.currentTarget.value)} />}
    </Field>
  );
}

function OutcomeField({ base, outcome, onOutcome }: { base: Base; outcome: string; onOutcome: (outcome: string) => void }) {
  const numeric = base.network.model?.numeric;
  return (
    <Field label={numeric ? `The value${numeric.unit && ` (${numeric.unit})`}` : "What came true"}>
      {(attributes) => numeric
        ? <input type="number" step="any" required {...attributes} value={outcome} onInput={(event) => onOutcome(event.currentTarget.value)} />
        : (
          <select {...attributes} value={outcome} onChange={(event) => onOutcome(event.currentTarget.value)}>
            {base.history.states.map((state) => <option key={state}>{state}</option>)}
          </select>
        )}
    </Field>
  );
}

// What resolving and amending answer alike.
interface Settled {
  moves: PosteriorMove[];
  receipt?: Receipt;
}

// The moves of the network's other questions.
function OtherMoves({ moves, question }: { moves: PosteriorMove[]; question: Question }) {
  const others = moves.filter((move) => move.question !== question.name);
  return others.length === 0 ? null : <Moves moves={others} question={question.name} />;
}

const SCORES = <p>The scores stand on this page and on the <a href="/scores">leaderboard</a>.</p>;

type End = "resolve" | "close" | "annul";

// One dialog for both: resolving what is open, and correcting what was resolved.
export function EndForm({ base, onClose }: { base: Base; onClose: () => void }) {
  const [end, setEnd] = useState<End>("resolve");
  const { question } = base;
  const ends: [End, string][] = question.state === State.RESOLVED
    ? [["resolve", "It ended otherwise"], ["annul", "Annul it"]]
    : [["resolve", "It is decided"], ...(question.state === State.ACTIVE ? [["close", "Close it only"] as [End, string]] : []), ["annul", "Annul it"]];
  const pick = <Segments label="How it ends" value={end} options={ends} onChange={setEnd} />;
  const shared = { base, onClose, pick };
  if (end === "close") return <CloseForm {...shared} />;
  return end === "annul" ? <AnnulForm {...shared} /> : <ResolveForm {...shared} />;
}

interface Props {
  base: Base;
  onClose: () => void;
  pick: preact.ComponentChildren;
}

function ResolveForm({ base, onClose, pick }: Props) {
  const { question } = base;
  const amends = question.state === State.RESOLVED;
  const numeric = base.network.model?.numeric;
  const [outcome, setOutcome] = useState(numeric ? "" : question.resolution?.outcome || base.history.states[0]!);
  const [rationale, setRationale] = useState("");
  const whole = numeric === undefined || (outcome !== "" && Number.isFinite(Number(outcome)));
  const resolution = { rationale, ...(numeric ? { value: Number(outcome) } : { outcome }) };
  const send = (options: { requestId?: string; validateOnly?: boolean }, signal?: AbortSignal): Promise<Settled> =>
    questions[amends ? "amendResolution" : "resolveQuestion"](
      { name: question.name, resolution, options }, signal ? { signal } : {});
  const write = useWrite((options) => send(options));
  const preview = useLoad(
    whole && !write.sent ? outcome : undefined,
    (signal) => send({ validateOnly: true }, signal),
    REST_MILLISECONDS,
  );
  return (
    <WriteDialog title={amends ? "Correct the resolution" : "Resolve the question"} action={amends ? "Amend" : "Resolve"}
      write={write} whole={whole} done={() => SCORES} onClose={onClose}>
      <p>{question.title}</p>
      {pick}
      {question.resolutionCriteria !== "" && <p class="note small">{question.resolutionCriteria}</p>}
      <OutcomeField base={base} outcome={outcome} onOutcome={setOutcome} />
      <WhyField hint="With a source." value={rationale} onValue={setRationale} />
      <Preview title="What it would do" loaded={preview} ready={whole} empty="Say what came true.">
        {({ moves }) => (
          <>
            <p class="small">
              {amends
                ? "Everybody is scored anew. The first resolution and its scores stay on record as an earlier version."
                : "The question is scored for everybody who forecast it, and its network learns how it ended."}
            </p>
            <OtherMoves moves={moves} question={question} />
          </>
        )}
      </Preview>
    </WriteDialog>
  );
}

function AnnulForm({ base, onClose, pick }: Props) {
  const { question } = base;
  const [rationale, setRationale] = useState("");
  const write = useWrite((options) => questions.annulQuestion({ name: question.name, rationale, options }));
  return (
    <WriteDialog title="Annul the question" action="Annul" write={write} whole={rationale.trim() !== ""}
      done={() => <p>The question is annulled: it counts in no score.</p>} onClose={onClose}>
      <p>{question.title}</p>
      {pick}
      <WhyField hint="What makes it impossible to decide." value={rationale} onValue={setRationale} />
      <p class="note small">
        An annulled question is not scored, and scores that it had end. What was said stays in the ledger. This
        cannot be undone.
      </p>
    </WriteDialog>
  );
}

function CloseForm({ base, onClose, pick }: Props) {
  const { question } = base;
  const write = useWrite((options) => questions.closeQuestion({ name: question.name, options }));
  return (
    <WriteDialog title="Close the question" action="Close" write={write} whole
      done={() => <p>No more forecasts are taken. It waits to be resolved.</p>} onClose={onClose}>
      <p>{question.title}</p>
      {pick}
      <p class="note small">Before its time: from now on no forecast is taken, and scores count up to now.</p>
    </WriteDialog>
  );
}
