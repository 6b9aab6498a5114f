#include "sign.h"

#include <cstdint>
#include <map>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/strip.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/author.h"
#include "credence/client/verify/hash.h"
#include "credence/event/v1/author_events.pb.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/event/v1/network_events.pb.h"
#include "credence/v1/author_service.pb.h"
#include "credence/v1/evidence_service.pb.h"
#include "credence/v1/forecast_service.pb.h"

namespace credence::client {
namespace {

using google::protobuf::Message;
using google::protobuf::Timestamp;

// Characters of the digest that an id is made of.
constexpr size_t kIdDigits = 20;

std::string IdOf(std::string_view name) { return std::string(name.substr(name.rfind('/') + 1)); }

// An id that the server would choose, so that a repeat of the request states the same.
std::string DerivedId(const std::string& request_id, int index) {
  const std::string digest = ToHex(Sha256(Cat("credence-id\n", request_id, "\n", index)));
  return Cat("s", std::string_view(digest).substr(0, kIdDigits));
}

absl::Status MustBeStated(std::string_view field) {
  return InvalidField("FIELD_REQUIRED", field, "must be given, since it is signed");
}

// One request's statements.
class Signing {
 public:
  Signing(const AuthorKey& key, const SignCalls& calls, v1::WriteOptions& options,
          std::function<absl::StatusOr<std::string>()> origin)
      : key_(key), calls_(calls), options_(options), origin_(std::move(origin)) {}

  absl::Status Add(v1::CreateForecastRequest& request) {
    if (request.forecast_id().empty() && IsAuthor(request.forecast().forecaster())) {
      request.set_forecast_id(DerivedId(options_.request_id(), 0));
    }
    return AddForecast(request.parent(), request.forecast_id(), request.forecast(), OptionsTime());
  }

  absl::Status Add(v1::BatchCreateForecastsRequest& request) {
    for (int i = 0; i < request.items_size(); ++i) {
      v1::BatchForecastItem& item = *request.mutable_items(i);
      const Timestamp* const time =
          item.has_effective_time() ? &item.effective_time() : OptionsTime();
      if (item.withdraw()) {
        CREDENCE_RETURN_IF_ERROR(AddWithdrawal(item.parent(), item.forecast().forecaster(),
                                               item.forecast().rationale(),
                                               item.forecast().attributes(), time));
        continue;
      }
      if (item.forecast_id().empty() && IsAuthor(item.forecast().forecaster())) {
        item.set_forecast_id(DerivedId(options_.request_id(), i));
      }
      CREDENCE_RETURN_IF_ERROR(
          AddForecast(item.parent(), item.forecast_id(), item.forecast(), time));
    }
    return absl::OkStatus();
  }

  absl::Status Add(v1::SealForecastRequest& request) {
    if (!IsAuthor(request.forecaster())) return absl::OkStatus();
    if (request.forecast_id().empty()) {
      request.set_forecast_id(DerivedId(options_.request_id(), 0));
    }
    if (!request.has_reveal_time()) return MustBeStated("reveal_time");
    event::v1::ForecastSealed payload;
    payload.set_question(IdOf(request.parent()));
    payload.set_forecast(request.forecast_id());
    payload.set_forecaster(IdOf(request.forecaster()));
    payload.set_digest(request.digest());
    *payload.mutable_reveal_time() = request.reveal_time();
    return AddStatement(payload, nullptr);
  }

  absl::Status Add(v1::RevealForecastRequest& request) {
    event::v1::SealedForecast statement;
    if (!statement.ParseFromString(request.statement()) ||
        !IsAuthor(Cat("forecasters/", statement.forecaster()))) {
      return absl::OkStatus();
    }
    event::v1::ForecastRevealed payload;
    payload.set_question(statement.question());
    payload.set_forecast(IdOf(request.name()));
    payload.set_forecaster(statement.forecaster());
    payload.set_salt(request.salt());
    payload.set_statement(request.statement());
    payload.set_rationale(request.rationale());
    return AddStatement(payload, nullptr);
  }

