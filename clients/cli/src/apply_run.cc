#include "apply_run.h"

#include <ostream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "format.h"
#include "google/protobuf/util/message_differencer.h"

namespace credence::cli {
namespace {

using google::protobuf::Message;

bool Same(const Message& a, const Message& b) {
  return google::protobuf::util::MessageDifferencer::Equivalent(a, b);
}

// The same error, with the place in the file before its message.
absl::Status AtPlace(const absl::Status& status, const Declaration& declaration) {
  const Place& place = declaration.place;
  return MakeError(status.code(),
                   absl::StrCat(place.file, ": document ", place.document, ", line ", place.line,
                                ": ", Describe(declaration), ": ", std::string(status.message())),
                   GetErrorDetail(status));
}

absl::Status OtherContent(const Declaration& declaration, const std::string& remedy) {
  ErrorDetail detail;
  detail.reason = "ALREADY_EXISTS";
  detail.metadata["resource"] = declaration.id;
  return MakeError(absl::StatusCode::kAlreadyExists,
                   absl::StrCat("'", declaration.id, "' exists with other content; ", remedy),
                   detail);
}

// Applies one declaration after the other.
class Applier {
 public:
  Applier(client::Client& client, const ApplyOptions& options)
      : client_(client), options_(options) {}

  absl::StatusOr<ApplyResult> Apply(const Declaration& declaration) {
    switch (declaration.kind) {
      case DeclarationKind::kSource:
        return ApplySource(declaration);
      case DeclarationKind::kForecaster:
        return ApplyForecaster(declaration);
      case DeclarationKind::kGradeTable:
        return ApplyGradeTable(declaration);
      case DeclarationKind::kNetwork:
        return ApplyNetwork(declaration);
      case DeclarationKind::kQuestion:
        return ApplyQuestion(declaration);
      case DeclarationKind::kEvidence:
        return ApplyEvidence(declaration);
      case DeclarationKind::kForecast:
        return ApplyForecast(declaration);
      case DeclarationKind::kWithdrawal:
        return ApplyWithdrawal(declaration);
      case DeclarationKind::kRetraction:
        return ApplyRetraction(declaration);
      case DeclarationKind::kResolution:
        return ApplyResolution(declaration);
    }
    return absl::InternalError("the declaration has no kind");
  }

 private:
  template <typename Spec>
  static const Spec& SpecOf(const Declaration& declaration) {
    return static_cast<const Spec&>(*declaration.spec);
  }

  v1::WriteOptions OptionsOf(const Declaration& declaration,
                             const std::string& circumstance) const {
    v1::WriteOptions options;
    options.set_request_id(RequestIdOf(declaration, circumstance));
    options.set_actor(declaration.actor);
    if (declaration.effective_time) {
      *options.mutable_effective_time() = ToProto(*declaration.effective_time);
    }
    return options;
  }

  // Sends a write, unless this is a dry run; a repeat of an earlier run has changed nothing.
  template <typename Response, typename Request>
  absl::StatusOr<ApplyResult> Write(const Request& request, ApplyResult result) {
    if (options_.dry_run) return result;
    CREDENCE_ASSIGN_OR_RETURN(const Response response, client_.Call<Response>(request));
    return response.receipt().duplicate() ? ApplyResult::kUnchanged : result;
  }

  absl::StatusOr<ApplyResult> ApplySource(const Declaration& declaration) {
    const auto& spec = SpecOf<v1::Source>(declaration);
    v1::GetSourceRequest get;
    get.set_name(NameIn("sources", declaration.id));
    const auto found = client_.GetSource(get);
    if (found.ok()) {
      const v1::Source& source = found->source();
      const bool same = source.display_name() == spec.display_name() &&
                        source.description() == spec.description() && source.url() == spec.url();
      if (same) return ApplyResult::kUnchanged;
      return OtherContent(declaration, "a source is not revised");
    }
    if (!absl::IsNotFound(found.status())) return found.status();
    v1::CreateSourceRequest request;
    request.set_source_id(declaration.id);
    *request.mutable_source() = spec;
    *request.mutable_options() = OptionsOf(declaration, "create");
    return Write<v1::CreateSourceResponse>(request, ApplyResult::kCreated);
  }

