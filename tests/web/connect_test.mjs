// The clients of the Connect protocol from npm, as their users have them, against the program.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createRegistry } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport as fromNode } from "@connectrpc/connect-node";
import { createConnectTransport as fromWeb } from "@connectrpc/connect-web";

import { file_credence_event_v1_forecast_events } from "./gen/credence/event/v1/forecast_events_pb.js";
import { file_credence_event_v1_learning_events } from "./gen/credence/event/v1/learning_events_pb.js";
import { file_credence_event_v1_ledger_events } from "./gen/credence/event/v1/ledger_events_pb.js";
import { file_credence_event_v1_network_events } from "./gen/credence/event/v1/network_events_pb.js";
import { file_credence_event_v1_question_events } from "./gen/credence/event/v1/question_events_pb.js";
import { ForecastService } from "./gen/credence/v1/forecast_service_pb.js";
import { LedgerService } from "./gen/credence/v1/ledger_service_pb.js";
import { QuestionService } from "./gen/credence/v1/question_service_pb.js";
import { ViewService } from "./gen/credence/v1/view_service_pb.js";
import { BadRequestSchema, ErrorInfoSchema } from "./gen/google/rpc/error_details_pb.js";

const baseUrl = process.env.CREDENCE_URL;
const NAME = "questions/china-recognizes";

// What events hold, for those who read them as JSON.
const jsonOptions = { registry: createRegistry(file_credence_event_v1_forecast_events, file_credence_event_v1_learning_events, file_credence_event_v1_ledger_events, file_credence_event_v1_network_events, file_credence_event_v1_question_events) };

const transports = {
  "connect-node, JSON": fromNode({ baseUrl, httpVersion: "1.1", useBinaryFormat: false, jsonOptions }),
  "connect-node, protobuf": fromNode({ baseUrl, httpVersion: "1.1", useBinaryFormat: true }),
  "connect-web, JSON": fromWeb({ baseUrl, useBinaryFormat: false, jsonOptions }),
  "connect-web, protobuf": fromWeb({ baseUrl, useBinaryFormat: true }),
};

for (const [kind, transport] of Object.entries(transports)) {
  const questions = createClient(QuestionService, transport);
  const forecasts = createClient(ForecastService, transport);
  const ledger = createClient(LedgerService, transport);

  test(`${kind}: a call answers with the message of the contract`, async () => {
    const { question, viewPosition } = await questions.getQuestion({ name: NAME });
    assert.equal(question.name, NAME);
    assert.ok(viewPosition > 100n);
    assert.equal(typeof question.publishedPosterior[0].probability, "number");
  });

  test(`${kind}: an error has its code, its reason and the field that was wrong`, async () => {
    const refused = await questions.getQuestion({ name: "questions/absent" }).catch((error) => error);
    assert.ok(refused instanceof ConnectError);
    assert.equal(refused.code, Code.NotFound);
    assert.equal(refused.findDetails(ErrorInfoSchema)[0].reason, "NOT_FOUND");
    const wrong = await forecasts.createForecaster({ forecasterId: "Not An Id", forecaster: {} }).catch((error) => error);
    assert.equal(wrong.code, Code.InvalidArgument);
    const [violation] = wrong.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations);
    assert.equal(violation.field, "forecaster_id");
  });

  test(`${kind}: a stream gives the past in order and then what is recorded`, async () => {
    const { treeHead } = await ledger.getTreeHead({});
    const id = kind.replaceAll(/[^a-z]+/gi, "-").toLowerCase();
    let next = 0n;
    let written = false;
    const leaving = new AbortController();
    for await (const message of ledger.watchEvents({ startPosition: 0n }, { signal: leaving.signal })) {
      for (const { envelope } of message.events) assert.equal(envelope.position, next++);
      if (next >= treeHead.treeSize && !written) {
        written = true;
        await forecasts.createForecaster({ forecasterId: id, forecaster: {} });
      }
      if (next > treeHead.treeSize) break;
    }
    leaving.abort();
    assert.ok(next > treeHead.treeSize);
  });

  test(`${kind}: a stream ends at the deadline that the caller set`, async () => {
    const read = async () => {
      for await (const message of ledger.watchEvents({}, { timeoutMs: 300 })) void message;
    };
    const ended = await read().catch((error) => error);
    assert.equal(ConnectError.from(ended).code, Code.DeadlineExceeded);
  });

  test(`${kind}: a stream that the caller leaves takes nothing with it`, async () => {
    const controller = new AbortController();
    const read = async () => {
      for await (const message of ledger.watchEvents({ startPosition: 0n }, { signal: controller.signal })) {
        void message;
        controller.abort();
      }
    };
    const ended = await read().catch((error) => error);
    assert.equal(ConnectError.from(ended).code, Code.Canceled);
    const { treeHead } = await ledger.getTreeHead({});
    assert.ok(treeHead.treeSize > 0n);
  });
}

test("reads go by GET, and what names a position may be kept for ever", async () => {
  const seen = [];
  const fetched = (input, init) => {
    seen.push([init?.method, String(input)]);
    return fetch(input, init).then((response) => {
      seen.at(-1).push(response.headers.get("cache-control"));
      return response;
    });
  };
  for (const useBinaryFormat of [false, true]) {
    const transport = fromWeb({ baseUrl, useHttpGet: true, useBinaryFormat, fetch: fetched });
    const questions = createClient(QuestionService, transport);
    const { viewPosition } = await questions.getQuestion({ name: NAME });
    const { question } = await questions.getQuestion({
      name: NAME, view: { asOf: { case: "position", value: viewPosition } },
    });
    assert.equal(question.name, NAME);
  }
  assert.deepEqual(seen.map(([method]) => method), ["GET", "GET", "GET", "GET"]);
  const immutable = seen.map(([, , cache]) => /immutable/.test(cache ?? ""));
  assert.deepEqual(immutable, [false, true, false, true]);
});

test("the history of a question by JSON and by protobuf has the same numbers to the last bit", async () => {
  const read = async (transport) => {
    const client = createClient(ViewService, transport);
    const { histories } = await client.batchGetHistories({ questions: [NAME], withPool: true });
    return histories[0].model.concat(histories[0].pool).map((point) => point.probabilities);
  };
  const json = await read(transports["connect-web, JSON"]);
  const binary = await read(transports["connect-web, protobuf"]);
  assert.ok(json.length > 100);
  assert.deepEqual(json, binary);
});
