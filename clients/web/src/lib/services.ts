// The services that later views speak to. Apart from ./api, because a service is described by a good
// deal of data, which the first view would wait for.
import { createClient } from "@connectrpc/connect";

import { EvidenceService } from "../gen/credence/v1/evidence_service_pb";
import { ForecastService } from "../gen/credence/v1/forecast_service_pb";
import { InferenceService } from "../gen/credence/v1/inference_service_pb";
import { NetworkService } from "../gen/credence/v1/network_service_pb";
import { ScoreService } from "../gen/credence/v1/score_service_pb";
import { transport } from "./api";

export const evidence = createClient(EvidenceService, transport);
export const forecasts = createClient(ForecastService, transport);
export const inference = createClient(InferenceService, transport);
export const networks = createClient(NetworkService, transport);
export const scores = createClient(ScoreService, transport);
