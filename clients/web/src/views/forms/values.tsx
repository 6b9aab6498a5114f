// Fields for what somebody believes: a probability of each state, or a number by its quantiles.
import { useState } from "preact/hooks";

import { logOdds, percent } from "../../lib/format";
import { Field } from "../../ui/parts";

export function StateInputs({ states, values, onValues }: { states: string[]; values: number[]; onValues: (values: number[]) => void }) {
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

export const LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95];

export function QuantileInputs({ values, unit, onValues }: { values: string[]; unit: string; onValues: (values: string[]) => void }) {
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
