// What the answer hangs on: each number of the network and each report moved either way, the widest
// swing first.
import { inference } from "../../lib/services";
import { decibans, number, percent, spoken } from "../../lib/format";
import { useLoad } from "../../lib/load";
import { Figure } from "../../ui/figure";
import { Problem, Skeleton } from "../../ui/parts";
import type { Base } from "./data";
import type { Moment } from "./moment";

const SHOWN = 10;

interface Swing {
  label: string;
  detail: string;
  low: number;
  high: number;
}

function useSensitivity(base: Base, moment: Moment, state: string) {
  return useLoad(`${base.position}@${moment.key}@${state}`, async (signal) => {
    const response = await inference.analyzeSensitivity({
      target: {
        name: base.question.name, view: { asOf: { case: "position", value: base.position } },
        ...(moment.effectiveTime && { effectiveTime: moment.effectiveTime }),
      },
      state, parameterCountMax: 2 * SHOWN,
    }, { signal });
    const parameters = response.parameters.map((parameter): Swing => ({
      label: `${spoken(parameter.node)}: ${parameter.state}`,
      detail: `${number(parameter.value)}${parameter.parents.length > 0 ? `, where ${parameter.parents.map((parent) => `${spoken(parent.node).toLowerCase()} is ${parent.state}`).join(", ")}` : ""}`,
      low: parameter.probabilityLow, high: parameter.probabilityHigh,
    }));
    const items = response.items.map((item): Swing => ({
      label: item.summary, detail: `report on ${spoken(item.node).toLowerCase()}: ${item.state}`,
      low: item.probabilityLow, high: item.probabilityHigh,
    }));
    const swings = [...parameters, ...items].sort((a, b) => Math.abs(b.high - b.low) - Math.abs(a.high - a.low));
    return { swings, probability: response.probability, swing: response.swingDecibans, state: response.state };
  }, 150);
}

function Bars({ swing, now, low, high }: { swing: Swing; now: number; low: number; high: number }) {
  const x = (probability: number) => (100 * (probability - low)) / (high - low);
  const bar = (to: number) => {
    const [left, right] = [Math.min(now, to), Math.max(now, to)];
    return <i class={`bar ${to >= now ? "up" : "down"}`} style={{ left: `${x(left)}%`, width: `${x(right) - x(left)}%` }} />;
  };
  return (
    <span class="track reach" aria-hidden="true">
      {bar(swing.low)}{bar(swing.high)}
      <i class="zero" style={{ left: `${x(now)}%` }} />
    </span>
  );
}

export function TornadoFigure({ base, moment, state, pin }: {
  base: Base;
  moment: Moment;
  state: string;
  pin: Record<string, string>;
}) {
  const { data, error } = useSensitivity(base, moment, state);
  const moving = data?.swings.filter((swing) => swing.low !== swing.high) ?? [];
  const shown = moving.slice(0, SHOWN);
  const ends = shown.flatMap((swing) => [swing.low, swing.high]);
  const low = Math.min(...ends);
  const high = Math.max(...ends);
  return (
    <Figure
      id="tornado"
      title="What it hangs on"
      description={data && `Each number of the network and each report moved by ${decibans(data.swing)} either way, the widest swing first.`}
      pin={pin}
      data={data && {
        columns: ["moved", "detail", `${data.state} if lower`, `${data.state} if higher`],
        rows: moving.map((swing) => [swing.label, swing.detail, swing.low, swing.high]),
      }}
    >
      {error !== undefined && <Problem error={error} />}
      {data === undefined && error === undefined && <Skeleton height={160} />}
      {data !== undefined && shown.length === 0 && <div class="empty">No single number moves the answer.</div>}
      <ol class="watch tornado">
        {shown.map((swing, i) => (
          <li key={i}>
            <div class="small"><strong>{swing.label}</strong> <span class="muted">{swing.detail}</span></div>
            <Bars swing={swing} now={data!.probability} low={low} high={high} />
            <div class="outcomes small number"><span>{percent(swing.low)}</span><span class="muted">to</span><span>{percent(swing.high)}</span></div>
          </li>
        ))}
      </ol>
    </Figure>
  );
}
