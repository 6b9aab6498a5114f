#include "extract_files.h"

#include <charconv>
#include <cmath>
#include <filesystem>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "command.h"
#include "credence/base/status_macros.h"
#include "credence/cli/exit_code.h"
#include "credence/event/v1/question_events.pb.h"
#include "format.h"
#include "google/protobuf/message.h"

namespace credence::cli {
namespace {

// One field of RFC 4180.
std::string Field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted.push_back('"');
    quoted.push_back(c);
  }
  return quoted + "\"";
}

template <typename Payload>
std::optional<MarketEnd> EndIn(const google::protobuf::Any& any, bool amends) {
  Payload payload;
  if (!any.UnpackTo(&payload)) return std::nullopt;
  MarketEnd end{.amends = amends, .value = 0.0, .rationale = payload.rationale()};
  if (payload.has_fraction()) {
    end.value = payload.fraction();
  } else if (payload.outcome() == "yes") {
    end.value = 1.0;
  } else if (payload.outcome() != "no") {
    return std::nullopt;
  }
  return end;
}

}  // namespace

std::optional<MarketEnd> MarketEndOf(const event::v1::EventEnvelope& envelope) {
  const google::protobuf::Any& payload = envelope.payload();
  if (payload.Is<event::v1::QuestionResolved>()) {
    return EndIn<event::v1::QuestionResolved>(payload, false);
  }
  if (payload.Is<event::v1::ResolutionAmended>()) {
    return EndIn<event::v1::ResolutionAmended>(payload, true);
  }
  return std::nullopt;
}

void WriteRow(std::ostream& out, const std::vector<std::string>& fields) {
  for (size_t i = 0; i < fields.size(); ++i) out << (i > 0 ? "," : "") << Field(fields[i]);
  out << "\n";
}

std::string Plain(double number) {
  constexpr double kFixedMin = 1e-4;
  if (std::abs(number) > 0.0 && std::abs(number) < kFixedMin) return Exact(number);
  char digits[64];
  const auto end =
      std::to_chars(digits, digits + sizeof digits, number, std::chars_format::fixed).ptr;
  return {digits, end};
}

std::string AttributeOf(const v1::Question& question, const std::string& key) {
  for (const auto& attribute : question.attributes()) {
    if (attribute.key() == key) return attribute.value();
  }
  return "";
}

std::string OutcomeText(const v1::Question& question) {
  if (question.state() == v1::Question::STATE_ANNULLED) return "annulled";
  const v1::Resolution& resolution = question.resolution();
  if (resolution.unscored() == event::v1::UNSCORED_VOID) return "void";
  if (resolution.unscored() == event::v1::UNSCORED_AMBIGUOUS) return "ambiguous";
  return resolution.has_fraction() ? Plain(resolution.fraction()) : resolution.outcome();
}

bool IsYesNo(const v1::Question& question) {
  return question.states_size() == 2 && question.states(0) == "yes" && question.states(1) == "no";
}

absl::Status ForEachQuestion(CliContext& context, const ExtractFlags& flags,
                             absl::FunctionRef<absl::Status(const v1::Question&)> visit) {
  CREDENCE_ASSIGN_OR_RETURN(client::Client * client, context.Connect());
  v1::ListQuestionsRequest list;
  list.set_tag(flags.tag);
  list.mutable_page()->set_page_size(200);
  CREDENCE_ASSIGN_OR_RETURN(*list.mutable_view(), MakeView(context));
  do {
    CREDENCE_ASSIGN_OR_RETURN(const auto page, client->ListQuestions(list));
    for (const v1::Question& question : page.questions()) CREDENCE_RETURN_IF_ERROR(visit(question));
    list.mutable_page()->set_page_token(page.next_page_token());
  } while (!list.page().page_token().empty());
  return absl::OkStatus();
}

absl::Status ForEachForecast(CliContext& context, const std::string& question,
                             absl::FunctionRef<void(const v1::Forecast&)> visit) {
  CREDENCE_ASSIGN_OR_RETURN(client::Client * client, context.Connect());
  v1::ListForecastsRequest list;
  list.set_parent(question);
  list.mutable_page()->set_page_size(1'000);
  CREDENCE_ASSIGN_OR_RETURN(*list.mutable_view(), MakeView(context));
  do {
    CREDENCE_ASSIGN_OR_RETURN(const auto page, client->ListForecasts(list));
    for (const v1::Forecast& forecast : page.forecasts()) visit(forecast);
    list.mutable_page()->set_page_token(page.next_page_token());
  } while (!list.page().page_token().empty());
  return absl::OkStatus();
}

// The envelope with the texts of the payload in their places; one that was erased stays out.
event::v1::EventEnvelope WithTexts(const v1::Event& event) {
  event::v1::EventEnvelope envelope = event.envelope();
  const auto* type = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
      envelope.payload().type_url().substr(envelope.payload().type_url().rfind('/') + 1));
  if (event.texts().empty() || type == nullptr) return envelope;
  const std::unique_ptr<google::protobuf::Message> payload(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  if (!envelope.payload().UnpackTo(payload.get())) return envelope;
  for (const event::v1::EntryText& text : event.texts()) {
    google::protobuf::Message* message = payload.get();
    const std::vector<std::string> path = absl::StrSplit(text.field(), '.');
    for (const std::string& name : path) {
      const auto* field = message->GetDescriptor()->FindFieldByName(name);
      if (field == nullptr || field->is_repeated()) break;
      if (field->type() == google::protobuf::FieldDescriptor::TYPE_STRING) {
        message->GetReflection()->SetString(message, field, text.text());
      }
      if (field->type() != google::protobuf::FieldDescriptor::TYPE_MESSAGE) break;
      message = message->GetReflection()->MutableMessage(message, field);
    }
  }
  envelope.mutable_payload()->PackFrom(*payload);
  return envelope;
}

absl::Status ForEachEvent(CliContext& context, const std::string& question,
                          absl::FunctionRef<void(const event::v1::EventEnvelope&)> visit) {
  CREDENCE_ASSIGN_OR_RETURN(client::Client * client, context.Connect());
  v1::ListEventsRequest list;
  list.set_stream(question);
  list.mutable_page()->set_page_size(1'000);
  CREDENCE_ASSIGN_OR_RETURN(*list.mutable_view(), MakeView(context));
  do {
    CREDENCE_ASSIGN_OR_RETURN(const auto page, client->ListEvents(list));
    for (const v1::Event& event : page.events()) visit(WithTexts(event));
    list.mutable_page()->set_page_token(page.next_page_token());
  } while (!list.page().page_token().empty());
  return absl::OkStatus();
}

absl::StatusOr<std::ofstream> OpenFile(const ExtractFlags& flags, const std::string& name) {
  std::error_code error;
  std::filesystem::create_directories(flags.directory, error);
  const std::string path = (std::filesystem::path(flags.directory) / name).string();
  std::ofstream file(path, std::ios::binary);
  if (!file) return UsageError(absl::StrCat(path, ": cannot be written"));
  return file;
}

absl::Status CheckWritten(bool good) {
  return good ? absl::OkStatus() : UsageError("the files could not be written");
}

}  // namespace credence::cli
