#include "apply_file.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "credence/base/check.h"
#include "credence/base/status_macros.h"
#include "credence/cli/suggestion.h"
#include "credence/cli/time.h"
#include "credence/client/request_id.h"
#include "credence/v1/evidence_service.pb.h"
#include "credence/v1/forecast_service.pb.h"
#include "credence/v1/network_service.pb.h"
#include "credence/v1/question.pb.h"
#include "format.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace credence::cli {
namespace {

using google::protobuf::Message;

enum class IdRule { kRequired, kMadeIfAbsent, kNone };
enum class ParentRule { kNone, kNetworkOrQuestion, kQuestion };

struct KindRule {
  std::string_view name;
  IdRule id;
  ParentRule parent;
};

bool SaysHowItEnded(const v1::Resolution& resolution) {
  return !resolution.outcome().empty() || resolution.has_value() || resolution.has_fraction() ||
         resolution.unscored() != event::v1::UNSCORED_UNSPECIFIED;
}

// In the order of DeclarationKind.
constexpr KindRule kRules[] = {
    {"Source", IdRule::kRequired, ParentRule::kNone},
    {"Forecaster", IdRule::kRequired, ParentRule::kNone},
    {"GradeTable", IdRule::kNone, ParentRule::kNone},
    {"Network", IdRule::kRequired, ParentRule::kNone},
    {"Question", IdRule::kRequired, ParentRule::kNone},
    {"Evidence", IdRule::kMadeIfAbsent, ParentRule::kNetworkOrQuestion},
    {"Forecast", IdRule::kMadeIfAbsent, ParentRule::kQuestion},
    {"Withdrawal", IdRule::kNone, ParentRule::kQuestion},
    {"Retraction", IdRule::kRequired, ParentRule::kNetworkOrQuestion},
    {"Resolution", IdRule::kNone, ParentRule::kQuestion},
};

const KindRule& RuleOf(DeclarationKind kind) { return kRules[static_cast<size_t>(kind)]; }

std::unique_ptr<Message> NewSpec(DeclarationKind kind) {
  switch (kind) {
    case DeclarationKind::kSource:
      return std::make_unique<v1::Source>();
    case DeclarationKind::kForecaster:
      return std::make_unique<v1::Forecaster>();
    case DeclarationKind::kGradeTable:
      return std::make_unique<v1::GradeTable>();
    case DeclarationKind::kNetwork:
      return std::make_unique<v1::Network>();
    case DeclarationKind::kQuestion:
      return std::make_unique<v1::Question>();
    case DeclarationKind::kEvidence:
      return std::make_unique<v1::Evidence>();
    case DeclarationKind::kForecast:
      return std::make_unique<v1::Forecast>();
    case DeclarationKind::kWithdrawal:
      return std::make_unique<v1::WithdrawForecastRequest>();
    case DeclarationKind::kRetraction:
      return std::make_unique<v1::RetractEvidenceRequest>();
    case DeclarationKind::kResolution:
      return std::make_unique<v1::Resolution>();
  }
  CREDENCE_CHECK(false);
}

// The same bytes for the same content, which plain serialisation does not promise.
std::string CanonicalBytes(const Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

// Reads the declarations of one document.
class DocumentReader {
 public:
  DocumentReader(const YamlDocument& document, std::vector<Declaration>* declarations)
      : document_(document), declarations_(*declarations) {}

  absl::Status Read() {
    const YAML::Node& node = document_.node();
    if (!node.IsMap()) return Error(node, "", "the document must be a mapping with a kind");
    const std::string kind_name = node["kind"] ? node["kind"].Scalar() : "";
    const bool list = kind_name == "EvidenceList" || kind_name == "ForecastList";
    CREDENCE_ASSIGN_OR_RETURN(
        kind_, ParseKind(node, list ? kind_name.substr(0, kind_name.size() - 4) : kind_name));
    CREDENCE_RETURN_IF_ERROR(
        CheckKeys(node, "",
                  list ? std::vector<std::string>{"kind", "parent", "actor", "backfill", "items"}
                       : std::vector<std::string>{"kind", "id", "parent", "actor", "effectiveTime",
                                                  "backfill", "spec"}));
    CREDENCE_RETURN_IF_ERROR(ReadCommon(node));
    if (!list) return ReadItem(node, "");
    const YAML::Node items = node["items"];
    if (!items || !items.IsSequence()) return Error(node, "items", "must be a list");
    for (size_t index = 0; index < items.size(); ++index) {
      const std::string path = absl::StrCat("items[", index, "]");
      if (!items[index].IsMap()) return Error(items[index], path, "must be a mapping with a spec");
      CREDENCE_RETURN_IF_ERROR(
          CheckKeys(items[index], path + ".", {"id", "effectiveTime", "spec"}));
      CREDENCE_RETURN_IF_ERROR(ReadItem(items[index], path + "."));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Error(const YAML::Node& node, const std::string& field, const std::string& text) {
    return ErrorAt(document_.PlaceOf(node), field, text);
  }

  absl::StatusOr<DeclarationKind> ParseKind(const YAML::Node& node, const std::string& name) {
    std::vector<std::string> names = {"EvidenceList", "ForecastList"};
    for (size_t index = 0; index < std::size(kRules); ++index) {
      if (name == kRules[index].name) return static_cast<DeclarationKind>(index);
      names.emplace_back(kRules[index].name);
    }
    if (name.empty()) {
      return Error(node, "kind", absl::StrCat("is required: one of ", absl::StrJoin(names, ", ")));
    }
    return Error(node["kind"], "kind",
                 absl::StrCat("'", name, "' is no kind", DidYouMean(name, names)));
  }

  absl::Status CheckKeys(const YAML::Node& node, const std::string& prefix,
                         const std::vector<std::string>& known) {
    std::vector<std::string> seen;
    for (const auto& entry : node) {
      const std::string& key = entry.first.Scalar();
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        return Error(entry.first, prefix + key,
                     absl::StrCat("is not known here", DidYouMean(key, known)));
      }
      if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
        return Error(entry.first, prefix + key, "is given twice");
      }
      seen.push_back(key);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Text(const YAML::Node& node, const std::string& prefix,
                                   const std::string& key) {
    const YAML::Node value = node[key];
    if (!value || value.IsNull()) return std::string();
    if (!value.IsScalar()) return Error(value, prefix + key, "must be a text");
    return value.Scalar();
  }

  absl::Status ReadCommon(const YAML::Node& node) {
    CREDENCE_ASSIGN_OR_RETURN(parent_, Text(node, "", "parent"));
    CREDENCE_ASSIGN_OR_RETURN(actor_, Text(node, "", "actor"));
    CREDENCE_ASSIGN_OR_RETURN(const std::string backfill, Text(node, "", "backfill"));
    if (!backfill.empty() && backfill != "true" && backfill != "false") {
      return Error(node["backfill"], "backfill", "must be true or false");
    }
    backfill_ = backfill == "true";
    return CheckParent(node);
  }

  absl::Status CheckParent(const YAML::Node& node) {
    const ParentRule rule = RuleOf(kind_).parent;
    const YAML::Node& where = parent_.empty() ? node : node["parent"];
    if (rule == ParentRule::kNone) {
      return parent_.empty() ? absl::OkStatus() : Error(where, "parent", "has no meaning here");
    }
    const bool question = absl::StartsWith(parent_, "questions/");
    const bool network = absl::StartsWith(parent_, "networks/");
    if (question || (network && rule == ParentRule::kNetworkOrQuestion)) return absl::OkStatus();
    return Error(where, "parent",
                 rule == ParentRule::kQuestion ? "must be questions/QUESTION"
                                               : "must be networks/NETWORK or questions/QUESTION");
  }

  absl::Status ReadItem(const YAML::Node& node, const std::string& prefix) {
    Declaration declaration;
    declaration.kind = kind_;
    declaration.parent = parent_;
    declaration.actor = actor_;
    declaration.place = document_.PlaceOf(node);
    declaration.spec = NewSpec(kind_);
    const YAML::Node spec = node["spec"];
    if (spec && !spec.IsNull()) {
      CREDENCE_RETURN_IF_ERROR(
          YamlToMessage(document_, spec, prefix + "spec", declaration.spec.get()));
    } else if (kind_ != DeclarationKind::kRetraction) {
      return Error(node, prefix + "spec", "is required");
    }
    CREDENCE_RETURN_IF_ERROR(CheckSpec(node, prefix, *declaration.spec));
    CREDENCE_ASSIGN_OR_RETURN(declaration.effective_time,
                              EffectiveTime(node, prefix, *declaration.spec));
    CREDENCE_ASSIGN_OR_RETURN(declaration.id, IdOfItem(node, prefix, declaration));
    declarations_.push_back(std::move(declaration));
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> IdOfItem(const YAML::Node& node, const std::string& prefix,
                                       const Declaration& declaration) {
    CREDENCE_ASSIGN_OR_RETURN(const std::string id, Text(node, prefix, "id"));
    const IdRule rule = RuleOf(kind_).id;
    if (rule == IdRule::kNone) {
      if (id.empty()) return id;
      return Error(node["id"], prefix + "id", "has no meaning here");
    }
    if (!id.empty() || rule != IdRule::kMadeIfAbsent) {
      if (id.empty()) return Error(node, prefix + "id", "is required");
      if (id.find('/') == std::string::npos) return id;
      return Error(node["id"], prefix + "id", "must be an id without '/'");
    }
    // The first twelve digits of a UUID of the content, after a letter: a legal id.
    const std::string uuid = RequestIdOf(declaration, "id");
    return absl::StrCat("e-", uuid.substr(0, 8), uuid.substr(9, 4));
  }

  absl::StatusOr<std::optional<absl::Time>> EffectiveTime(const YAML::Node& node,
                                                          const std::string& prefix,
                                                          const Message& spec) {
    CREDENCE_ASSIGN_OR_RETURN(const std::string text, Text(node, prefix, "effectiveTime"));
    const bool evidence = kind_ == DeclarationKind::kEvidence;
    if (!text.empty()) {
      const absl::StatusOr<absl::Time> time =
          ParseFixedTime(text, evidence ? absl::Hours(12) : absl::ZeroDuration());
      if (time.ok()) return std::optional(*time);
      return Error(node["effectiveTime"], prefix + "effectiveTime",
                   std::string(time.status().message()));
    }
    if (!backfill_) return std::optional<absl::Time>();
    if (!evidence) return Error(node, prefix + "effectiveTime", "is required for backfill");
    const auto& model = static_cast<const v1::Evidence&>(spec).model();
    if (!model.has_occur_time()) {
      return Error(node, prefix + "spec.model.occurTime", "is required for backfill");
    }
    return std::optional(ToTime(model.occur_time()));
  }

  // What the file can be told at once; the rest is the server's to judge.
  absl::Status CheckSpec(const YAML::Node& node, const std::string& prefix, const Message& spec) {
    const auto require = [&](bool present, const char* field) {
      return present ? absl::OkStatus() : Error(node, prefix + "spec." + field, "is required");
    };
    switch (kind_) {
      case DeclarationKind::kGradeTable:
        return require(!static_cast<const v1::GradeTable&>(spec).grades().empty(), "grades");
      case DeclarationKind::kNetwork:
        return require(!static_cast<const v1::Network&>(spec).model().nodes().empty(),
                       "model.nodes");
      case DeclarationKind::kQuestion:
        return require(!static_cast<const v1::Question&>(spec).title().empty(), "title");
      case DeclarationKind::kEvidence: {
        const auto& model = static_cast<const v1::Evidence&>(spec).model();
        CREDENCE_RETURN_IF_ERROR(require(
            !model.node().empty() || absl::StartsWith(parent_, "questions/"), "model.node"));
        if (model.statement_case() != event::v1::EvidenceModel::STATEMENT_NOT_SET) {
          return absl::OkStatus();
        }
        return Error(node, prefix + "spec.model", "needs a statement, such as likelihoodRatio");
      }
      case DeclarationKind::kForecast: {
        const auto& forecast = static_cast<const v1::Forecast&>(spec);
        CREDENCE_RETURN_IF_ERROR(require(!forecast.forecaster().empty(), "forecaster"));
        return require(forecast.has_probability() || !forecast.probabilities().empty() ||
                           forecast.has_distribution(),
                       "probability");
      }
      case DeclarationKind::kWithdrawal:
        return require(!static_cast<const v1::WithdrawForecastRequest&>(spec).forecaster().empty(),
                       "forecaster");
      case DeclarationKind::kResolution:
        return require(SaysHowItEnded(static_cast<const v1::Resolution&>(spec)), "outcome");
      default:
        return absl::OkStatus();
    }
  }

  const YamlDocument& document_;
  std::vector<Declaration>& declarations_;
  DeclarationKind kind_ = DeclarationKind::kSource;
  std::string parent_;
  std::string actor_;
  bool backfill_ = false;
};

// Withdrawals and resolutions have no id: they are told apart by their content and their time.
std::string IdentityOf(const Declaration& declaration) {
  const std::string time =
      declaration.effective_time ? FormatInstant(*declaration.effective_time) : "";
  const bool plain = RuleOf(declaration.kind).id != IdRule::kNone;
  return absl::StrCat(KindName(declaration.kind), "\n", declaration.parent, "\n", declaration.id,
                      "\n", plain ? "" : absl::StrCat(time, CanonicalBytes(*declaration.spec)));
}

}  // namespace

std::string KindName(DeclarationKind kind) { return std::string(RuleOf(kind).name); }

std::string Describe(const Declaration& declaration) {
  std::string name = declaration.parent;
  if (!name.empty() && !declaration.id.empty()) {
    const bool forecast = declaration.kind == DeclarationKind::kForecast;
    absl::StrAppend(&name, forecast ? "/forecasts/" : "/evidence/");
  }
  absl::StrAppend(&name, declaration.id);
  return absl::StrCat(KindName(declaration.kind), name.empty() ? "" : " ", name);
}

std::string RequestIdOf(const Declaration& declaration, const std::string& circumstance) {
  const std::string time =
      declaration.effective_time ? FormatInstant(*declaration.effective_time) : "";
  std::string text;
  for (const std::string& part :
       {KindName(declaration.kind), declaration.parent, declaration.id, declaration.actor, time,
        circumstance, CanonicalBytes(*declaration.spec)}) {
    absl::StrAppend(&text, part.size(), ":", part);
  }
  return client::RequestIdOf(text);
}

absl::StatusOr<std::vector<Declaration>> ParseApplyFile(const std::string& file,
                                                        const std::string& text) {
  CREDENCE_ASSIGN_OR_RETURN(const std::vector<YamlDocument> documents, ParseYaml(file, text));
  std::vector<Declaration> declarations;
  for (const YamlDocument& document : documents) {
    try {
      CREDENCE_RETURN_IF_ERROR(DocumentReader(document, &declarations).Read());
    } catch (const YAML::Exception& error) {
      return ErrorAt(document.PlaceOf(document.node()), "", error.msg);
    }
  }
  CREDENCE_RETURN_IF_ERROR(OrderDeclarations(&declarations));
  return declarations;
}

absl::Status OrderDeclarations(std::vector<Declaration>* declarations) {
  std::map<std::string, Place> seen;
  for (const Declaration& declaration : *declarations) {
    const auto [first, fresh] = seen.emplace(IdentityOf(declaration), declaration.place);
    if (fresh) continue;
    return ErrorAt(declaration.place, "",
                   absl::StrCat(Describe(declaration), " is declared twice, first on line ",
                                first->second.line));
  }
  const auto rank = [](const Declaration& declaration) {
    return std::make_pair(std::min(declaration.kind, DeclarationKind::kEvidence),
                          declaration.kind < DeclarationKind::kEvidence
                              ? absl::InfinitePast()
                              : declaration.effective_time.value_or(absl::InfiniteFuture()));
  };
  std::stable_sort(
      declarations->begin(), declarations->end(),
      [&rank](const Declaration& a, const Declaration& b) { return rank(a) < rank(b); });
  return absl::OkStatus();
}

}  // namespace credence::cli
