#include <ostream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "check_proof.h"
#include "command.h"
#include "credence/client/verify/hash.h"
#include "credence/client/verify/log_proof.h"
#include "credence/event/v1/forecast_events.pb.h"
#include "credence/event/v1/ledger_events.pb.h"
#include "credence/event/v1/network_events.pb.h"
#include "credence/event/v1/question_events.pb.h"
#include "credence/event/v1/text.pb.h"
#include "event_screen.h"
#include "format.h"
#include "google/protobuf/struct.pb.h"
#include "live_screen.h"
#include "output.h"

namespace credence::cli {
namespace {

// Payloads have a JSON form only where their types are linked in; without a use the linker would
// leave those of a static library out.
bool KnowsType(const std::string& full_name) {
  static const google::protobuf::FileDescriptor* const kFiles[] = {
      event::v1::ForecastRecorded::descriptor()->file(),
      event::v1::QuestionCreated::descriptor()->file(),
      event::v1::NetworkCreated::descriptor()->file(),
      event::v1::LedgerCreated::descriptor()->file(), event::v1::TextsErased::descriptor()->file()};
  for (const auto* file : kFiles) {
    if (file->pool()->FindMessageTypeByName(full_name) != nullptr) return true;
  }
  return false;
}

// "credence.event.v1.EvidenceRecorded".
std::string PayloadType(const v1::Event& event) {
  return IdOf(event.envelope().payload().type_url());
}

// "EvidenceRecorded".
std::string ShortType(const v1::Event& event) {
  const std::string type = PayloadType(event);
  const size_t dot = type.rfind('.');
  return dot == std::string::npos ? type : type.substr(dot + 1);
}

// An event that a newer server wrote has no JSON form here: its payload is shown as its type and
// its bytes.
void ShowUnknown(v1::Event& event) {
  if (!event.envelope().has_payload() || KnowsType(PayloadType(event))) return;
  google::protobuf::Any& payload = *event.mutable_envelope()->mutable_payload();
  google::protobuf::Struct shown;
  (*shown.mutable_fields())["unknownType"].set_string_value(payload.type_url());
  (*shown.mutable_fields())["base64"].set_string_value(absl::Base64Escape(payload.value()));
  payload.PackFrom(shown);
}

std::string EventLine(const v1::Event& event) {
  const auto& envelope = event.envelope();
  return absl::StrCat(envelope.position(), "  ", FormatInstant(envelope.record_time()), "  ",
                      ShortType(event), "  ", envelope.stream(), "  ", envelope.actor());
}

Table EventTable(const google::protobuf::RepeatedPtrField<v1::Event>& events) {
  Table table({{"POSITION", Table::Align::kRight},
               {"RECORDED"},
               {"COUNTS FROM"},
               {"EVENT"},
               {"STREAM"},
               {"ACTOR"},
               {"LEAF"}});
  for (const v1::Event& event : events) {
    const auto& envelope = event.envelope();
    table.AddRow({absl::StrCat(envelope.position()),
                  FormatInstant(envelope.record_time()),
                  FormatInstant(envelope.effective_time()),
                  ShortType(event),
                  envelope.stream(),
                  envelope.actor(),
                  {ShortHex(event.leaf_hash()), Hex(event.leaf_hash())}});
  }
  return table;
}

void AddEvents(CLI::App* noun, CliContext& context) {
  struct Flags {
    int64_t start = 0;
    std::string stream;
    ListFlags list;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(
      noun, context, "events", "List events by position", [&context, flags]() -> absl::Status {
        v1::ListEventsRequest request;
        request.set_start_position(flags->start);
        request.set_stream(flags->stream);
        CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
        v1::ListEventsResponse response;
        CREDENCE_RETURN_IF_ERROR(ListPages(context, flags->list, "events", request, response));
        for (v1::Event& event : *response.mutable_events()) ShowUnknown(event);
        Presentation presentation{"events", [&] { return EventTable(response.events()); }, nullptr};
        return Emit(context, response, presentation);
      });
  verb->add_option("--start-position", flags->start, "First position");
  verb->add_option("--stream", flags->stream, "Only of this stream, such as questions/QUESTION");
  AddListFlags(verb, &flags->list);
}

struct WatchFlags {
  std::optional<int64_t> start;
  std::string stream;
  int64_t count = 0;
};

using EventFunction = std::function<absl::Status(v1::Event&)>;

// Calls `on_event` with each event until the flags' count is reached or it fails.
absl::Status FollowEvents(CliContext& context, const WatchFlags& flags,
                          const EventFunction& on_event) {
  v1::WatchEventsRequest request;
  request.set_stream(flags.stream);
  if (flags.start) request.set_start_position(*flags.start);
  CREDENCE_ASSIGN_OR_RETURN(client::Client * client, context.Connect());
  absl::Status taken;
  int64_t seen = 0;
  CREDENCE_RETURN_IF_ERROR(
      client->WatchEvents(std::move(request), [&](const v1::WatchEventsResponse& message) {
        for (v1::Event event : message.events()) {
          taken = on_event(event);
          ++seen;
          if (!taken.ok() || (flags.count > 0 && seen >= flags.count)) return false;
        }
        return true;
      }));
  return taken;
}

absl::Status Watch(CliContext& context, const WatchFlags& flags) {
  CREDENCE_RETURN_IF_ERROR(CheckStreamOutput(context));
  if (IsLive(context)) {
    EventScreen screen(context, flags.stream);
    return FollowEvents(context, flags, [&](const v1::Event& event) {
      screen.Add(EventLine(event));
      return absl::OkStatus();
    });
  }
  return FollowEvents(context, flags, [&](v1::Event& event) {
    const std::string line = EventLine(event);
    ShowUnknown(event);
    return EmitStreamed(context, event, line);
  });
}

void AddWatch(CLI::App* noun, CliContext& context) {
  auto flags = std::make_shared<WatchFlags>();
  CLI::App* verb = AddVerb(noun, context, "watch", "Follow the events as they are recorded",
                           [&context, flags] { return Watch(context, *flags); });
  verb->add_option("--start-position", flags->start,
                   "First position; the one after the head where absent");
  verb->add_option("--stream", flags->stream, "Only of this stream");
  verb->add_option("--count", flags->count, "End after this many events; 0 for never");
}

void AddHead(CLI::App* noun, CliContext& context) {
  AddVerb(noun, context, "head", "Show the head of the hash tree", [&context]() -> absl::Status {
    v1::GetTreeHeadRequest request;
    CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
    CREDENCE_ASSIGN_OR_RETURN(const auto response,
                              CallRpc<v1::GetTreeHeadResponse>(context, std::move(request)));
    Presentation presentation;
    presentation.table = [&] {
      return FieldTable({{"origin", response.origin()},
                         {"tree size", absl::StrCat(response.tree_head().tree_size())},
                         {"root hash", Hex(response.tree_head().root_hash())}});
    };
    return Emit(context, response, presentation);
  });
}

void AddInfo(CLI::App* noun, CliContext& context) {
  AddVerb(noun, context, "info", "Show what the server is and how it stands",
          [&context]() -> absl::Status {
            CREDENCE_ASSIGN_OR_RETURN(
                const auto response,
                CallRpc<v1::GetServerInfoResponse>(context, v1::GetServerInfoRequest()));
            Presentation presentation;
            presentation.table = [&] {
              return FieldTable(
                  {{"version", response.version()},
                   {"engine version", response.engine_version()},
                   {"origin", response.origin()},
                   {"verifier key", response.verifier_key()},
                   {"tree size", absl::StrCat(response.tree_head().tree_size())},
                   {"root hash", Hex(response.tree_head().root_hash())},
                   {"events of unknown type", absl::StrCat(response.unknown_event_count())}});
            };
            return Emit(context, response, presentation);
          });
}

void AddCheckpoint(CLI::App* noun, CliContext& context) {
  auto request = std::make_shared<v1::GetCheckpointRequest>();
  auto last_signed = std::make_shared<bool>(false);
  CLI::App* verb =
      AddVerb(noun, context, "checkpoint", "Show the signed head of the log: a signed note",
              [&context, request, last_signed]() -> absl::Status {
                request->set_last_signed(*last_signed);
                CREDENCE_ASSIGN_OR_RETURN(const auto response,
                                          CallRpc<v1::GetCheckpointResponse>(context, *request));
                // The note itself, so that it can be kept in a file.
                if (context.flags().output == OutputFormat::kTable) {
                  context.out() << response.checkpoint();
                  return absl::OkStatus();
                }
                Presentation presentation;
                presentation.table = [&] {
                  return FieldTable({{"tree size", absl::StrCat(response.tree_head().tree_size())},
                                     {"root hash", Hex(response.tree_head().root_hash())}});
                };
                return Emit(context, response, presentation);
              });
  verb->add_flag("--last-signed", *last_signed,
                 "The checkpoint signed last, even where the log has grown since");
}

// The proof as a file that stands by itself.
absl::StatusOr<std::string> LogProofText(const v1::GetInclusionProofResponse& response) {
  client::LogProof proof;
  proof.index = response.inclusion_proof().leaf_index();
  for (const std::string& bytes : response.inclusion_proof().hashes()) {
    const std::optional<client::Hash> hash = client::HashFromBytes(bytes);
    if (!hash.has_value()) return absl::InternalError("the server gave a hash that is none");
    proof.path.push_back(*hash);
  }
  proof.checkpoint = response.checkpoint();
  return client::FormatLogProof(proof);
}

void AddProof(CLI::App* noun, CliContext& context) {
  auto position = std::make_shared<int64_t>(0);
  CLI::App* verb = AddVerb(
      noun, context, "proof", "Prove that an event is in the log: a C2SP tlog-proof",
      [&context, position]() -> absl::Status {
        v1::GetInclusionProofRequest request;
        request.set_position(*position);
        CREDENCE_ASSIGN_OR_RETURN(const auto response, CallRpc<v1::GetInclusionProofResponse>(
                                                           context, std::move(request)));
        if (context.flags().output == OutputFormat::kTable) {
          CREDENCE_ASSIGN_OR_RETURN(const std::string text, LogProofText(response));
          context.out() << text;
          return absl::OkStatus();
        }
        Presentation presentation;
        presentation.table = [&] {
          return FieldTable({{"position", absl::StrCat(*position)},
                             {"leaf hash", Hex(response.leaf_hash())},
                             {"tree size", absl::StrCat(response.tree_head().tree_size())},
                             {"root hash", Hex(response.tree_head().root_hash())}});
        };
        return Emit(context, response, presentation);
      });
  verb->add_option("POSITION", *position, "Position of the event")->required();
}

}  // namespace

void AddLedgerCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = AddNoun(app, "ledger", "The log itself");
  AddEvents(noun, context);
  AddWatch(noun, context);
  AddHead(noun, context);
  AddInfo(noun, context);
  AddCheckpoint(noun, context);
  AddProof(noun, context);
  AddCheckProof(noun, context);
  AddCompletenessVerbs(noun, context);
}

}  // namespace credence::cli
