#include "fake_ledger.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace credence::client {
namespace {

FakeReply Missing(const std::string& name) {
  return Refusal(absl::StatusCode::kNotFound, name + " does not exist");
}

template <typename Response, typename Item, typename Mutable>
FakeReply Read(const std::map<std::string, Item>& items, const std::string& name, Mutable item) {
  const auto found = items.find(name);
  if (found == items.end()) return Missing(name);
  Response response;
  *item(response) = found->second;
  return Answer(response);
}

}  // namespace

FakeLedger::FakeLedger() {
  ServeSources();
  ServeForecasters();
  ServeGrades();
  ServeNetworks();
  ServeQuestions();
  ServeResolutions();
  ServeEvidence();
  ServeForecasts();
}

template <typename Response, typename Request, typename Store>
FakeReply FakeLedger::Write(const Request& request, const std::string& label, Store store) {
  const auto next = static_cast<int64_t>(writes_.size());
  const std::string& id = request.options().request_id();
  const auto [known, fresh] = positions_by_request_id_.emplace(id, next);
  if (fresh) {
    store();
    writes_.push_back(label);
    options_[label] = request.options();
  }
  Response response;
  response.mutable_receipt()->set_position(known->second);
  response.mutable_receipt()->set_duplicate(!fresh);
  return Answer(response);
}

void FakeLedger::ServeSources() {
  server_.On<v1::GetSourceRequest>([this](const v1::GetSourceRequest& request) {
    return Read<v1::GetSourceResponse>(sources, request.name(),
                                       [](auto& response) { return response.mutable_source(); });
  });
  server_.On<v1::CreateSourceRequest>([this](const v1::CreateSourceRequest& request) {
    return Write<v1::CreateSourceResponse>(request, "CreateSource " + request.source_id(), [&] {
      sources["sources/" + request.source_id()] = request.source();
    });
  });
}

void FakeLedger::ServeForecasters() {
  server_.On<v1::GetForecasterRequest>([this](const v1::GetForecasterRequest& request) {
    return Read<v1::GetForecasterResponse>(
        forecasters, request.name(), [](auto& response) { return response.mutable_forecaster(); });
  });
  server_.On<v1::CreateForecasterRequest>([this](const v1::CreateForecasterRequest& request) {
    return Write<v1::CreateForecasterResponse>(
        request, "CreateForecaster " + request.forecaster_id(),
        [&] { forecasters["forecasters/" + request.forecaster_id()] = request.forecaster(); });
  });
}

void FakeLedger::ServeGrades() {
  server_.On<v1::GetGradeTableRequest>([this](const v1::GetGradeTableRequest&) {
    v1::GetGradeTableResponse response;
    *response.mutable_grade_table() = grades;
    response.set_view_position(static_cast<int64_t>(writes_.size()) - 1);
    return Answer(response);
  });
  server_.On<v1::SetGradeTableRequest>([this](const v1::SetGradeTableRequest& request) {
    return Write<v1::SetGradeTableResponse>(request, "SetGradeTable",
                                            [&] { grades = request.grade_table(); });
  });
}

void FakeLedger::ServeNetworks() {
  server_.On<v1::GetNetworkRequest>([this](const v1::GetNetworkRequest& request) {
    return Read<v1::GetNetworkResponse>(networks, request.name(),
                                        [](auto& response) { return response.mutable_network(); });
  });
  server_.On<v1::CreateNetworkRequest>([this](const v1::CreateNetworkRequest& request) {
    return Write<v1::CreateNetworkResponse>(request, "CreateNetwork " + request.network_id(), [&] {
      v1::Network& network = networks["networks/" + request.network_id()];
      network = request.network();
      network.set_model_revision(1);
    });
  });
  server_.On<v1::ReviseNetworkRequest>([this](const v1::ReviseNetworkRequest& request) {
    return Write<v1::ReviseNetworkResponse>(request, "ReviseNetwork " + request.name(), [&] {
      v1::Network& network = networks[request.name()];
      const int64_t revision = network.model_revision();
      network = request.network();
      network.set_model_revision(revision + 1);
    });
  });
  server_.On<v1::ValidateNetworkRequest>([](const v1::ValidateNetworkRequest& request) {
    if (request.model().nodes(0).node() == "bad") {
      return Refusal(absl::StatusCode::kInvalidArgument, "a cycle");
    }
    return Answer(v1::ValidateNetworkResponse());
  });
}

