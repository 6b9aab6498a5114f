#include "evidence_flags.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "credence/cli/exit_code.h"
#include "credence/cli/time.h"
#include "credence/v1/evidence_service.pb.h"
#include "format.h"
#include "yaml_message.h"

namespace credence::cli {
namespace {

using event::v1::EvidenceModel;

std::string ListText(const google::protobuf::RepeatedField<double>& values) {
  return absl::StrJoin(values, " ",
                       [](std::string* out, double value) { out->append(Rounded(value)); });
}

void Fill(const std::vector<double>& values, google::protobuf::RepeatedField<double>* field) {
  field->Assign(values.begin(), values.end());
}

// "3/10": successes of trials.
absl::Status FillCount(const EvidenceFlags& flags, EvidenceModel* model) {
  const size_t slash = flags.count.find('/');
  int64_t successes = 0;
  int64_t trials = 0;
  if (slash == std::string::npos || !absl::SimpleAtoi(flags.count.substr(0, slash), &successes) ||
      !absl::SimpleAtoi(flags.count.substr(slash + 1), &trials)) {
    return UsageError("--count: must be SUCCESSES/TRIALS, such as 3/10");
  }
  auto* count = model->mutable_count();
  count->set_success_count(successes);
  count->set_trial_count(trials);
  Fill(flags.success_probabilities, count->mutable_success_probabilities());
  return absl::OkStatus();
}

// "3/10d": events in an exposure.
absl::Status FillEvents(const EvidenceFlags& flags, EvidenceModel* model) {
  const size_t slash = flags.events.find('/');
  int64_t events = 0;
  if (slash == std::string::npos || !absl::SimpleAtoi(flags.events.substr(0, slash), &events)) {
    return UsageError("--events: must be EVENTS/DURATION, such as 3/10d");
  }
  CREDENCE_ASSIGN_OR_RETURN(const absl::Duration exposure,
                            ParseDuration(flags.events.substr(slash + 1)));
  auto* count = model->mutable_exposure_count();
  count->set_event_count(events);
  count->set_exposure_days(absl::FDivDuration(exposure, absl::Hours(24)));
  return absl::OkStatus();
}

absl::Status FillMeasurement(const EvidenceFlags& flags, EvidenceModel* model) {
  if (!flags.measured) {
    if (!flags.deviation && !flags.sample_count && !flags.sample_deviation) return absl::OkStatus();
    return UsageError("--deviation, --sample-count and --sample-deviation go with --measured");
  }
  auto* measurement = model->mutable_measurement();
  measurement->set_value(*flags.measured);
  if (flags.deviation) measurement->set_deviation(*flags.deviation);
  if (flags.sample_count) measurement->set_sample_count(*flags.sample_count);
  if (flags.sample_deviation) measurement->set_sample_deviation(*flags.sample_deviation);
  return absl::OkStatus();
}

absl::Status FillStatement(const EvidenceFlags& flags, EvidenceModel* model) {
  const int forms = flags.likelihood_ratio.has_value() + flags.decibans.has_value() +
                    flags.hazard_ratio.has_value() + !flags.likelihoods.empty() +
                    !flags.new_marginal.empty() + !flags.stated.empty() + !flags.observed.empty() +
                    !flags.count.empty() + !flags.events.empty() + flags.measured.has_value();
  if (forms > 1) {
    return UsageError(
        "give one of --likelihood-ratio, --decibans, --likelihoods, --observed, --new-marginal, "
        "--count, --events, --measured, --stated, --hazard-ratio");
  }
  if (forms == 0 && model->statement_case() == EvidenceModel::STATEMENT_NOT_SET) {
    return UsageError(
        "what does the item say? Give --likelihood-ratio, --likelihoods, --observed or another "
        "form");
  }
  if (flags.likelihood_ratio) model->set_likelihood_ratio(*flags.likelihood_ratio);
  if (flags.decibans) model->set_weight_decibans(*flags.decibans);
  if (flags.hazard_ratio) model->set_hazard_ratio(*flags.hazard_ratio);
  if (!flags.observed.empty()) model->set_observed_state(flags.observed);
  if (!flags.likelihoods.empty()) {
    Fill(flags.likelihoods, model->mutable_likelihoods()->mutable_values());
  }
  if (!flags.new_marginal.empty()) {
    Fill(flags.new_marginal, model->mutable_new_marginal()->mutable_values());
  }
  if (!flags.stated.empty()) {
    Fill(flags.stated, model->mutable_stated_probability()->mutable_probabilities());
  }
  CREDENCE_RETURN_IF_ERROR(FillMeasurement(flags, model));
  if (!flags.events.empty()) return FillEvents(flags, model);
  return flags.count.empty() ? absl::OkStatus() : FillCount(flags, model);
}

// A file holds an Evidence, as in `apply`, whose only part that is written by hand is the model.
absl::Status FillFromFile(CliContext& context, const std::string& file, EvidenceModel* model) {
  v1::Evidence evidence;
  CREDENCE_RETURN_IF_ERROR(ReadMessage(file, context.in(), &evidence));
  *model = evidence.model();
  return absl::OkStatus();
}

}  // namespace

void AddEvidenceFlags(CLI::App* command, EvidenceFlags* flags) {
  command->add_option("-f,--file", flags->file,
                      "Item in YAML or JSON, as {model: {...}}; - for standard input");
  command->add_option("--node", flags->node, "Node that it bears on");
  command->add_option("--summary", flags->summary, "What was reported, in one sentence");
  command->add_option("--url", flags->url, "Where it can be read");
  command->add_option("--source", flags->source, "Who reported it: a registered source");
  command->add_option("--grade", flags->grade, "Admiralty grade such as B2");
  command->add_option("--reliability", flags->reliability,
                      "Probability that the report tracks the truth; stands above the grade");
  command->add_option("--noise-likelihood", flags->noise_likelihood,
                      "Likelihood of such a report where the source does not track the truth");
  command->add_option("--occur-time", flags->occur_time,
                      "When it happened; a date alone means 12:00Z");
  command->add_option("--half-life", flags->half_life,
                      "Time after which its weight has halved, such as 90d");
  command->add_option("--cluster", flags->cluster, "Items of one cluster share an origin");
  command->add_option("--cluster-correlation", flags->cluster_correlation,
                      "Correlation within the cluster, 0 to 1");
  command->add_option("--spread", flags->spread_decibans,
                      "How uncertain its weight is itself: a standard deviation in decibans");
  command->add_option("--likelihood-ratio", flags->likelihood_ratio,
                      "P(report | first state) / P(report | second state)");
  command->add_option("--decibans", flags->decibans, "The same as a weight in decibans");
  command->add_option("--likelihoods", flags->likelihoods, "A likelihood for each state")
      ->delimiter(',');
  command->add_option("--observed", flags->observed, "The node was seen in this state");
  command
      ->add_option("--new-marginal", flags->new_marginal, "The node's probabilities become these")
      ->delimiter(',');
  command->add_option("--stated", flags->stated, "Probabilities that somebody states")
      ->delimiter(',');
  command->add_option("--count", flags->count,
                      "SUCCESSES/TRIALS; with --success-probabilities where the node has states");
  command->add_option("--events", flags->events,
                      "EVENTS/DURATION such as 3/10d, where the question asks for a number");
  command->add_option("--measured", flags->measured,
                      "A measured value, where the question asks for a number");
  command->add_option("--deviation", flags->deviation,
                      "Standard deviation of one measurement; the question's where absent");
  command->add_option("--sample-count", flags->sample_count,
                      "Measurements that the value is the mean of");
  command->add_option("--sample-deviation", flags->sample_deviation,
                      "Their sample standard deviation, where the variance is to be learned");
  command
      ->add_option("--success-probabilities", flags->success_probabilities,
                   "Probability of success for each state")
      ->delimiter(',');
  command->add_option("--hazard-ratio", flags->hazard_ratio,
                      "From the occur time on, the event comes this many times as fast");
}

absl::StatusOr<EvidenceModel> MakeEvidence(CliContext& context, const EvidenceFlags& flags) {
  EvidenceModel model;
  if (!flags.file.empty()) CREDENCE_RETURN_IF_ERROR(FillFromFile(context, flags.file, &model));
  if (!flags.node.empty()) model.set_node(flags.node);
  if (!flags.summary.empty()) model.set_summary(flags.summary);
  if (!flags.url.empty()) model.set_url(flags.url);
  if (!flags.source.empty()) model.set_source(NameIn("sources", flags.source));
  if (!flags.grade.empty()) model.set_grade(flags.grade);
  if (!flags.cluster.empty()) model.set_cluster(flags.cluster);
  if (flags.reliability) model.set_reliability(*flags.reliability);
  if (flags.noise_likelihood) model.set_noise_likelihood(*flags.noise_likelihood);
  if (flags.cluster_correlation) model.set_cluster_correlation(*flags.cluster_correlation);
  if (flags.spread_decibans) model.set_spread_decibans(*flags.spread_decibans);
  CREDENCE_ASSIGN_OR_RETURN(const auto time,
                            TimeFlag(context, "--occur-time", flags.occur_time, absl::Hours(12)));
  if (time) *model.mutable_occur_time() = *time;
  if (!flags.half_life.empty()) {
    CREDENCE_ASSIGN_OR_RETURN(const absl::Duration half_life, ParseDuration(flags.half_life));
    *model.mutable_half_life_duration() = ToProto(half_life);
  }
  CREDENCE_RETURN_IF_ERROR(FillStatement(flags, &model));
  return model;
}

std::string StatementText(const EvidenceModel& model) {
  switch (model.statement_case()) {
    case EvidenceModel::kLikelihoodRatio:
      return absl::StrCat("ratio ", Rounded(model.likelihood_ratio()));
    case EvidenceModel::kWeightDecibans:
      return absl::StrCat(Decibans(model.weight_decibans()), " decibans");
    case EvidenceModel::kLikelihoodPair:
      return absl::StrCat("likelihoods ", Rounded(model.likelihood_pair().given_true()), " ",
                          Rounded(model.likelihood_pair().given_false()));
    case EvidenceModel::kLikelihoods:
      return absl::StrCat("likelihoods ", ListText(model.likelihoods().values()));
    case EvidenceModel::kObservedState:
      return absl::StrCat("observed ", model.observed_state());
    case EvidenceModel::kNewMarginal:
      return absl::StrCat("marginal ", ListText(model.new_marginal().values()));
    case EvidenceModel::kCount:
      return absl::StrCat(model.count().success_count(), " of ", model.count().trial_count());
    case EvidenceModel::kExposureCount:
      return absl::StrCat(model.exposure_count().event_count(), " in ",
                          Rounded(model.exposure_count().exposure_days()), " days");
    case EvidenceModel::kStatedProbability:
      return absl::StrCat("stated ", ListText(model.stated_probability().probabilities()));
    case EvidenceModel::kMeasurement:
      return absl::StrCat("measured ", Rounded(model.measurement().value()));
    case EvidenceModel::kHazardRatio:
      return absl::StrCat("hazard ratio ", Rounded(model.hazard_ratio()));
    case EvidenceModel::STATEMENT_NOT_SET:
      break;
  }
  return "";
}

}  // namespace credence::cli
