#include "access/method_rules.h"

#include "absl/container/flat_hash_map.h"
#include "access/principal.h"
#include "credence/base/check.h"
#include "credence/base/strings.h"

namespace credence::server {
namespace {

constexpr v1::Role kReader = v1::ROLE_READER;
constexpr v1::Role kForecaster = v1::ROLE_FORECASTER;
constexpr v1::Role kAnalyst = v1::ROLE_ANALYST;
constexpr v1::Role kResolver = v1::ROLE_RESOLVER;
constexpr v1::Role kAuditor = v1::ROLE_AUDITOR;

// Who may read.
constexpr RoleSet kAll = {kReader, kForecaster, kAnalyst, kResolver, kAuditor};

constexpr MethodScope kCommon = MethodScope::kCommon;
constexpr MethodScope kLedger = MethodScope::kLedger;
constexpr MethodScope kNamed = MethodScope::kNamed;
constexpr MethodScope kNetwork = MethodScope::kNetwork;
constexpr MethodScope kTag = MethodScope::kTag;

std::vector<MethodRule> QuestionRules() {
  return {
      {"credence.v1.QuestionService/CreateQuestion",
       {kAnalyst},
       kNamed,
       {"question.network"},
       {},
       {},
       "question.tags"},
      {"credence.v1.QuestionService/BatchCreateQuestions",
       {kAnalyst},
       kNamed,
       {"items.question.network"},
       {},
       {},
       "items.question.tags"},
      {"credence.v1.QuestionService/GetQuestion", kAll, kNamed, {"name"}},
      {"credence.v1.QuestionService/ListQuestions", kAll, kTag, {"tag"}},
      {"credence.v1.QuestionService/UpdateQuestion",
       {kAnalyst},
       kNamed,
       {"name"},
       {},
       {},
       "question.tags"},
      {"credence.v1.QuestionService/OpenQuestion", {kAnalyst}, kNamed, {"name"}},
      {"credence.v1.QuestionService/CloseQuestion", {kAnalyst, kResolver}, kNamed, {"name"}},
      {"credence.v1.QuestionService/ResolveQuestion", {kResolver}, kNamed, {"name"}},
      {"credence.v1.QuestionService/AmendResolution", {kResolver}, kNamed, {"name"}},
      {"credence.v1.QuestionService/AnnulQuestion", {kResolver}, kNamed, {"name"}},
      {"credence.v1.QuestionService/BatchResolveQuestions", {kResolver}, kNamed, {"items.name"}},
      {"credence.v1.ViewService/BatchGetHistories", kAll, kNamed, {"questions"}},
      {"credence.v1.ViewService/SimulatePool", kAll, kNamed, {"parent"}},
  };
}

std::vector<MethodRule> NetworkRules() {
  return {
      // A network belongs to the tags of the questions that are put to it later.
      {"credence.v1.NetworkService/CreateNetwork", {kAnalyst}, kCommon},
      {"credence.v1.NetworkService/GetNetwork", kAll, kNamed, {"name"}},
      {"credence.v1.NetworkService/ListNetworks", kAll, kLedger},
      {"credence.v1.NetworkService/ReviseNetwork", {kAnalyst}, kNetwork, {"name"}},
      {"credence.v1.NetworkService/ListNetworkRevisions", kAll, kNamed, {"parent"}},
      {"credence.v1.NetworkService/ValidateNetwork", kAll, kCommon},
      {"credence.v1.EvidenceService/CreateEvidence", {kAnalyst}, kNetwork, {"parent"}},
      {"credence.v1.EvidenceService/BatchCreateEvidence", {kAnalyst}, kNetwork, {"parent"}},
      {"credence.v1.EvidenceService/GetEvidence", kAll, kNamed, {"name"}},
      {"credence.v1.EvidenceService/ListEvidence", kAll, kNamed, {"parent"}},
      {"credence.v1.EvidenceService/RetractEvidence", {kAnalyst}, kNetwork, {"name"}},
      {"credence.v1.EvidenceService/SupersedeEvidence", {kAnalyst}, kNetwork, {"name"}},
      {"credence.v1.EvidenceService/ClusterEvidence", {kAnalyst}, kNetwork, {"parent"}},
      {"credence.v1.EvidenceService/CreateSource", {kAnalyst}, kCommon},
      {"credence.v1.EvidenceService/GetSource", kAll, kCommon},
      {"credence.v1.EvidenceService/ListSources", kAll, kCommon},
      // It moves every posterior.
      {"credence.v1.EvidenceService/SetGradeTable", {kAnalyst}, kLedger},
      {"credence.v1.EvidenceService/GetGradeTable", kAll, kCommon},
      {"credence.v1.InferenceService/QueryPosterior", kAll, kNamed, {"target.name"}},
      {"credence.v1.InferenceService/ExplainPosterior", kAll, kNamed, {"target.name"}},
      {"credence.v1.InferenceService/SimulatePosterior", kAll, kNamed, {"target.name"}},
      {"credence.v1.InferenceService/RankIndicators", kAll, kNamed, {"target.name"}},
      {"credence.v1.InferenceService/AnalyzeSensitivity", kAll, kNamed, {"target.name"}},
      {"credence.v1.InferenceService/QueryJoint", kAll, kNamed, {"target.name"}},
      {"credence.v1.InferenceService/FindMostProbableExplanation", kAll, kNamed, {"target.name"}},
      {"credence.v1.InferenceService/AssessEvidence", kAll, kNamed, {"target.name"}},
      {"credence.v1.InferenceService/ListCoherenceAlarms", kAll, kNamed, {"parent"}},
      {"credence.v1.InferenceService/WatchCoherenceAlarms", kAll, kNamed, {"parent"}},
  };
}

std::vector<MethodRule> ForecastRules() {
  return {
      {"credence.v1.ForecastService/CreateForecaster",
       {kAnalyst},
       kCommon,
       {},
       {kForecaster},
       {"forecaster_id"}},
      {"credence.v1.ForecastService/BatchCreateForecasters", {kAnalyst}, kCommon},
      {"credence.v1.ForecastService/GetForecaster", kAll, kCommon},
      {"credence.v1.ForecastService/ListForecasters", kAll, kCommon},
      {"credence.v1.ForecastService/CreateForecast",
       {},
       kNamed,
       {"parent"},
       {kForecaster},
       {"forecast.forecaster"}},
      {"credence.v1.ForecastService/BatchCreateForecasts",
       {},
       kNamed,
       {"items.parent"},
       {kForecaster},
       {"items.forecast.forecaster"}},
      {"credence.v1.ForecastService/SealForecast",
       {},
       kNamed,
       {"parent"},
       {kForecaster},
       {"forecaster"}},
      // The name is a forecast's: what counts is whose.
      {"credence.v1.ForecastService/RevealForecast", {}, kNamed, {"name"}, {kForecaster}, {"name"}},
      {"credence.v1.ForecastService/WithdrawForecast",
       {},
       kNamed,
       {"parent"},
       {kForecaster},
       {"forecaster"}},
      {"credence.v1.ForecastService/ListForecasts", kAll, kNamed, {"parent"}},
      {"credence.v1.ForecastService/GetPool", kAll, kNamed, {"parent"}},
      {"credence.v1.ForecastService/ListPosteriors", kAll, kNamed, {"parent"}},
      {"credence.v1.ForecastService/WatchPosteriors", kAll, kNamed, {"parent"}},
      {"credence.v1.AuthorService/RegisterAuthorKey",
       {},
       kCommon,
       {},
       {kForecaster, kAnalyst},
       {"parent"},
       "",
       false,
       true},
      {"credence.v1.AuthorService/RevokeAuthorKey",
       {},
       kCommon,
       {},
       {kForecaster, kAnalyst},
       {"parent"},
       "",
       false,
       true},
      {"credence.v1.AuthorService/ListAuthorKeys", kAll, kCommon},
      {"credence.v1.ScoreService/ListScores", kAll, kNamed, {"question"}},
      {"credence.v1.ScoreService/GetScorecard", kAll, kTag, {"tag"}},
      {"credence.v1.ScoreService/GetLeaderboard", kAll, kTag, {"tag"}},
      {"credence.v1.ScoreService/GetCalibration", kAll, kTag, {"filter.tag"}},
      {"credence.v1.ScoreService/CompareForecasters", kAll, kTag, {"filter.tag"}},
  };
}

MethodRule Audited(MethodRule rule) {
  rule.audited = true;
  return rule;
}

std::vector<MethodRule> LedgerRules() {
  MethodRule caller{"credence.v1.AccessService/GetCaller", {}, kCommon};
  caller.anybody = true;
  return {
      {"credence.v1.LedgerService/ListEvents", kAll, kLedger},
      {"credence.v1.LedgerService/WatchEvents", kAll, kLedger},
      // Hashes and signatures tell nothing of what is hashed.
      {"credence.v1.LedgerService/GetTreeHead", kAll, kCommon},
      {"credence.v1.LedgerService/GetCheckpoint", kAll, kCommon},
      {"credence.v1.LedgerService/GetInclusionProof", kAll, kCommon},
      {"credence.v1.LedgerService/GetConsistencyProof", kAll, kCommon},
      {"credence.v1.LedgerService/GetTile", kAll, kLedger},
      {"credence.v1.LedgerService/RecordStreamHeads", {kAuditor}, kLedger},
      {"credence.v1.LedgerService/GetCompletenessProof", kAll, kLedger},
      {"credence.v1.LedgerService/GetServerInfo", kAll, kCommon},
      {"credence.v1.AdminService/CreateBacktestJob", {kAnalyst, kAuditor}, kLedger},
      {"credence.v1.AdminService/GetBacktestJob", {kAnalyst, kAuditor}, kLedger},
      Audited({"credence.v1.AdminService/CreateBackup", {}, kLedger}),
      Audited({"credence.v1.AdminService/EraseTexts", {}, kLedger}),
      Audited({"credence.v1.AccessService/CreateAccessGrant", {}, kLedger}),
      {"credence.v1.AccessService/ListAccessGrants", {kAuditor}, kLedger},
      Audited({"credence.v1.AccessService/RevokeAccessGrant", {}, kLedger}),
      caller,
      {kMetricsPath, {kAuditor}, kLedger},
  };
}

std::vector<MethodRule> MakeRules() {
  std::vector<MethodRule> rules;
  for (const auto& part : {QuestionRules(), NetworkRules(), ForecastRules(), LedgerRules()}) {
    rules.insert(rules.end(), part.begin(), part.end());
  }
  return rules;
}

}  // namespace

std::string RoleSet::Text() const {
  std::string text;
  for (int role = v1::Role_MIN; role <= v1::Role_MAX; ++role) {
    if (!Has(static_cast<v1::Role>(role))) continue;
    text += Cat(text.empty() ? "" : " or ", RoleText(static_cast<v1::Role>(role)));
  }
  return text;
}

const std::vector<MethodRule>& AllRules() {
  static const auto* const kRules = new std::vector<MethodRule>(MakeRules());
  return *kRules;
}

const MethodRule& RuleOf(std::string_view method) {
  static const auto* const kByMethod = [] {
    auto* by_method = new absl::flat_hash_map<std::string, const MethodRule*>;
    for (const MethodRule& rule : AllRules()) {
      const bool is_new = by_method->emplace(std::string(rule.method), &rule).second;
      CREDENCE_CHECK(is_new);
    }
    return by_method;
  }();
  const auto found = kByMethod->find(std::string(method));
  CREDENCE_CHECK(found != kByMethod->end());
  return *found->second;
}

}  // namespace credence::server
