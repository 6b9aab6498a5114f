// Numbers that cannot all be right: a question more probable than what it implies, or than its parts
// allow.
import { type CoherenceAlarm, CoherenceAlarmKind as Kind } from "../../gen/credence/v1/inference_service_pb";
import { idOf } from "../../lib/api";
import { percent, points, spoken, subjectText } from "../../lib/format";

function boundText(alarm: CoherenceAlarm): string {
  switch (alarm.kind) {
    case Kind.ORDER: return "may not be more probable than what it implies";
    case Kind.JOINT_ABOVE: return "may not be more probable than one of its parts";
    default: return "may not be less probable than its parts allow";
  }
}

function Names({ names }: { names: string[] }) {
  return <>{names.map((name, i) => <>{i > 0 && ", "}<a key={name} href={`/${name}`}>{spoken(idOf(name))}</a></>)}</>;
}

export function Alarms({ alarms }: { alarms: CoherenceAlarm[] }) {
  if (alarms.length === 0) return null;
  return (
    <section class="note warn" aria-label="Numbers that do not fit each other">
      <strong>Numbers that do not fit each other</strong>
      <ul>
        {alarms.map((alarm) => (
          <li key={`${alarm.subject} ${alarm.kind} ${alarm.question?.question}`}>
            {subjectText(alarm.subject)}: <a href={`/${alarm.question?.question}`}>{spoken(idOf(alarm.question?.question ?? ""))}</a> at{" "}
            {percent(alarm.question?.probability ?? 0)} {boundText(alarm)}, {percent(alarm.bound)} (
            <Names names={alarm.related.map(({ question }) => question)} />). It is {points(alarm.excess).replace("+", "")} off.
          </li>
        ))}
      </ul>
    </section>
  );
}
