// What can be recorded from the page: a report, a forecast, how the question ended. Each shows what it
// would do before it is done.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import type { PosteriorMove } from "../../gen/credence/v1/common_pb";
import { all, evidence, forecasts, idOf, problemOf, questions, views } from "../../lib/api";
import { decibans, logOdds, percent, spoken } from "../../lib/format";
import { useLoad } from "../../lib/load";
import { Dialog, Field, Problem } from "../../ui/parts";
import type { Base, Instant } from "./data";
import { DraftFields, isWhole, modelOf, newDraft } from "./draft";
import { MoveText, Moves } from "./move";

const REST_MILLISECONDS = 250;
const ACTOR_KEY = "credence.forecaster";

// One id for one form, however often it is sent: a repeat is recorded once.
function useRequestId(): string {
  return useMemo(() => crypto.randomUUID(), []);
}

function Done({ children, position, onClose }: { children: preact.ComponentChildren; position: bigint | undefined; onClose: () => void }) {
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => close.current?.focus(), []);
  return (
    <>
      <div class="note good" role="status">
        <strong>Recorded</strong>{position !== undefined && <> as <a href={`/ledger?position=${position}`}>event {String(position)}</a></>}.
      </div>
      {children}
      <div class="actions"><button ref={close} type="button" class="button primary" onClick={onClose}>Done</button></div>
    </>
  );
}

export function EvidenceForm({ base, onClose }: { base: Base; onClose: () => void }) {
  const requestId = useRequestId();
  const { question, network } = base;
  const [draft, setDraft] = useState(() => newDraft(network, question.node || network.model!.nodes[0]?.node || ""));
  const [done, setDone] = useState<{ moves: PosteriorMove[]; position: bigint | undefined }>();
  const [error, setError] = useState<unknown>();
  const request = { parent: network.name, evidence: { model: modelOf(draft) } };
  const preview = useLoad(
    isWhole(draft) && done === undefined ? JSON.stringify(draft) : undefined,
    (signal) => evidence.createEvidence({ ...request, options: { validateOnly: true } }, { signal }),
    REST_MILLISECONDS,
  );
  const submit = async (event: Event) => {
    event.preventDefault();
    setError(undefined);
    try {
      const response = await evidence.createEvidence({ ...request, options: { requestId } });
      setDone({ moves: response.moves, position: response.receipt?.position });
    } catch (problem) {
      setError(problem);
    }
  };
  if (done !== undefined) {
    return (
      <Dialog title="Add a report" onClose={onClose}>
        <Done position={done.position} onClose={onClose}><Moves moves={done.moves} question={question.name} /></Done>
      </Dialog>
    );
  }
  return (
    <Dialog title="Add a report" onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <DraftFields network={network} draft={draft} change={(changes) => setDraft({ ...draft, ...changes })} brief={false} />
        <section class="preview" aria-label="What it would move">
          <h3>What it would move</h3>
          {preview.error !== undefined && isWhole(draft) ? <Problem error={preview.error} />
            : preview.data === undefined || !isWhole(draft) ? <p class="muted">Fill in what was reported.</p>
            : <Moves moves={preview.data.moves} question={question.name} />}
        </section>
        {error !== undefined && <Problem error={error} />}
        <div class="actions">
          <span class="muted small">Nothing is recorded until you say so.</span>
          <button type="submit" class="button primary" disabled={!isWhole(draft) || draft.summary.trim() === ""}>Record the report</button>
        </div>
      </form>
    </Dialog>
  );
}

function useForecasters() {
  return useLoad("forecasters", (signal) =>
    all((page) => forecasts.listForecasters({ page }, { signal }), (response) => response.forecasters));
}

// The id that a new forecaster's name gives.
function idFrom(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-+|-+$/g, "").slice(0, 63);
}

function StateInputs({ states, values, onValues }: { states: string[]; values: number[]; onValues: (values: number[]) => void }) {
  const set = (index: number, value: number) => onValues(values.map((old, i) => (i === index ? value : old)));
  // As it is being typed, as long as it means the value.
  const [typed, setTyped] = useState("");
  if (states.length === 2) {
    const meant = typed !== "" && Math.abs(Number(typed) / 100 - values[0]!) < 1e-12;
    const text = meant ? typed : String(Number((100 * values[0]!).toPrecision(6)));
    return (
      <Field label={`Probability of “${states[0]}”, in percent`}>
        {(attributes) => (
          <span class="probability-pick">
            <input type="range" aria-label={`Probability of ${states[0]}, by log-odds`} min={-7} max={7} step={0.05}
              value={logOdds(Math.min(Math.max(values[0]!, 0.001), 0.999))}
              onInput={(event) => {
                const p = Number((1 / (1 + Math.exp(-Number(event.currentTarget.value)))).toPrecision(3));
                onValues([p, 1 - p]);
              }} />
            <input type="number" {...attributes} min={0} max={100} step="any" required value={text}
              onInput={(event) => {
                const p = Number(event.currentTarget.value) / 100;
                if (event.currentTarget.value === "" || !(p >= 0 && p <= 1)) return;
                setTyped(event.currentTarget.value);
                onValues([p, 1 - p]);
              }} />
          </span>
        )}
      </Field>
    );
  }
  const sum = values.reduce((total, value) => total + value, 0);
  return (
    <fieldset>
      <legend>Probability of each state, in percent (now {percent(sum)}; it is scaled to 100)</legend>
      <div class="pair">
        {states.map((state, i) => (
          <Field key={state} label={state}>
            {(attributes) => (
              <input type="number" {...attributes} min={0} max={100} step="any" value={Number((100 * values[i]!).toPrecision(6))}
                onInput={(event) => set(i, Math.max(0, Number(event.currentTarget.value) / 100))} />
            )}
          </Field>
        ))}
      </div>
    </fieldset>
  );
}

const LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95];

function QuantileInputs({ values, unit, onValues }: { values: string[]; unit: string; onValues: (values: string[]) => void }) {
  return (
    <fieldset>
      <legend>Values{unit && ` (${unit})`} that it stays below with this probability</legend>
      <div class="quantile-pick">
        {LEVELS.map((level, i) => (
          <Field key={level} label={`${100 * level} %`}>
            {(attributes) => (
              <input type="number" step="any" required {...attributes} value={values[i]}
                onInput={(event) => onValues(values.map((old, j) => (i === j ? event.currentTarget.value : old)))} />
            )}
          </Field>
        ))}
      </div>
    </fieldset>
  );
}

function ForecastPreview({ base, instant, values, forecaster }: { base: Base; instant: Instant; values: number[]; forecaster: string }) {
  const { states } = base.history;
  const name = `forecasters/${forecaster}`;
  const probabilities = states.map((state, i) => ({ state, probability: values[i]! }));
  const pool = useLoad(
    forecaster === "" ? undefined : `${forecaster}@${values.join()}`,
    (signal) => views.simulatePool({
      parent: base.question.name, forecast: { forecaster: name, probabilities },
    }, { signal }),
    REST_MILLISECONDS,
  );
  const model = instant.posterior?.posterior?.states[0]?.probability;
  const own = values[0]!;
  const before = instant.pool.probabilities[0]?.probability;
  const after = pool.data?.probabilities[0]?.probability;
  return (
    <section class="preview" aria-label="What it would move">
      <h3>What it would move</h3>
      {after !== undefined && before !== undefined && (
        <div>
          <div class="small muted">The pool of forecasters</div>
          <MoveText before={before} after={after}
            weight={[before, after].every((p) => p > 0 && p < 1) ? (10 / Math.LN10) * (logOdds(after) - logOdds(before)) : undefined} />
        </div>
      )}
      {after !== undefined && before === undefined && <p>The first forecast: the pool will stand at {percent(after)}.</p>}
      {model !== undefined && (
        <p class="small muted">
          The model says {percent(model)}{own > 0 && own < 1 && model > 0 && model < 1 &&
            <>; you stand {decibans((10 / Math.LN10) * (logOdds(own) - logOdds(model)))} from it</>}. Forecasts do not move the model.
        </p>
      )}
    </section>
  );
}