  absl::StatusOr<ApplyResult> ApplyForecaster(const Declaration& declaration) {
    const auto& spec = SpecOf<v1::Forecaster>(declaration);
    v1::GetForecasterRequest get;
    get.set_name(NameIn("forecasters", declaration.id));
    const auto found = client_.GetForecaster(get);
    if (found.ok()) {
      const v1::Forecaster& forecaster = found->forecaster();
      const bool same = forecaster.display_name() == spec.display_name() &&
                        forecaster.description() == spec.description();
      if (same) return ApplyResult::kUnchanged;
      return OtherContent(declaration, "a forecaster is not revised");
    }
    if (!absl::IsNotFound(found.status())) return found.status();
    v1::CreateForecasterRequest request;
    request.set_forecaster_id(declaration.id);
    *request.mutable_forecaster() = spec;
    *request.mutable_options() = OptionsOf(declaration, "create");
    return Write<v1::CreateForecasterResponse>(request, ApplyResult::kCreated);
  }

  // Entries in any order make the same table.
  static bool SameTable(const v1::GradeTable& a, const v1::GradeTable& b) {
    google::protobuf::util::MessageDifferencer differencer;
    differencer.set_message_field_comparison(
        google::protobuf::util::MessageDifferencer::EQUIVALENT);
    differencer.TreatAsMap(v1::GradeTable::descriptor()->FindFieldByName("grades"),
                           event::v1::GradeProbability::descriptor()->FindFieldByName("grade"));
    return differencer.Compare(a, b);
  }

  absl::StatusOr<ApplyResult> ApplyGradeTable(const Declaration& declaration) {
    const auto& spec = SpecOf<v1::GradeTable>(declaration);
    CREDENCE_ASSIGN_OR_RETURN(const auto current,
                              client_.GetGradeTable(v1::GetGradeTableRequest()));
    if (SameTable(current.grade_table(), spec)) return ApplyResult::kUnchanged;
    v1::SetGradeTableRequest request;
    *request.mutable_grade_table() = spec;
    // The table may be set back to what it was before: each setting is one of its own.
    *request.mutable_options() =
        OptionsOf(declaration, absl::StrCat("set at ", current.view_position()));
    return Write<v1::SetGradeTableResponse>(request, ApplyResult::kRevised);
  }

  absl::Status ValidateWhenDry(const v1::Network& network) {
    if (!options_.dry_run) return absl::OkStatus();
    v1::ValidateNetworkRequest request;
    *request.mutable_model() = network.model();
    return client_.ValidateNetwork(request).status();
  }

  absl::StatusOr<ApplyResult> ApplyNetwork(const Declaration& declaration) {
    const auto& spec = SpecOf<v1::Network>(declaration);
    v1::GetNetworkRequest get;
    get.set_name(NameIn("networks", declaration.id));
    const auto found = client_.GetNetwork(get);
    if (!found.ok() && !absl::IsNotFound(found.status())) return found.status();
    if (found.ok() && Same(found->network().model(), spec.model()) &&
        found->network().title() == spec.title()) {
      return ApplyResult::kUnchanged;
    }
    CREDENCE_RETURN_IF_ERROR(ValidateWhenDry(spec));
    if (found.ok()) {
      v1::ReviseNetworkRequest request;
      request.set_name(get.name());
      *request.mutable_network() = spec;
      *request.mutable_options() =
          OptionsOf(declaration, absl::StrCat("revise ", found->network().model_revision()));
      return Write<v1::ReviseNetworkResponse>(request, ApplyResult::kRevised);
    }
    v1::CreateNetworkRequest request;
    request.set_network_id(declaration.id);
    *request.mutable_network() = spec;
    *request.mutable_options() = OptionsOf(declaration, "create");
    return Write<v1::CreateNetworkResponse>(request, ApplyResult::kCreated);
  }