  absl::Status Add(v1::WithdrawForecastRequest& request) {
    return AddWithdrawal(request.parent(), request.forecaster(), request.rationale(), {},
                         OptionsTime());
  }

  absl::Status Add(v1::CreateEvidenceRequest& request) {
    if (!IsAuthor(options_.actor())) return absl::OkStatus();
    CREDENCE_ASSIGN_OR_RETURN(const std::string network, NetworkOf(request.parent()));
    if (request.evidence_id().empty()) {
      request.set_evidence_id(DerivedId(options_.request_id(), 0));
    }
    return AddEvidence(network, request.evidence_id(), request.evidence().model(), "",
                       "evidence.model", OptionsTime());
  }

  absl::Status Add(v1::BatchCreateEvidenceRequest& request) {
    if (!IsAuthor(options_.actor())) return absl::OkStatus();
    CREDENCE_ASSIGN_OR_RETURN(const std::string network, NetworkOf(request.parent()));
    for (int i = 0; i < request.items_size(); ++i) {
      v1::BatchEvidenceItem& item = *request.mutable_items(i);
      if (item.evidence_id().empty()) {
        item.set_evidence_id(DerivedId(options_.request_id(), i));
      }
      CREDENCE_RETURN_IF_ERROR(
          AddEvidence(network, item.evidence_id(), item.evidence().model(), "",
                      Cat("items[", i, "].evidence.model"),
                      item.has_effective_time() ? &item.effective_time() : OptionsTime()));
    }
    return absl::OkStatus();
  }

  absl::Status Add(v1::SupersedeEvidenceRequest& request) {
    if (!IsAuthor(options_.actor())) return absl::OkStatus();
    CREDENCE_ASSIGN_OR_RETURN(const std::string network, NetworkOf(ParentOf(request.name())));
    if (request.evidence_id().empty()) {
      request.set_evidence_id(DerivedId(options_.request_id(), 0));
    }
    return AddEvidence(network, request.evidence_id(), request.evidence().model(),
                       IdOf(request.name()), "evidence.model", OptionsTime());
  }

  absl::Status Add(v1::RetractEvidenceRequest& request) {
    if (!IsAuthor(options_.actor())) return absl::OkStatus();
    event::v1::EvidenceRetracted payload;
    CREDENCE_ASSIGN_OR_RETURN(*payload.mutable_network(), NetworkOf(ParentOf(request.name())));
    payload.set_evidence(IdOf(request.name()));
    payload.set_rationale(request.rationale());
    return AddStatement(payload, OptionsTime());
  }

  absl::Status Add(v1::RegisterAuthorKeyRequest& request) {
    // A first key is registered without another.
    if (!IsAuthor(request.parent()) || request.public_key() == key_.public_key()) {
      return absl::OkStatus();
    }
    event::v1::AuthorKeyRegistered payload;
    payload.set_author(request.parent());
    payload.set_public_key(request.public_key());
    payload.set_possession_signature(request.possession_signature());
    payload.set_signature_required(request.signature_required());
    return AddStatement(payload, nullptr);
  }

  absl::Status Add(v1::RevokeAuthorKeyRequest& request) {
    if (!IsAuthor(request.parent())) return absl::OkStatus();
    event::v1::AuthorKeyRevoked payload;
    payload.set_author(request.parent());
    payload.set_public_key(request.public_key());
    payload.set_rationale(request.rationale());
    return AddStatement(payload, nullptr);
  }

 private:
  [[nodiscard]] bool IsAuthor(std::string_view name) const { return name == key_.author(); }

  [[nodiscard]] const Timestamp* OptionsTime() const {
    return options_.has_effective_time() ? &options_.effective_time() : nullptr;
  }

  // The name before "/evidence/".
  [[nodiscard]] static std::string_view ParentOf(std::string_view evidence) {
    return evidence.substr(0, evidence.rfind("/evidence/"));
  }

  absl::StatusOr<v1::Question> FindQuestion(const std::string& name) {
    const auto known = questions_.find(name);
    if (known != questions_.end()) return known->second;
    v1::GetQuestionRequest request;
    request.set_name(name);
    CREDENCE_ASSIGN_OR_RETURN(v1::GetQuestionResponse response, calls_.get_question(request));
    return questions_.emplace(name, std::move(*response.mutable_question())).first->second;
  }

