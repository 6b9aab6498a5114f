// What the page of a question shows, as the server says it at a moment.
import type { Evidence } from "../../gen/credence/v1/evidence_service_pb";
import type { QuestionHistory } from "../../gen/credence/v1/view_service_pb";
import type { Network } from "../../gen/credence/v1/network_service_pb";
import { type Question, Question_State } from "../../gen/credence/v1/question_pb";
import { all, questions, secondsOf, views } from "../../lib/api";
import { evidence, forecasts, inference, networks, scores } from "../../lib/services";
import { type Loaded, useLoad } from "../../lib/load";
import { me } from "../../lib/me";
import type { Moment } from "./moment";

// A hand that drags the slider asks for the places where it rests.
const DRAG_MILLISECONDS = 90;

// What does not depend on the instant.
export interface Base {
  question: Question;
  history: QuestionHistory;
  evidence: Evidence[];
  network: Network;
  position: bigint;
  // True where the question hides the pool, is open, and nobody forecast it in this browser: the pool
  // and what others said are then left out of all that follows.
  poolHidden: boolean;
}

type View = { asOf: { case: "position"; value: bigint } };

async function isPoolHidden(question: Question, view: View, signal: AbortSignal): Promise<boolean> {
  if (!question.hidesPool || question.state !== Question_State.ACTIVE) return false;
  if (me.value === "") return true;
  const { forecasts: own } = await forecasts.listForecasts({
    parent: question.name, forecaster: `forecasters/${me.value}`, standingOnly: true, view,
  }, { signal });
  return own.length === 0;
}

export function useBase(id: string, moment: Moment, news: number): Loaded<Base> {
  const name = `questions/${id}`;
  const key = `${id}@${moment.position ?? news}@${me.value}`;
  return useLoad(key, async (signal) => {
    const { question, viewPosition } = await questions.getQuestion(
      { name, view: moment.view }, { signal },
    );
    // All of one position, so that the parts of the page fit each other.
    const view = { asOf: { case: "position" as const, value: viewPosition } };
    const [histories, items, network, poolHidden] = await Promise.all([
      views.batchGetHistories({ questions: [name], withPool: true, view }, { signal }),
      all(
        (page) => evidence.listEvidence({ parent: question!.network, page, view }, { signal }),
        (response) => response.evidence,
      ),
      networks.getNetwork({ name: question!.network, view }, { signal }),
      isPoolHidden(question!, view, signal),
    ]);
    const history = histories.histories[0]!;
    return {
      question: question!,
      history: poolHidden ? { ...history, pool: [] } : history,
      evidence: items,
      network: network.network!,
      position: viewPosition,
      poolHidden,
    };
  });
}

// What does.
export function useInstant(id: string, moment: Moment, base: Base | undefined, state: string) {
  const name = `questions/${id}`;
  const key = base === undefined ? undefined : `${id}@${base.position}@${moment.at ?? ""}@${state}@${base.poolHidden}`;
  return useLoad(key, async (signal) => {
    const view = { asOf: { case: "position" as const, value: base!.position } };
    const target = { name, view, ...(moment.effectiveTime && { effectiveTime: moment.effectiveTime }) };
    const time = moment.effectiveTime === undefined ? {} : { effectiveTime: moment.effectiveTime };
    const numeric = base!.network.model?.numeric !== undefined;
    const modelled = !base!.question.withoutModel;
    const [question, posterior, explanation, pool, standing, ranks, scored, alarms] = await Promise.all([
      questions.getQuestion({ name, view, ...time }, { signal }),
      modelled ? inference.queryPosterior({ target }, { signal }) : undefined,
      modelled && !numeric ? inference.explainPosterior({ target, state }, { signal }) : undefined,
      forecasts.getPool({ parent: name, view, ...time }, { signal }),
      all(
        (page) => forecasts.listForecasts({ parent: name, standingOnly: true, page, view, ...time }, { signal }),
        (response) => response.forecasts,
      ),
      modelled && !numeric ? inference.rankIndicators({ target }, { signal }) : undefined,
      // What came after an implied instant still tells how good it was.
      scores.listScores({ question: name, view, ...(!moment.implied && time), page: { pageSize: 1000 } }, { signal }),
      all(
        (page) => inference.listCoherenceAlarms({ parent: name, page, view, ...time }, { signal }),
        (response) => response.alarms,
      ),
    ]);
    return {
      question: question.question!, posterior, explanation,
      ...(base!.poolHidden ? { pool: { ...pool, probabilities: [], numeric: undefined, members: [] }, standing: [] } : { pool, standing }),
      indicators: ranks?.indicators ?? [], scores: scored.scores,
      alarms: alarms.filter(({ subject }) => !base!.poolHidden || subject === "model"),
    };
  }, moment.at === undefined ? 0 : DRAG_MILLISECONDS);
}

export type Instant = NonNullable<ReturnType<typeof useInstant>["data"]>;

// Whether an item counts at an instant; without one, whether it counts now.
export function inForce(item: Evidence, at: number | undefined): boolean {
  const instant = at ?? Infinity;
  const end = item.endTime === undefined ? Infinity : secondsOf(item.endTime);
  return secondsOf(item.effectiveTime) <= instant && (end > instant || (at === undefined && end === Infinity));
}
