// What the payloads of events may be. Apart, because only the ledger's view needs them all.
import { createRegistry } from "@bufbuild/protobuf";

import { file_credence_event_v1_author_events } from "../gen/credence/event/v1/author_events_pb";
import { file_credence_event_v1_forecast_events } from "../gen/credence/event/v1/forecast_events_pb";
import { file_credence_event_v1_learning_events } from "../gen/credence/event/v1/learning_events_pb";
import { file_credence_event_v1_ledger_events } from "../gen/credence/event/v1/ledger_events_pb";
import { file_credence_event_v1_network_events } from "../gen/credence/event/v1/network_events_pb";
import { file_credence_event_v1_question_events } from "../gen/credence/event/v1/question_events_pb";
import { file_credence_event_v1_text } from "../gen/credence/event/v1/text_pb";

export const eventRegistry = createRegistry(
  file_credence_event_v1_author_events,
  file_credence_event_v1_forecast_events,
  file_credence_event_v1_learning_events,
  file_credence_event_v1_ledger_events,
  file_credence_event_v1_network_events,
  file_credence_event_v1_question_events,
  file_credence_event_v1_text,
);
