// What if: items ticked off, a report supposed, a node forced, and the answer moves. Nothing is
// written.
import { useState } from "preact/hooks";

import { idOf } from "../../lib/api";
import { inference } from "../../lib/services";
import { percent } from "../../lib/format";
import { useLoad } from "../../lib/load";
import { Figure } from "../../ui/figure";
import { Problem } from "../../ui/parts";
import { inForce, type Base, type Instant } from "./data";
import { type Draft, DraftFields, isWhole, modelOf, newDraft } from "../forms/draft";
import type { Moment } from "./moment";
import { MoveText } from "./move";

export function WhatIfFigure({ base, instant, moment, state, pin }: {
  base: Base;
  instant: Instant;
  moment: Moment;
  state: number;
  pin: Record<string, string>;
}) {
  const [withheld, setWithheld] = useState<ReadonlySet<string>>(new Set());
  const [draft, setDraft] = useState<Draft>();
  const items = base.evidence.filter((item) => inForce(item, moment.at));
  const names = new Set(items.map((item) => idOf(item.name)));
  const left = [...withheld].filter((id) => names.has(id));
  const supposed = draft !== undefined && isWhole(draft) ? modelOf(draft) : undefined;
  const view = { asOf: { case: "position" as const, value: base.position } };
  const key = JSON.stringify([String(base.position), moment.key, left, draft]);
  const result = useLoad(key, async (signal) => {
    // Supposed now, or at the instant that the page shows.
    const { nodes } = await inference.simulatePosterior({
      target: { name: base.question.name, view, ...(moment.effectiveTime && { effectiveTime: moment.effectiveTime }) },
      withheldEvidence: left,
      ...(supposed && { hypotheticalEvidence: [{ ...supposed, occurTime: undefined }] }),
    }, { signal });
    return nodes[0];
  }, 120);
  const node = result.data;
  const toggle = (id: string) => {
    const next = new Set(withheld);
    if (!next.delete(id)) next.add(id);
    setWithheld(next);
  };
  const before = node?.actual[state]?.probability;
  const after = node?.simulated[state]?.probability;
  const changed = left.length > 0 || draft !== undefined;
  return (
    <Figure
      id="whatif"
      title="What if"
      description="Tick reports off, or suppose one. Nothing is written."
      pin={pin}
      data={node && {
        columns: ["state", "as it is", "as it would be"],
        rows: node.actual.map((actual, i) => [actual.state, actual.probability, node.simulated[i]?.probability]),
      }}
      tools={changed && (
        <button type="button" class="button quiet" onClick={() => { setWithheld(new Set()); setDraft(undefined); }}>Start over</button>
      )}
    >
      {result.error !== undefined && <Problem error={result.error} />}
      {before !== undefined && after !== undefined && (
        <div class="whatif-result">
          <MoveText before={before} after={after} weight={state === 0 ? node?.weightDecibans : undefined} />
          <span class="whatif-scale" aria-hidden="true">
            <i class="was" style={{ left: percent(before).replace(" ", "") }} />
            <i class="is" style={{ left: percent(after).replace(" ", "") }} />
          </span>
        </div>
      )}
      <div class="whatif">
        <fieldset>
          <legend>Reports that count ({items.length - left.length} of {items.length})</legend>
          <ul class="ticks" tabIndex={0} aria-label="Reports that count">
            {items.toReversed().map((item) => {
              const id = idOf(item.name);
              return (
                <li key={id}>
                  <label>
                    <input type="checkbox" checked={!withheld.has(id)} onChange={() => toggle(id)} />
                    <span>{item.model?.summary || id}</span>
                  </label>
                </li>
              );
            })}
            {items.length === 0 && <li class="muted">None counts at this instant.</li>}
          </ul>
        </fieldset>
        <div class="stack">
          {draft === undefined ? (
            <div><button type="button" class="button" onClick={() => setDraft(newDraft(base.network, base.question.node))}>Suppose a report</button></div>
          ) : (
            <DraftFields network={base.network} draft={draft} change={(changes) => setDraft({ ...draft, ...changes })} brief />
          )}
        </div>
      </div>
      {instant.posterior === undefined && <p class="muted">No model speaks on this question.</p>}
    </Figure>
  );
}
