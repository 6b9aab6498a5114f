// A move of a probability, before it is made or after.
import type { PosteriorMove } from "../../gen/credence/v1/common_pb";
import { idOf } from "../../lib/api";
import { decibans, number, percent, points, words } from "../../lib/format";

export function MoveText({ before, after, weight }: { before: number; after: number; weight: number | undefined }) {
  const same = before === after;
  return (
    <p class="move number" role="status">
      <span>{percent(before)}</span>
      <span aria-hidden="true">→</span><span class="hidden">to</span>
      <strong>{percent(after)}</strong>
      <span class={`chip ${same ? "" : "resolved"}`}>
        {same ? "no change" : <>{points(after - before)}{weight !== undefined && ` · ${decibans(weight)}`}</>}
      </span>
      <span class="muted small">{words(after)}</span>
    </p>
  );
}

// The moves of a write: this question first, then the others of its network.
export function Moves({ moves, question }: { moves: PosteriorMove[]; question: string }) {
  const sorted = moves.toSorted((a, b) => Number(b.question === question) - Number(a.question === question));
  if (sorted.length === 0) return <p class="muted" role="status">No question moves.</p>;
  return (
    <div class="moves">
      {sorted.map((move) => (
        <div key={move.question}>
          <div class="small muted">{move.question === question ? "This question" : idOf(move.question)}{move.state && ` · ${move.state}`}</div>
          {move.medianAfter === undefined
            ? <MoveText before={move.probabilityBefore} after={move.probabilityAfter} weight={move.weightDecibans} />
            : <p class="move number" role="status"><span>{number(move.medianBefore ?? NaN)}</span><span aria-hidden="true">→</span><strong>{number(move.medianAfter)}</strong><span class="muted small">median</span></p>}
        </div>
      ))}
    </div>
  );
}