export function ForecastForm({ base, instant, onClose }: { base: Base; instant: Instant; onClose: () => void }) {
  const requestId = useRequestId();
  const known = useForecasters();
  const { question } = base;
  const { states } = base.history;
  const numeric = base.network.model?.numeric;
  const [forecaster, setForecaster] = useState(localStorage.getItem(ACTOR_KEY) ?? "");
  const [fresh, setFresh] = useState("");
  const [rationale, setRationale] = useState("");
  const start = instant.pool.probabilities.length > 0 ? instant.pool.probabilities : (instant.posterior?.posterior?.states ?? []);
  const [values, setValues] = useState(() =>
    states.map((_, i) => Number((start[i]?.probability ?? 1 / states.length).toPrecision(3))));
  const [quantiles, setQuantiles] = useState(LEVELS.map(() => ""));
  const [error, setError] = useState<unknown>();
  const [position, setPosition] = useState<bigint>();
  const isNew = forecaster === "" || !(known.data ?? []).some(({ name }) => idOf(name) === forecaster);
  const id = isNew ? idFrom(fresh) : forecaster;
  const submit = async (event: Event) => {
    event.preventDefault();
    setError(undefined);
    const name = `forecasters/${id}`;
    const sum = values.reduce((total, value) => total + value, 0);
    const probabilities = states.map((state, i) => ({ state, probability: values[i]! / sum }));
    const points = LEVELS.map((probability, i) => ({ probability, value: Number(quantiles[i]) }));
    try {
      if (isNew) {
        await forecasts.createForecaster({ forecasterId: id, forecaster: { displayName: fresh }, options: { actor: name } })
          .catch((problem) => {
            if (problemOf(problem).reason !== "ALREADY_EXISTS") throw problem;
          });
      }
      const response = await forecasts.createForecast({
        parent: question.name,
        forecast: {
          forecaster: name, rationale,
          ...(numeric ? { distribution: { family: { case: "quantiles", value: { points } } } } : { probabilities }),
        },
        options: { requestId, actor: name },
      });
      localStorage.setItem(ACTOR_KEY, id);
      setPosition(response.receipt?.position);
    } catch (problem) {
      setError(problem);
    }
  };
  if (position !== undefined) {
    return (
      <Dialog title="Your forecast" onClose={onClose}>
        <Done position={position} onClose={onClose}>{!numeric && <p>{spoken(id)} says {percent(values[0]!)}.</p>}</Done>
      </Dialog>
    );
  }
  return (
    <Dialog title="Your forecast" onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <p class="muted">{question.title}</p>
        <div class="pair">
          <Field label="Forecaster">
            {(attributes) => (
              <select {...attributes} value={isNew ? "" : forecaster} onChange={(event) => setForecaster(event.currentTarget.value)}>
                <option value="">someone new</option>
                {(known.data ?? []).map(({ name, displayName }) => <option key={name} value={idOf(name)}>{displayName || spoken(idOf(name))}</option>)}
              </select>
            )}
          </Field>
          {isNew && (
            <Field label="Name" hint={id === "" ? "As others will read it." : `forecasters/${id}`}>
              {(attributes) => <input type="text" required {...attributes} value={fresh} onInput={(event) => setFresh(event.currentTarget.value)} />}
            </Field>
          )}
        </div>
        {numeric
          ? <QuantileInputs values={quantiles} unit={numeric.unit} onValues={setQuantiles} />
          : <StateInputs states={states} values={values} onValues={setValues} />}
        <Field label="Why" hint="What you would tell a colleague.">
          {(attributes) => <textarea {...attributes} value={rationale} onInput={(event) => setRationale(event.currentTarget.value)} />}
        </Field>
        {!numeric && <ForecastPreview base={base} instant={instant} values={values} forecaster={id} />}
        {error !== undefined && <Problem error={error} />}
        <div class="actions"><button type="submit" class="button primary" disabled={id === ""}>Record the forecast</button></div>
      </form>
    </Dialog>
  );
}

export function ResolveForm({ base, onClose }: { base: Base; onClose: () => void }) {
  const requestId = useRequestId();
  const { question } = base;
  const numeric = base.network.model?.numeric;
  const [outcome, setOutcome] = useState(numeric ? "" : base.history.states[0]!);
  const [rationale, setRationale] = useState("");
  const [done, setDone] = useState<{ moves: PosteriorMove[]; position: bigint | undefined }>();
  const [error, setError] = useState<unknown>();
  const whole = numeric === undefined || (outcome !== "" && Number.isFinite(Number(outcome)));
  const resolution = { rationale, ...(numeric ? { value: Number(outcome) } : { outcome }) };
  const preview = useLoad(
    whole && done === undefined ? outcome : undefined,
    (signal) => questions.resolveQuestion({ name: question.name, resolution, options: { validateOnly: true } }, { signal }),
    REST_MILLISECONDS,
  );
  const submit = async (event: Event) => {
    event.preventDefault();
    setError(undefined);
    try {
      const response = await questions.resolveQuestion({ name: question.name, resolution, options: { requestId } });
      setDone({ moves: response.moves, position: response.receipt?.position });
    } catch (problem) {
      setError(problem);
    }
  };
  if (done !== undefined) {
    return (
      <Dialog title="Resolve the question" onClose={onClose}>
        <Done position={done.position} onClose={onClose}><p>The scores stand on this page and on the <a href="/scores">leaderboard</a>.</p></Done>
      </Dialog>
    );
  }
  return (
    <Dialog title="Resolve the question" onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <p>{question.title}</p>
        {question.resolutionCriteria !== "" && <p class="note small">{question.resolutionCriteria}</p>}
        <Field label={numeric ? `The value${numeric.unit && ` (${numeric.unit})`}` : "What came true"}>
          {(attributes) => numeric
            ? <input type="number" step="any" required {...attributes} value={outcome} onInput={(event) => setOutcome(event.currentTarget.value)} />
            : (
              <select {...attributes} value={outcome} onChange={(event) => setOutcome(event.currentTarget.value)}>
                {base.history.states.map((state) => <option key={state}>{state}</option>)}
              </select>
            )}
        </Field>
        <Field label="Why" hint="With a source.">
          {(attributes) => <textarea {...attributes} value={rationale} onInput={(event) => setRationale(event.currentTarget.value)} />}
        </Field>
        <section class="preview" aria-label="What it would do">
          <h3>What it would do</h3>
          {preview.error !== undefined ? <Problem error={preview.error} />
            : preview.data === undefined ? <p class="muted">Say what came true.</p>
            : <>
                <p class="small">The question is scored for everybody who forecast it, and its network learns how it ended.</p>
                <Moves moves={preview.data.moves.filter((move) => move.question !== question.name)} question={question.name} />
              </>}
        </section>
        {error !== undefined && <Problem error={error} />}
        <div class="actions"><button type="submit" class="button primary" disabled={!whole}>Resolve</button></div>
      </form>
    </Dialog>
  );
}