  absl::StatusOr<std::string> NetworkOf(std::string_view parent) {
    if (parent.rfind("questions/", 0) != 0) return IdOf(parent);
    CREDENCE_ASSIGN_OR_RETURN(const v1::Question question, FindQuestion(std::string(parent)));
    return IdOf(question.network());
  }

  absl::Status AddForecast(const std::string& parent, const std::string& id,
                           const v1::Forecast& forecast, const Timestamp* time) {
    if (!IsAuthor(forecast.forecaster())) return absl::OkStatus();
    event::v1::ForecastRecorded payload;
    payload.set_question(IdOf(parent));
    payload.set_forecast(id);
    payload.set_forecaster(IdOf(forecast.forecaster()));
    if (forecast.has_distribution()) {
      *payload.mutable_distribution() = forecast.distribution();
    } else {
      CREDENCE_RETURN_IF_ERROR(AddProbabilities(parent, forecast, payload));
    }
    payload.set_rationale(forecast.rationale());
    *payload.mutable_attributes() = forecast.attributes();
    return AddStatement(payload, time);
  }

  // In the order of the question's states. What does not fit the question is left to the server,
  // which says what is wrong with it.
  absl::Status AddProbabilities(const std::string& parent, const v1::Forecast& forecast,
                                event::v1::ForecastRecorded& payload) {
    CREDENCE_ASSIGN_OR_RETURN(const v1::Question question, FindQuestion(parent));
    std::map<std::string, double> stated;
    for (const v1::StateProbability& entry : forecast.probabilities()) {
      stated[entry.state()] = entry.probability();
    }
    if (forecast.has_probability() && question.states_size() == 2) {
      stated = {{question.states(0), forecast.probability()},
                {question.states(1), 1.0 - forecast.probability()}};
    }
    for (const std::string& state : question.states()) {
      payload.add_states(state);
      const auto found = stated.find(state);
      if (found != stated.end()) payload.add_probabilities(found->second);
    }
    return absl::OkStatus();
  }

  absl::Status AddWithdrawal(
      const std::string& parent, const std::string& forecaster, const std::string& rationale,
      const google::protobuf::RepeatedPtrField<event::v1::Attribute>& attributes,
      const Timestamp* time) {
    if (!IsAuthor(forecaster)) return absl::OkStatus();
    event::v1::ForecastWithdrawn payload;
    payload.set_question(IdOf(parent));
    payload.set_forecaster(IdOf(forecaster));
    payload.set_rationale(rationale);
    *payload.mutable_attributes() = attributes;
    return AddStatement(payload, time);
  }

  absl::Status AddEvidence(const std::string& network, const std::string& id,
                           const event::v1::EvidenceModel& model, const std::string& supersedes,
                           std::string_view path, const Timestamp* time) {
    // The server would choose these, and so what is signed.
    if (!model.has_occur_time()) return MustBeStated(Cat(path, ".occur_time"));
    if (model.node().empty()) return MustBeStated(Cat(path, ".node"));
    event::v1::EvidenceRecorded payload;
    payload.set_network(network);
    payload.set_evidence(id);
    *payload.mutable_model() = model;
    if (!model.source().empty()) {
      payload.mutable_model()->set_source(Cat("sources/", IdOf(model.source())));
    }
    payload.set_supersedes(supersedes);
    return AddStatement(payload, time);
  }

  // Puts the digest of a text in its place; whoever signs a digest has said the text. The salt is
  // made of a signature that nobody else can make and that is shown to nobody, so that a repeat of
  // the request is the same byte for byte.
  template <typename Payload>
  void ReplaceText(const std::string& origin, std::string_view field, std::string& text,
                   Payload& payload, v1::SignedStatement& statement) {
    if (text.empty()) return;
    const std::string salt(
        BytesOf(Sha256(key_.Sign(Cat("credence-text-salt/v1\n", origin, "\n", options_.request_id(),
                                     "\n", options_.statements_size(), "\n", field)))));
    event::v1::TextDigest& digest = *payload.add_text_digests();
    digest.set_field(std::string(field));
    digest.set_digest(std::string(BytesOf(Sha256(Cat(salt, text)))));
    v1::TextSalt& salted = *statement.add_text_salts();
    salted.set_field(std::string(field));
    salted.set_salt(salt);
    text.clear();
  }

