// What the first view needs of the server's services, typed from its protos; ./services has the rest.
// Reads go by GET, so that what names a position is cached for ever.
import { type Timestamp, timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";

import { LedgerService } from "../gen/credence/v1/ledger_service_pb";
import { QuestionService } from "../gen/credence/v1/question_service_pb";
import { ViewService } from "../gen/credence/v1/view_service_pb";
import { showToken } from "./access";
import { BadRequestSchema, ErrorInfoSchema } from "../gen/google/rpc/error_details_pb";

export const transport = createConnectTransport({
  baseUrl: window.location.origin,
  useBinaryFormat: true,
  useHttpGet: true,
  interceptors: [showToken],
});

export const questions = createClient(QuestionService, transport);
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