  // Fields that a question keeps for life; those that the file leaves out are the server's choice.
  static absl::Status CheckFixedFields(const Declaration& declaration, const v1::Question& spec,
                                       const v1::Question& found) {
    std::vector<std::string> changed;
    if (!spec.network().empty() && IdOf(spec.network()) != IdOf(found.network())) {
      changed.emplace_back("network");
    }
    if (!spec.node().empty() && spec.node() != found.node()) changed.emplace_back("node");
    if (spec.has_open_time() && !Same(spec.open_time(), found.open_time())) {
      changed.emplace_back("openTime");
    }
    if (spec.has_close_time() && !Same(spec.close_time(), found.close_time())) {
      changed.emplace_back("closeTime");
    }
    if (changed.empty()) return absl::OkStatus();
    return OtherContent(declaration, absl::StrCat("a question's ", absl::StrJoin(changed, ", "),
                                                  " cannot be changed"));
  }

  static void FillMask(const v1::Question& spec, const v1::Question& found,
                       google::protobuf::FieldMask* mask) {
    if (spec.title() != found.title()) mask->add_paths("title");
    if (spec.resolution_criteria() != found.resolution_criteria()) {
      mask->add_paths("resolution_criteria");
    }
    if (absl::StrJoin(spec.tags(), "\n") != absl::StrJoin(found.tags(), "\n")) {
      mask->add_paths("tags");
    }
    if (absl::StrJoin(spec.implied_questions(), "\n") !=
        absl::StrJoin(found.implied_questions(), "\n")) {
      mask->add_paths("implied_questions");
    }
    if (absl::StrJoin(spec.conjuncts(), "\n") != absl::StrJoin(found.conjuncts(), "\n")) {
      mask->add_paths("conjuncts");
    }
  }

  // Related questions may be given by id or by name.
  static v1::Question WithFullNames(v1::Question spec) {
    for (std::string& name : *spec.mutable_implied_questions()) name = NameIn("questions", name);
    for (std::string& name : *spec.mutable_conjuncts()) name = NameIn("questions", name);
    return spec;
  }

  absl::StatusOr<ApplyResult> ApplyQuestion(const Declaration& declaration) {
    const v1::Question spec = WithFullNames(SpecOf<v1::Question>(declaration));
    v1::GetQuestionRequest get;
    get.set_name(NameIn("questions", declaration.id));
    const auto found = client_.GetQuestion(get);
    if (!found.ok()) {
      if (!absl::IsNotFound(found.status())) return found.status();
      v1::CreateQuestionRequest request;
      request.set_question_id(declaration.id);
      *request.mutable_question() = spec;
      *request.mutable_options() = OptionsOf(declaration, "create");
      return Write<v1::CreateQuestionResponse>(request, ApplyResult::kCreated);
    }
    CREDENCE_RETURN_IF_ERROR(CheckFixedFields(declaration, spec, found->question()));
    v1::UpdateQuestionRequest request;
    FillMask(spec, found->question(), request.mutable_update_mask());
    if (request.update_mask().paths().empty()) return ApplyResult::kUnchanged;
    request.set_name(get.name());
    request.mutable_question()->set_title(spec.title());
    request.mutable_question()->set_resolution_criteria(spec.resolution_criteria());
    *request.mutable_question()->mutable_tags() = spec.tags();
    *request.mutable_question()->mutable_implied_questions() = spec.implied_questions();
    *request.mutable_question()->mutable_conjuncts() = spec.conjuncts();
    *request.mutable_options() =
        OptionsOf(declaration, absl::StrCat("update ", found->question().revision()));
    // The effective time says when the question began, not when its text was changed.
    request.mutable_options()->clear_effective_time();
    return Write<v1::UpdateQuestionResponse>(request, ApplyResult::kRevised);
  }

  // Sources may be given by id or by name.
  static bool SameModel(event::v1::EvidenceModel a, event::v1::EvidenceModel b) {
    a.set_source(IdOf(a.source()));
    b.set_source(IdOf(b.source()));
    return Same(a, b);
  }