  template <typename Payload>
  absl::Status AddStatement(Payload& payload, const Timestamp* time) {
    CREDENCE_ASSIGN_OR_RETURN(const std::string origin, origin_());
    v1::SignedStatement& statement = *options_.add_statements();
    statement.set_payload_type(payload.GetDescriptor()->full_name());
    if constexpr (requires { payload.mutable_rationale(); }) {
      ReplaceText(origin, "rationale", *payload.mutable_rationale(), payload, statement);
    }
    if constexpr (std::is_same_v<Payload, event::v1::EvidenceRecorded>) {
      ReplaceText(origin, "model.summary", *payload.mutable_model()->mutable_summary(), payload,
                  statement);
      ReplaceText(origin, "model.url", *payload.mutable_model()->mutable_url(), payload, statement);
    }
    statement.set_payload(payload.SerializeAsString());
    event::v1::AuthorSignature& signature = *statement.mutable_signature();
    signature.set_author(key_.author());
    signature.set_public_key(key_.public_key());
    AuthorStatement stated{
        origin,       key_.author(),      FromAbsl(statement.payload_type()), options_.request_id(),
        std::nullopt, statement.payload()};
    if (time != nullptr) {
      *signature.mutable_effective_time() = *time;
      stated.effective_time = EntryTime{time->seconds(), time->nanos()};
    }
    signature.set_signature(key_.Sign(StatementBytes(stated)));
    return absl::OkStatus();
  }

  const AuthorKey& key_;
  const SignCalls& calls_;
  v1::WriteOptions& options_;
  const std::function<absl::StatusOr<std::string>()> origin_;
  std::map<std::string, v1::Question> questions_;
};

template <typename Request>
std::optional<absl::Status> SignAs(Message& message, const AuthorKey& key, const SignCalls& calls,
                                   const std::function<absl::StatusOr<std::string>()>& origin) {
  if (message.GetDescriptor() != Request::descriptor()) return std::nullopt;
  auto& request = static_cast<Request&>(message);
  v1::WriteOptions& options = *request.mutable_options();
  if (options.validate_only() || !options.statements().empty()) return absl::OkStatus();
  return Signing(key, calls, options, origin).Add(request);
}

// The first of the requests that `message` is.
template <typename... Requests>
absl::Status SignAny(Message& message, const AuthorKey& key, const SignCalls& calls,
                     const std::function<absl::StatusOr<std::string>()>& origin) {
  std::optional<absl::Status> status;
  ((status.has_value() ? void() : void(status = SignAs<Requests>(message, key, calls, origin))),
   ...);
  return status.value_or(absl::OkStatus());
}

}  // namespace

absl::StatusOr<std::string> StatementSigner::Origin(const SignCalls& calls) {
  {
    absl::MutexLock lock(&mutex_);
    if (!origin_.empty()) return origin_;
  }
  CREDENCE_ASSIGN_OR_RETURN(const v1::GetServerInfoResponse info,
                            calls.get_server_info(v1::GetServerInfoRequest()));
  absl::MutexLock lock(&mutex_);
  origin_ = info.origin();
  return origin_;
}

absl::Status StatementSigner::Sign(Message& request, const SignCalls& calls) {
  return SignAny<v1::CreateForecastRequest, v1::BatchCreateForecastsRequest,
                 v1::SealForecastRequest, v1::RevealForecastRequest, v1::WithdrawForecastRequest,
                 v1::CreateEvidenceRequest, v1::BatchCreateEvidenceRequest,
                 v1::SupersedeEvidenceRequest, v1::RetractEvidenceRequest,
                 v1::RegisterAuthorKeyRequest, v1::RevokeAuthorKeyRequest>(
      request, *key_, calls, [&] { return Origin(calls); });
}

}  // namespace credence::client
