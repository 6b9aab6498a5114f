// The prior of a question that asks for a number.
import { Field } from "../../ui/parts";

type Family = "normal" | "logNormal" | "trials" | "events";

const FAMILIES: [Family, string][] = [
  ["normal", "A measured value"], ["logNormal", "A positive value, by its order of magnitude"],
  ["trials", "How many of a known number"], ["events", "How many events in a time"],
];

// The 95 % quantile of the standard normal distribution.
const Z95 = 1.6448536269514722;

export interface NumberDraft {
  family: Family;
  unit: string;
  // As typed; what they are is in LABELS.
  values: [string, string, string];
}

const LABELS: Record<Family, string[]> = {
  normal: ["It is above this with 95 %", "It is below this with 95 %"],
  logNormal: ["It is above this with 95 %", "It is below this with 95 %"],
  trials: ["Successes seen before", "Failures seen before", "Trials that are asked about"],
  events: ["Events seen before", "In how many days", "Days that are asked about"],
};

export function newNumber(): NumberDraft {
  return { family: "normal", unit: "", values: ["", "", ""] };
}

export function isWholeNumber({ family, values }: NumberDraft): boolean {
  const given = values.slice(0, LABELS[family].length);
  if (given.some((text) => text === "" || !Number.isFinite(Number(text)))) return false;
  const [first, second] = given.map(Number);
  if (family === "normal") return first! < second!;
  if (family === "logNormal") return first! > 0 && first! < second!;
  return given.every((text) => Number(text) > 0);
}

function priorOf({ family, values }: NumberDraft) {
  const [first, second, third] = values.map(Number) as [number, number, number];
  switch (family) {
    case "normal": case "logNormal": {
      const logarithmic = family === "logNormal";
      const [low, high] = logarithmic ? [Math.log(first), Math.log(second)] : [first, second];
      return { case: "normal" as const, value: { mean: (low + high) / 2, deviation: (high - low) / (2 * Z95), logarithmic } };
    }
    case "trials":
      return { case: "betaBinomial" as const, value: { alpha: first, beta: second, trialCount: BigInt(Math.round(third)) } };
    case "events":
      return { case: "gammaPoisson" as const, value: { shape: first, rateDays: second, exposureDays: third } };
  }
}

// Without a model only the unit is stated.
export function numberModel(draft: NumberDraft, withoutModel: boolean) {
  return { unit: draft.unit.trim(), ...(!withoutModel && isWholeNumber(draft) && { prior: priorOf(draft) }) };
}

export function NumberFields({ draft, onChange, brief }: {
  draft: NumberDraft;
  onChange: (draft: NumberDraft) => void;
  // True where only the unit is asked for.
  brief: boolean;
}) {
  return (
    <section class="preview" aria-label="The number">
      <h2>The number</h2>
      <Field label="Unit" hint="Such as people, or USD.">
        {(attributes) => <input type="text" {...attributes} value={draft.unit} onInput={(event) => onChange({ ...draft, unit: event.currentTarget.value })} />}
      </Field>
      {!brief && (
        <>
          <Field label="What it is" hint="Decides which reports it takes.">
            {(attributes) => (
              <select {...attributes} value={draft.family} onChange={(event) => onChange({ ...draft, family: event.currentTarget.value as Family })}>
                {FAMILIES.map(([family, text]) => <option key={family} value={family}>{text}</option>)}
              </select>
            )}
          </Field>
          <div class="pair">
            {LABELS[draft.family].map((label, i) => (
              <Field key={label} label={label}>
                {(attributes) => (
                  <input type="number" step="any" required {...attributes} value={draft.values[i]}
                    onInput={(event) => onChange({ ...draft, values: draft.values.map((old, j) => (i === j ? event.currentTarget.value : old)) as NumberDraft["values"] })} />
                )}
              </Field>
            ))}
          </div>
        </>
      )}
    </section>
  );
}