  absl::StatusOr<ApplyResult> ApplyEvidence(const Declaration& declaration) {
    const auto& spec = SpecOf<v1::Evidence>(declaration);
    v1::GetEvidenceRequest get;
    get.set_name(absl::StrCat(declaration.parent, "/evidence/", declaration.id));
    const auto found = client_.GetEvidence(get);
    if (found.ok()) {
      event::v1::EvidenceModel model = spec.model();
      if (model.node().empty()) model.set_node(found->evidence().model().node());
      if (SameModel(found->evidence().model(), model)) return ApplyResult::kUnchanged;
      return OtherContent(declaration, "retract or supersede it");
    }
    if (!absl::IsNotFound(found.status())) return found.status();
    v1::CreateEvidenceRequest request;
    request.set_parent(declaration.parent);
    request.set_evidence_id(declaration.id);
    *request.mutable_evidence() = spec;
    *request.mutable_options() = OptionsOf(declaration, "create");
    return Write<v1::CreateEvidenceResponse>(request, ApplyResult::kCreated);
  }

  // All forecasts on a question as they were when it was first asked for, by id.
  absl::StatusOr<const std::map<std::string, v1::Forecast>*> ForecastsOn(
      const std::string& question) {
    const auto known = forecasts_.find(question);
    if (known != forecasts_.end()) return &known->second;
    std::map<std::string, v1::Forecast> forecasts;
    v1::ListForecastsRequest request;
    request.set_parent(question);
    request.mutable_page()->set_page_size(1000);
    do {
      const auto page = client_.ListForecasts(request);
      // In a dry run the question may be one that the file itself declares.
      if (absl::IsNotFound(page.status()) && options_.dry_run) break;
      if (!page.ok()) return page.status();
      for (const v1::Forecast& forecast : page->forecasts()) {
        forecasts.emplace(IdOf(forecast.name()), forecast);
      }
      request.mutable_page()->set_page_token(page->next_page_token());
    } while (!request.page().page_token().empty());
    return &forecasts_.emplace(question, std::move(forecasts)).first->second;
  }

  static bool SameForecast(const v1::Forecast& spec, const v1::Forecast& found) {
    if (IdOf(spec.forecaster()) != IdOf(found.forecaster())) return false;
    if (spec.rationale() != found.rationale()) return false;
    if (spec.has_distribution() != found.has_distribution()) return false;
    if (spec.has_distribution()) return Same(spec.distribution(), found.distribution());
    std::map<std::string, double> probabilities;
    for (const v1::StateProbability& state : found.probabilities()) {
      probabilities[state.state()] = state.probability();
    }
    constexpr double kTolerance = 1e-12;
    const auto near = [](double a, double b) { return a - b < kTolerance && b - a < kTolerance; };
    if (spec.has_probability()) {
      const double first = found.has_probability()         ? found.probability()
                           : found.probabilities().empty() ? -1
                                                           : found.probabilities(0).probability();
      return near(spec.probability(), first);
    }
    for (const v1::StateProbability& state : spec.probabilities()) {
      const auto entry = probabilities.find(state.state());
      if (entry == probabilities.end() || !near(entry->second, state.probability())) return false;
    }
    return true;
  }

  absl::StatusOr<ApplyResult> ApplyForecast(const Declaration& declaration) {
    const auto& spec = SpecOf<v1::Forecast>(declaration);
    CREDENCE_ASSIGN_OR_RETURN(const auto* forecasts, ForecastsOn(declaration.parent));
    const auto found = forecasts->find(declaration.id);
    if (found != forecasts->end()) {
      if (SameForecast(spec, found->second)) return ApplyResult::kUnchanged;
      return OtherContent(declaration, "give the new forecast another id");
    }
    v1::CreateForecastRequest request;
    request.set_parent(declaration.parent);
    request.set_forecast_id(declaration.id);
    *request.mutable_forecast() = spec;
    request.mutable_forecast()->set_forecaster(NameIn("forecasters", spec.forecaster()));
    *request.mutable_options() = OptionsOf(declaration, "create");
    return Write<v1::CreateForecastResponse>(request, ApplyResult::kCreated);
  }

  // A withdrawal leaves nothing that could be asked for by name: its request id alone tells whether
  // it was made.
  absl::StatusOr<ApplyResult> ApplyWithdrawal(const Declaration& declaration) {
    v1::WithdrawForecastRequest request = SpecOf<v1::WithdrawForecastRequest>(declaration);
    request.set_parent(declaration.parent);
    request.set_forecaster(NameIn("forecasters", request.forecaster()));
    *request.mutable_options() = OptionsOf(declaration, "withdraw");
    return Write<v1::WithdrawForecastResponse>(request, ApplyResult::kCreated);
  }

