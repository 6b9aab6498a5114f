// Small parts that every view is made of.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

import { Question_State } from "../gen/credence/v1/question_pb";
import { problemOf } from "../lib/api";

const STATE_TEXT: Record<Question_State, [string, string]> = {
  [Question_State.UNSPECIFIED]: ["", "Unknown"],
  [Question_State.DRAFT]: ["", "Draft"],
  [Question_State.ACTIVE]: ["active", "Open"],
  [Question_State.CLOSED]: ["closed", "Closed"],
  [Question_State.RESOLVED]: ["resolved", "Resolved"],
  [Question_State.ANNULLED]: ["bad", "Annulled"],
};

export function stateText(state: Question_State): string {
  return STATE_TEXT[state][1];
}

export function StateChip({ state }: { state: Question_State }) {
  const [kind, text] = STATE_TEXT[state];
  return <span class={`chip ${kind}`}>{text}</span>;
}

export function Grade({ grade }: { grade: string }) {
  if (grade === "") return <span class="muted small">ungraded</span>;
  return <span class="chip grade" title={gradeText(grade)}>{grade}</span>;
}

const RELIABILITY: Record<string, string> = {
  A: "completely reliable source", B: "usually reliable source", C: "fairly reliable source",
  D: "not usually reliable source", E: "unreliable source", F: "reliability cannot be judged",
};
const CREDIBILITY: Record<string, string> = {
  1: "confirmed by others", 2: "probably true", 3: "possibly true", 4: "doubtful", 5: "improbable",
  6: "truth cannot be judged",
};

// The Admiralty code in words.
export function gradeText(grade: string): string {
  return `${RELIABILITY[grade.charAt(0)] ?? "?"}, ${CREDIBILITY[grade.charAt(1)] ?? "?"}`;
}

export function Problem({ error }: { error: unknown }) {
  const problem = problemOf(error);
  return (
    <div class="note bad" role="alert">
      <strong>{problem.message}</strong>
      {problem.fields.length > 0 && (
        <ul>
          {problem.fields.map(({ field, description }) => (
            <li key={field}><code>{field}</code> {description}</li>
          ))}
        </ul>
      )}
      {problem.reason !== "" && <div class="small">{problem.reason}</div>}
    </div>
  );
}

export function Segments<Value extends string>(props: {
  label: string;
  value: Value;
  options: readonly (readonly [Value, string])[];
  onChange: (value: Value) => void;
}) {
  const name = useId();
  return (
    <div class="segments" role="radiogroup" aria-label={props.label}>
      {props.options.map(([value, text]) => (
        <label key={value}>
          <input
            type="radio"
            name={name}
            checked={value === props.value}
            onChange={() => props.onChange(value)}
          />
          <span>{text}</span>
        </label>
      ))}
    </div>
  );
}

export function Field(props: {
  label: string;
  hint?: ComponentChildren;
  error?: string | undefined;
  children: (attributes: { id: string; "aria-describedby": string }) => ComponentChildren;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      {props.children({ id, "aria-describedby": `${id}-hint` })}
      <span id={`${id}-hint`} class={props.error ? "error" : "hint"}>
        {props.error ?? props.hint}
      </span>
    </div>
  );
}

// A modal dialog: the browser's own, which keeps the focus inside and closes on Escape.
export function Dialog(props: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={title} onClose={props.onClose}>
      <div class="dialog-head">
        <h2 id={title}>{props.title}</h2>
        <button type="button" class="button quiet" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
      <div class="dialog-body">{props.children}</div>
    </dialog>
  );
}

export function Skeleton({ height = 120, label = "Loading" }: { height?: number; label?: string }) {
  return (
    <div class="skeleton" style={{ minHeight: `${height}px` }} role="status">
      <span class="hidden">{label}</span>
    </div>
  );
}
