// The server's services, typed from its protos. JSON on the wire, so that the network tab reads well;
// reads go by GET, so that what names a position is cached for ever.
import { createRegistry } from "@bufbuild/protobuf";
import { type Timestamp, timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";

import { file_credence_event_v1_author_events } from "../gen/credence/event/v1/author_events_pb";
import { file_credence_event_v1_forecast_events } from "../gen/credence/event/v1/forecast_events_pb";
import { file_credence_event_v1_learning_events } from "../gen/credence/event/v1/learning_events_pb";
import { file_credence_event_v1_ledger_events } from "../gen/credence/event/v1/ledger_events_pb";
import { file_credence_event_v1_network_events } from "../gen/credence/event/v1/network_events_pb";
import { file_credence_event_v1_question_events } from "../gen/credence/event/v1/question_events_pb";
import { file_credence_event_v1_text } from "../gen/credence/event/v1/text_pb";
import { EvidenceService } from "../gen/credence/v1/evidence_service_pb";
import { ForecastService } from "../gen/credence/v1/forecast_service_pb";
import { InferenceService } from "../gen/credence/v1/inference_service_pb";
import { LedgerService } from "../gen/credence/v1/ledger_service_pb";
import { NetworkService } from "../gen/credence/v1/network_service_pb";
import { QuestionService } from "../gen/credence/v1/question_service_pb";
import { ScoreService } from "../gen/credence/v1/score_service_pb";
import { ViewService } from "../gen/credence/v1/view_service_pb";
import { showToken } from "./access";
import { BadRequestSchema, ErrorInfoSchema } from "../gen/google/rpc/error_details_pb";

// What the payloads of events may be.
export const eventRegistry = createRegistry(
  file_credence_event_v1_author_events,
  file_credence_event_v1_forecast_events,
  file_credence_event_v1_learning_events,
  file_credence_event_v1_ledger_events,
  file_credence_event_v1_network_events,
  file_credence_event_v1_question_events,
  file_credence_event_v1_text,
);

const transport = createConnectTransport({
  baseUrl: window.location.origin,
  useBinaryFormat: false,
  useHttpGet: true,
  jsonOptions: { registry: eventRegistry },
  interceptors: [showToken],
});

export const questions = createClient(QuestionService, transport);
export const forecasts = createClient(ForecastService, transport);
export const evidence = createClient(EvidenceService, transport);
export const inference = createClient(InferenceService, transport);
export const networks = createClient(NetworkService, transport);
export const scores = createClient(ScoreService, transport);
export const ledger = createClient(LedgerService, transport);
export const views = createClient(ViewService, transport);

// All pages of a list that is drawn whole.
export async function all<Item, Response extends { nextPageToken: string }>(
  list: (page: { pageSize: number; pageToken: string }) => Promise<Response>,
  items: (response: Response) => Item[],
): Promise<Item[]> {
  const found: Item[] = [];
  let pageToken = "";
  do {
    const response = await list({ pageSize: 1000, pageToken });
    found.push(...items(response));
    pageToken = response.nextPageToken;
  } while (pageToken !== "");
  return found;
}

// What a person is told of an error: what was wrong and, where the server says so, in which field.
export interface Problem {
  message: string;
  reason: string;
  fields: { field: string; description: string }[];
}

export function problemOf(error: unknown): Problem {
  const connect = ConnectError.from(error);
  const fields = connect
    .findDetails(BadRequestSchema)
    .flatMap((detail) => detail.fieldViolations)
    .map(({ field, description }) => ({ field, description }));
  const reason = connect.findDetails(ErrorInfoSchema)[0]?.reason ?? "";
  const offline = connect.code === Code.Unknown && /fetch|network/i.test(connect.rawMessage);
  return {
    message: offline ? "The server does not answer. Is it running?" : connect.rawMessage,
    reason: offline ? "UNREACHABLE" : reason,
    fields,
  };
}

export function isAbsent(error: unknown): boolean {
  return ConnectError.from(error).code === Code.NotFound;
}

export function isAborted(error: unknown): boolean {
  return (
    (error instanceof DOMException && error.name === "AbortError") ||
    ConnectError.from(error).code === Code.Canceled
  );
}

export function dateOf(time: Timestamp | undefined): Date | undefined {
  return time === undefined ? undefined : timestampDate(time);
}

export function secondsOf(time: Timestamp | undefined): number {
  return time === undefined ? NaN : Number(time.seconds) + time.nanos / 1e9;
}

export function timestampOf(seconds: number): Timestamp {
  return timestampFromDate(new Date(Math.round(seconds * 1000)));
}

// The last part of a resource's name: `china` of `questions/china`.
export function idOf(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}