  absl::StatusOr<ApplyResult> ApplyRetraction(const Declaration& declaration) {
    v1::GetEvidenceRequest get;
    get.set_name(absl::StrCat(declaration.parent, "/evidence/", declaration.id));
    const auto found = client_.GetEvidence(get);
    const bool declared_here = options_.dry_run && absl::IsNotFound(found.status());
    if (!found.ok() && !declared_here) return found.status();
    if (found.ok() && found->evidence().state() == v1::Evidence::STATE_RETRACTED) {
      return ApplyResult::kUnchanged;
    }
    v1::RetractEvidenceRequest request = SpecOf<v1::RetractEvidenceRequest>(declaration);
    request.set_name(get.name());
    *request.mutable_options() = OptionsOf(declaration, "retract");
    return Write<v1::RetractEvidenceResponse>(request, ApplyResult::kCreated);
  }

  static bool SameResolution(const v1::Resolution& spec, const v1::Resolution& found) {
    // Of a number the ledger shows its text as the outcome besides.
    const bool same_end = spec.has_value()
                              ? found.has_value() && Exact(spec.value()) == Exact(found.value())
                              : spec.outcome() == found.outcome();
    return same_end && spec.rationale() == found.rationale() &&
           spec.has_occur_time() == found.has_occur_time() &&
           Same(spec.occur_time(), found.occur_time());
  }

  absl::StatusOr<ApplyResult> ApplyResolution(const Declaration& declaration) {
    const auto& spec = SpecOf<v1::Resolution>(declaration);
    v1::GetQuestionRequest get;
    get.set_name(declaration.parent);
    const auto found = client_.GetQuestion(get);
    const bool declared_here = options_.dry_run && absl::IsNotFound(found.status());
    if (!found.ok() && !declared_here) return found.status();
    if (found.ok() && found->question().state() == v1::Question::STATE_RESOLVED) {
      if (SameResolution(spec, found->question().resolution())) return ApplyResult::kUnchanged;
      v1::AmendResolutionRequest request;
      request.set_name(declaration.parent);
      *request.mutable_resolution() = spec;
      *request.mutable_options() =
          OptionsOf(declaration, absl::StrCat("amend ", found->question().revision()));
      return Write<v1::AmendResolutionResponse>(request, ApplyResult::kRevised);
    }
    v1::ResolveQuestionRequest request;
    request.set_name(declaration.parent);
    *request.mutable_resolution() = spec;
    *request.mutable_options() = OptionsOf(declaration, "resolve");
    return Write<v1::ResolveQuestionResponse>(request, ApplyResult::kCreated);
  }

  client::Client& client_;
  const ApplyOptions& options_;
  std::map<std::string, std::map<std::string, v1::Forecast>> forecasts_;
};

}  // namespace

absl::StatusOr<ApplySummary> Apply(client::Client& client, const ApplyOptions& options,
                                   std::vector<Declaration> declarations) {
  ApplySummary summary;
  Applier applier(client, options);
  for (Declaration& declaration : declarations) {
    if (declaration.actor.empty()) declaration.actor = options.actor;
    const absl::StatusOr<ApplyResult> result = applier.Apply(declaration);
    if (!result.ok()) return AtPlace(result.status(), declaration);
    ++summary.counts[declaration.kind][*result];
  }
  return summary;
}

void WriteSummary(const ApplySummary& summary, bool dry_run, std::ostream& out) {
  constexpr std::pair<ApplyResult, const char*> kWords[] = {{ApplyResult::kCreated, "created"},
                                                            {ApplyResult::kRevised, "revised"},
                                                            {ApplyResult::kUnchanged, "unchanged"}};
  for (const auto& [kind, counts] : summary.counts) {
    std::vector<std::string> parts;
    for (const auto& [result, word] : kWords) {
      const auto count = counts.find(result);
      if (count != counts.end()) parts.push_back(absl::StrCat(count->second, " ", word));
    }
    out << KindName(kind) << ": " << absl::StrJoin(parts, ", ") << "\n";
  }
  if (summary.counts.empty()) out << "the file declares nothing\n";
  if (dry_run) out << "dry run: nothing was recorded\n";
}

}  // namespace credence::cli
