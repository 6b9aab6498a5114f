#include "credence/client/seal.h"

#include <google/protobuf/util/json_util.h>
#include <openssl/rand.h>

#include <fstream>
#include <map>
#include <sstream>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/client/verify/hash.h"
#include "credence/client/verify/note.h"
#include "new_file.h"

namespace credence::client {
namespace {

constexpr size_t kSaltBytes = 32;
constexpr size_t kIdDigits = 20;

std::string IdOf(std::string_view name) { return std::string(name.substr(name.rfind('/') + 1)); }

absl::StatusOr<std::string> OriginOf(Client& client) {
  if (!client.options().verifier_key.empty()) {
    CREDENCE_ASSIGN_OR_RETURN(const VerifierKey key,
                              ParseVerifierKey(client.options().verifier_key));
    return key.name;
  }
  CREDENCE_ASSIGN_OR_RETURN(const v1::GetServerInfoResponse info,
                            client.GetServerInfo(v1::GetServerInfoRequest()));
  return info.origin();
}

absl::StatusOr<std::string> RandomSalt() {
  std::string salt(kSaltBytes, '\0');
  if (RAND_bytes(reinterpret_cast<uint8_t*>(salt.data()), static_cast<int>(salt.size())) == 1) {
    return salt;
  }
  return absl::InternalError("The system gives no random bytes for a salt.");
}

absl::Status FillProbabilities(const v1::Question& question, const v1::Forecast& forecast,
                               event::v1::SealedForecast& statement) {
  std::map<std::string, double> stated;
  for (const v1::StateProbability& entry : forecast.probabilities()) {
    stated[entry.state()] = entry.probability();
  }
  if (forecast.has_probability()) {
    if (question.states_size() != 2 || !stated.empty()) {
      return InvalidField("PROBABILITY_INVALID", "probability",
                          "is for questions of two states; name the states");
    }
    stated = {{question.states(0), forecast.probability()},
              {question.states(1), 1.0 - forecast.probability()}};
  }
  for (const std::string& state : question.states()) {
    const auto found = stated.find(state);
    if (found == stated.end()) {
      return InvalidField("FIELD_REQUIRED", "probabilities", Cat("must name the state ", state));
    }
    statement.add_states(state);
    statement.add_probabilities(found->second);
    stated.erase(found);
  }
  if (stated.empty()) return absl::OkStatus();
  return InvalidField("UNKNOWN_STATE", "probabilities",
                      Cat("\"", stated.begin()->first, "\" is no state of the question"));
}

}  // namespace

absl::StatusOr<MadeSeal> MakeSeal(Client& client, const std::string& parent,
                                  const std::string& forecast_id, const v1::Forecast& forecast) {
  v1::GetQuestionRequest get;
  get.set_name(parent);
  CREDENCE_ASSIGN_OR_RETURN(const v1::GetQuestionResponse response, client.GetQuestion(get));
  const v1::Question& question = response.question();
  MadeSeal made;
  event::v1::SealedForecast& statement = *made.secret.mutable_forecast();
  CREDENCE_ASSIGN_OR_RETURN(*statement.mutable_origin(), OriginOf(client));
  statement.set_question(IdOf(parent));
  statement.set_forecaster(IdOf(forecast.forecaster()));
  if (question.has_numeric()) {
    if (!forecast.has_distribution()) {
      return InvalidField("FIELD_REQUIRED", "distribution",
                          "must be given: the question asks for a number");
    }
    *statement.mutable_distribution() = forecast.distribution();
  } else {
    CREDENCE_RETURN_IF_ERROR(FillProbabilities(question, forecast, statement));
  }
  CREDENCE_ASSIGN_OR_RETURN(*made.secret.mutable_salt(), RandomSalt());
  made.secret.set_statement(statement.SerializeAsString());
  const Hash digest = Sha256(Cat(made.secret.salt(), made.secret.statement()));
  made.request.set_parent(parent);
  made.request.set_forecast_id(forecast_id.empty()
                                   ? Cat("s", std::string_view(ToHex(digest)).substr(0, kIdDigits))
                                   : forecast_id);
  made.request.set_forecaster(forecast.forecaster());
  made.request.set_digest(std::string(BytesOf(digest)));
  *made.request.mutable_reveal_time() = question.close_time();
  made.secret.set_name(Cat(parent, "/forecasts/", made.request.forecast_id()));
  return made;
}

v1::RevealForecastRequest RevealRequest(const v1::SealSecret& secret) {
  v1::RevealForecastRequest request;
  request.set_name(secret.name());
  request.set_salt(secret.salt());
  request.set_statement(secret.statement());
  return request;
}

absl::Status WriteSecret(const v1::SealSecret& secret, const std::string& path) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  std::string text;
  const auto printed = google::protobuf::util::MessageToJsonString(secret, &text, options);
  if (!printed.ok()) return absl::InternalError(printed.ToString());
  return WriteNewFile(path, text);
}

absl::StatusOr<v1::SealSecret> ReadSecret(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return FileError(path, absl::StatusCode::kNotFound, "cannot be read");
  std::ostringstream content;
  content << file.rdbuf();
  v1::SealSecret secret;
  const auto parsed = google::protobuf::util::JsonStringToMessage(content.str(), &secret);
  if (parsed.ok() && !secret.name().empty()) return secret;
  return FileError(path, absl::StatusCode::kInvalidArgument,
                   "is not what `credence forecast seal` writes");
}

}  // namespace credence::client