void FakeLedger::ServeQuestions() {
  server_.On<v1::GetQuestionRequest>([this](const v1::GetQuestionRequest& request) {
    return Read<v1::GetQuestionResponse>(
        questions, request.name(), [](auto& response) { return response.mutable_question(); });
  });
  server_.On<v1::CreateQuestionRequest>([this](const v1::CreateQuestionRequest& request) {
    return Write<v1::CreateQuestionResponse>(
        request, "CreateQuestion " + request.question_id(), [&] {
          v1::Question& question = questions["questions/" + request.question_id()];
          question = request.question();
          question.set_state(v1::Question::STATE_ACTIVE);
          question.set_revision(1);
        });
  });
  server_.On<v1::UpdateQuestionRequest>([this](const v1::UpdateQuestionRequest& request) {
    std::string label = "UpdateQuestion " + request.name();
    for (const std::string& path : request.update_mask().paths()) label += " " + path;
    return Write<v1::UpdateQuestionResponse>(request, label, [&] {
      v1::Question& question = questions[request.name()];
      question.set_title(request.question().title());
      question.set_resolution_criteria(request.question().resolution_criteria());
      *question.mutable_tags() = request.question().tags();
      question.set_revision(question.revision() + 1);
    });
  });
}

void FakeLedger::ServeResolutions() {
  const auto resolve = [this](const std::string& name, const v1::Resolution& resolution) {
    v1::Question& question = questions[name];
    *question.mutable_resolution() = resolution;
    question.set_state(v1::Question::STATE_RESOLVED);
    question.set_revision(question.revision() + 1);
  };
  server_.On<v1::ResolveQuestionRequest>([this,
                                          resolve](const v1::ResolveQuestionRequest& request) {
    return Write<v1::ResolveQuestionResponse>(request, "ResolveQuestion " + request.name(), [&] {
      resolve(request.name(), request.resolution());
    });
  });
  server_.On<v1::AmendResolutionRequest>([this,
                                          resolve](const v1::AmendResolutionRequest& request) {
    return Write<v1::AmendResolutionResponse>(request, "AmendResolution " + request.name(), [&] {
      resolve(request.name(), request.resolution());
    });
  });
}

void FakeLedger::ServeEvidence() {
  server_.On<v1::GetEvidenceRequest>([this](const v1::GetEvidenceRequest& request) {
    return Read<v1::GetEvidenceResponse>(
        evidence, request.name(), [](auto& response) { return response.mutable_evidence(); });
  });
  server_.On<v1::CreateEvidenceRequest>([this](const v1::CreateEvidenceRequest& request) {
    return Write<v1::CreateEvidenceResponse>(
        request, "CreateEvidence " + request.evidence_id(), [&] {
          v1::Evidence& item =
              evidence[absl::StrCat(request.parent(), "/evidence/", request.evidence_id())];
          item = request.evidence();
          item.set_state(v1::Evidence::STATE_ACTIVE);
        });
  });
  server_.On<v1::RetractEvidenceRequest>([this](const v1::RetractEvidenceRequest& request) {
    if (evidence.count(request.name()) == 0) return Missing(request.name());
    return Write<v1::RetractEvidenceResponse>(request, "RetractEvidence " + request.name(), [&] {
      evidence[request.name()].set_state(v1::Evidence::STATE_RETRACTED);
    });
  });
}

void FakeLedger::ServeForecasts() {
  server_.On<v1::ListForecastsRequest>([this](const v1::ListForecastsRequest& request) {
    if (questions.count(request.parent()) == 0) return Missing(request.parent());
    v1::ListForecastsResponse response;
    for (const auto& [name, forecast] : forecasts) {
      if (!absl::StartsWith(name, request.parent() + "/")) continue;
      *response.add_forecasts() = forecast;
      response.mutable_forecasts()->rbegin()->set_name(name);
    }
    return Answer(response);
  });
  server_.On<v1::CreateForecastRequest>([this](const v1::CreateForecastRequest& request) {
    return Write<v1::CreateForecastResponse>(
        request, "CreateForecast " + request.forecast_id(), [&] {
          forecasts[absl::StrCat(request.parent(), "/forecasts/", request.forecast_id())] =
              request.forecast();
        });
  });
  server_.On<v1::WithdrawForecastRequest>([this](const v1::WithdrawForecastRequest& request) {
    return Write<v1::WithdrawForecastResponse>(request, "WithdrawForecast " + request.forecaster(),
                                               [] {});
  });
}

}  // namespace credence::client
