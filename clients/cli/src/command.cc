#include "command.h"

#include <algorithm>
#include <ostream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "credence/base/check.h"
#include "credence/cli/exit_code.h"
#include "credence/cli/suggestion.h"
#include "credence/cli/time.h"
#include "format.h"

namespace credence::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr int64_t kPageSizeMax = 1000;

const FieldDescriptor& FieldOf(const Message& message, const std::string& name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  CREDENCE_CHECK(field != nullptr);
  return *field;
}

v1::PageRequest& PageOf(Message& request) {
  return static_cast<v1::PageRequest&>(
      *request.GetReflection()->MutableMessage(&request, &FieldOf(request, "page")));
}

bool IsPosition(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char digit) {
    return absl::ascii_isdigit(static_cast<unsigned char>(digit));
  });
}

// "STATE_" of the enum State: what every value's name begins with.
std::string PrefixOf(const google::protobuf::EnumDescriptor* type) {
  const std::string& zero = type->FindValueByNumber(0)->name();
  constexpr size_t kSuffixLength = std::string_view("UNSPECIFIED").size();
  CREDENCE_CHECK(absl::EndsWith(zero, "_UNSPECIFIED"));
  return zero.substr(0, zero.size() - kSuffixLength);
}

}  // namespace

CLI::App* AddNoun(CLI::App& app, const std::string& name, const std::string& description) {
  CLI::App* noun = app.add_subcommand(name, description);
  noun->require_subcommand(1);
  return noun;
}

CLI::App* AddVerb(CLI::App* noun, CliContext& context, const std::string& name,
                  const std::string& description, CliContext::Action action) {
  CLI::App* verb = noun->add_subcommand(name, description);
  context.SetAction(verb, std::move(action));
  return verb;
}

void AddWriteFlags(CLI::App* command, WriteFlags* flags) {
  command->add_option("--effective-time", flags->effective_time,
                      "When the statement counted, for history loaded later");
  command->add_option("--expected-revision", flags->expected_revision,
                      "Refuse where the stream has another revision; 0 for one that is not there");
}

absl::StatusOr<std::optional<google::protobuf::Timestamp>> TimeFlag(const CliContext& context,
                                                                    const std::string& flag,
                                                                    const std::string& text,
                                                                    absl::Duration time_of_day) {
  if (text.empty()) return std::optional<google::protobuf::Timestamp>();
  const absl::StatusOr<absl::Time> time = ParseTime(text, context.environment().now(), time_of_day);
  if (!time.ok()) return UsageError(flag + ": " + std::string(time.status().message()));
  return std::optional(ToProto(*time));
}

absl::StatusOr<v1::WriteOptions> MakeOptions(const CliContext& context, const WriteFlags& flags) {
  v1::WriteOptions options;
  options.set_request_id(context.flags().request_id);
  options.set_actor(context.flags().actor);
  options.set_validate_only(context.flags().dry_run);
  if (flags.expected_revision) options.set_expected_revision(*flags.expected_revision);
  CREDENCE_ASSIGN_OR_RETURN(const auto time,
                            TimeFlag(context, "--effective-time", flags.effective_time));
  if (time) *options.mutable_effective_time() = *time;
  return options;
}

absl::StatusOr<v1::ReadView> MakeView(const CliContext& context,
                                      const std::string& evidence_before) {
  v1::ReadView view;
  const GlobalFlags& flags = context.flags();
  if (flags.min_position) view.set_min_position(*flags.min_position);
  int64_t position = 0;
  if (IsPosition(flags.as_of)) {
    if (!absl::SimpleAtoi(flags.as_of, &position)) return UsageError("--as-of: is too large");
    view.set_position(position);
  } else {
    CREDENCE_ASSIGN_OR_RETURN(const auto time, TimeFlag(context, "--as-of", flags.as_of));
    if (time) *view.mutable_record_time() = *time;
  }
  CREDENCE_ASSIGN_OR_RETURN(const auto limit,
                            TimeFlag(context, "--evidence-before", evidence_before));
  if (limit) *view.mutable_evidence_occur_time_limit() = *limit;
  return view;
}

void AddListFlags(CLI::App* command, ListFlags* flags) {
  command->add_option("--limit", flags->limit, "At most this many items; 0 for all")
      ->capture_default_str();
  command->add_option("--page-token", flags->page_token, "Go on where an earlier list ended");
}

absl::Status ListPages(CliContext& context, const ListFlags& flags, const std::string& items,
                       Message& request, Message& response) {
  if (flags.limit < 0) return UsageError("--limit: must not be negative");
  CREDENCE_ASSIGN_OR_RETURN(client::Client * client, context.Connect());
  const auto* reflection = response.GetReflection();
  const FieldDescriptor& token_field = FieldOf(response, "next_page_token");
  std::string token = flags.page_token;
  while (true) {
    const int64_t have = reflection->FieldSize(response, &FieldOf(response, items));
    const int64_t wanted = flags.limit == 0 ? kPageSizeMax : flags.limit - have;
    PageOf(request).set_page_size(static_cast<int32_t>(std::min(wanted, kPageSizeMax)));
    PageOf(request).set_page_token(token);
    const std::unique_ptr<Message> page(response.New());
    CREDENCE_RETURN_IF_ERROR(client->CallMessage(request, *page));
    reflection->ClearField(&response, &token_field);
    response.MergeFrom(*page);
    token = reflection->GetString(response, &token_field);
    const int64_t got = reflection->FieldSize(response, &FieldOf(response, items));
    if (token.empty()) return absl::OkStatus();
    if (flags.limit > 0 && got >= flags.limit) break;
    if (got == have)
      return absl::InternalError("the server gave an empty page that is not the last");
  }
  context.err() << "there are more: --page-token " << token << ", or --limit 0 for all\n";
  return absl::OkStatus();
}

std::string StatesText(const google::protobuf::RepeatedPtrField<v1::StateProbability>& states) {
  return absl::StrJoin(states, ", ", [](std::string* out, const v1::StateProbability& state) {
    absl::StrAppend(out, state.state(), " ", Percent(state.probability()));
  });
}

Table::Cell StatesCell(const google::protobuf::RepeatedPtrField<v1::StateProbability>& states) {
  return {StatesText(states),
          absl::StrJoin(states, ", ", [](std::string* out, const v1::StateProbability& state) {
            absl::StrAppend(out, state.state(), "=", Exact(state.probability()));
          })};
}

std::string EnumText(const google::protobuf::EnumDescriptor* type, int number) {
  const auto* value = type->FindValueByNumber(number);
  if (value == nullptr) return absl::StrCat(number);
  if (number == 0) return "";
  return absl::AsciiStrToLower(value->name().substr(PrefixOf(type).size()));
}

absl::StatusOr<int> ParseEnum(const google::protobuf::EnumDescriptor* type, const std::string& flag,
                              const std::string& text) {
  if (text.empty()) return 0;
  // Words are joined by hyphens on the command line, by underscores in the messages.
  const std::string word = absl::StrReplaceAll(text, {{"-", "_"}});
  std::vector<std::string> names;
  for (int index = 0; index < type->value_count(); ++index) {
    const auto* value = type->value(index);
    if (value->number() == 0) continue;
    names.push_back(EnumText(type, value->number()));
    if (word == names.back() || text == value->name()) return value->number();
  }
  return UsageError(absl::StrCat(flag, ": '", text, "' is none of ", absl::StrJoin(names, ", "),
                                 DidYouMean(text, names)));
}

}  // namespace credence::cli
