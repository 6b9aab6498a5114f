// A forecast, with the move that it would make.
import { useState } from "preact/hooks";

import type { Forecaster } from "../../gen/credence/v1/forecast_service_pb";
import { all, idOf, problemOf, views } from "../../lib/api";
import { forecasts } from "../../lib/services";
import { decibans, idFrom, logOdds, percent, spoken } from "../../lib/format";
import { useLoad } from "../../lib/load";
import { me, setMe } from "../../lib/me";
import { Field } from "../../ui/parts";
import type { Base, Instant } from "../question/data";
import { MoveText } from "../question/move";
import { LEVELS, QuantileInputs, StateInputs } from "./values";
import { REST_MILLISECONDS, useWrite, WriteDialog } from "./write";

const DECIBANS = 10 / Math.LN10;

function isInside(probability: number | undefined): probability is number {
  return probability !== undefined && probability > 0 && probability < 1;
}

// Where the pool would stand; of a pool that is hidden nothing.
function PoolMove({ base, instant, values, forecaster }: {
  base: Base;
  instant: Instant;
  values: number[];
  forecaster: string;
}) {
  const probabilities = base.history.states.map((state, i) => ({ state, probability: values[i]! }));
  const pool = useLoad(
    forecaster === "" || base.poolHidden ? undefined : `${forecaster}@${values.join()}`,
    (signal) => views.simulatePool({
      parent: base.question.name,
      forecast: { forecaster: `forecasters/${forecaster}`, probabilities },
    }, { signal }),
    REST_MILLISECONDS,
  );
  const before = instant.pool.probabilities[0]?.probability;
  const after = pool.data?.probabilities[0]?.probability;
  if (base.poolHidden) return <p>Where the others stand is shown when your forecast is recorded.</p>;
  if (after === undefined) return null;
  if (before === undefined) return <p>The first forecast: the pool will stand at {percent(after)}.</p>;
  return (
    <div>
      <div class="small muted">The pool of forecasters</div>
      <MoveText before={before} after={after}
        weight={isInside(before) && isInside(after) ? DECIBANS * (logOdds(after) - logOdds(before)) : undefined} />
    </div>
  );
}

function ModelBeside({ instant, own }: { instant: Instant; own: number }) {
  const model = instant.posterior?.posterior?.states[0]?.probability;
  if (model === undefined) return null;
  return (
    <p class="small muted">
      The model says {percent(model)}
      {isInside(own) && isInside(model) && <>; you stand {decibans(DECIBANS * (logOdds(own) - logOdds(model)))} from it</>}.
      {" "}Forecasts do not move the model.
    </p>
  );
}

function ForecasterFields({ known, chosen, fresh, onChosen, onFresh }: {
  known: Forecaster[];
  chosen: string;
  fresh: string;
  onChosen: (id: string) => void;
  onFresh: (name: string) => void;
}) {
  return (
    <div class="pair">
      <Field label="Forecaster">
        {(attributes) => (
          <select {...attributes} value={chosen} onChange={(event) => onChosen(event.currentTarget.value)}>
            <option value="">someone new</option>
            {known.map(({ name, displayName }) => <option key={name} value={idOf(name)}>{displayName || spoken(idOf(name))}</option>)}
          </select>
        )}
      </Field>
      {chosen === "" && (
        <Field label="Name" hint={idFrom(fresh) === "" ? "As others will read it." : `forecasters/${idFrom(fresh)}`}>
          {(attributes) => <input type="text" required {...attributes} value={fresh} onInput={(event) => onFresh(event.currentTarget.value)} />}
        </Field>
      )}
    </div>
  );
}

// Registers a forecaster who is new; one of that id may be there already.
async function register(id: string, displayName: string): Promise<void> {
  await forecasts.createForecaster({
    forecasterId: id, forecaster: { displayName }, options: { actor: `forecasters/${id}` },
  }).catch((problem) => {
    if (problemOf(problem).reason !== "ALREADY_EXISTS") throw problem;
  });
}

// The values that the form begins with: those that stand, and of none that are hidden.
function startOf(base: Base, instant: Instant): number[] {
  const { states } = base.history;
  const stands = instant.pool.probabilities.length > 0
    ? instant.pool.probabilities : (instant.posterior?.posterior?.states ?? []);
  const shown = base.poolHidden ? [] : stands;
  return states.map((_, i) => Number((shown[i]?.probability ?? 1 / states.length).toPrecision(3)));
}

export function ForecastForm({ base, instant, onClose }: { base: Base; instant: Instant; onClose: () => void }) {
  const known = useLoad("forecasters", (signal) =>
    all((page) => forecasts.listForecasters({ page }, { signal }), (response) => response.forecasters));
  const { question } = base;
  const { states } = base.history;
  const numeric = base.network.model?.numeric;
  const [forecaster, setForecaster] = useState(me.value);
  const [fresh, setFresh] = useState("");
  const [rationale, setRationale] = useState("");
  const [values, setValues] = useState(() => startOf(base, instant));
  const [quantiles, setQuantiles] = useState(LEVELS.map(() => ""));
  const isNew = forecaster === "" || !(known.data ?? []).some(({ name }) => idOf(name) === forecaster);
  const id = isNew ? idFrom(fresh) : forecaster;
  const write = useWrite(async ({ requestId }) => {
    const name = `forecasters/${id}`;
    const sum = values.reduce((total, value) => total + value, 0);
    const said = numeric
      ? { distribution: { family: { case: "quantiles" as const, value: { points: LEVELS.map((probability, i) => ({ probability, value: Number(quantiles[i]) })) } } } }
      : { probabilities: states.map((state, i) => ({ state, probability: values[i]! / sum })) };
    if (isNew) await register(id, fresh);
    const response = await forecasts.createForecast({
      parent: question.name, forecast: { forecaster: name, rationale, ...said }, options: { requestId, actor: name },
    });
    setMe(id);
    return response;
  });
  return (
    <WriteDialog title="Your forecast" action="Record the forecast" write={write} whole={id !== ""}
      done={() => (numeric ? null : <p>{spoken(id)} says {percent(values[0]!)}.</p>)} onClose={onClose}>
      <p class="muted">{question.title}</p>
      <ForecasterFields known={known.data ?? []} chosen={isNew ? "" : forecaster} fresh={fresh}
        onChosen={setForecaster} onFresh={setFresh} />
      {numeric
        ? <QuantileInputs values={quantiles} unit={numeric.unit} onValues={setQuantiles} />
        : <StateInputs states={states} values={values} onValues={setValues} />}
      <Field label="Why" hint="What you would tell a colleague.">
        {(attributes) => <textarea {...attributes} value={rationale} onInput={(event) => setRationale(event.currentTarget.value)} />}
      </Field>
      {!numeric && (
        <section class="preview" aria-label="What it would move">
          <h3>What it would move</h3>
          <PoolMove base={base} instant={instant} values={values} forecaster={id} />
          <ModelBeside instant={instant} own={values[0]!} />
        </section>
      )}
    </WriteDialog>
  );
}
