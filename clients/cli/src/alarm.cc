#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "command.h"
#include "credence/v1/inference_service.pb.h"
#include "format.h"
#include "output.h"

// Coherence alarms, listed and watched.
namespace credence::cli {
namespace {

std::string StatedText(const v1::QuestionProbability& stated) {
  return absl::StrCat(IdOf(stated.question()), " ", Percent(stated.probability()));
}

std::string RelatedText(const v1::CoherenceAlarm& alarm) {
  return absl::StrJoin(alarm.related(), ", ",
                       [](std::string* out, const v1::QuestionProbability& stated) {
                         out->append(StatedText(stated));
                       });
}

// "more than 12.00 % of q2": what the numbers break.
std::string BreachText(const v1::CoherenceAlarm& alarm) {
  switch (alarm.kind()) {
    case v1::COHERENCE_ALARM_KIND_ORDER:
      return "exceeds what it implies";
    case v1::COHERENCE_ALARM_KIND_JOINT_ABOVE:
      return "exceeds a part of it";
    case v1::COHERENCE_ALARM_KIND_JOINT_BELOW:
      return absl::StrCat("is below ", Percent(alarm.bound()), ", which its parts make sure of");
    default:
      return "is out of bounds";
  }
}

std::string AlarmLine(const v1::WatchCoherenceAlarmsResponse& message) {
  const v1::CoherenceAlarm& alarm = message.alarm();
  return absl::StrCat(EnumText(v1::CoherenceChange_descriptor(), message.change()), "  ",
                      alarm.subject(), ": ", StatedText(alarm.question()), " ", BreachText(alarm),
                      ": ", RelatedText(alarm), " (by ", PercentagePoints(alarm.excess()), ")");
}

Table AlarmTable(const v1::ListCoherenceAlarmsResponse& response) {
  Table table({{"WHOSE"},
               {"QUESTION"},
               {"PROBABILITY", Table::Align::kRight},
               {"BREACH"},
               {"RELATED"},
               {"BY", Table::Align::kRight}});
  for (const v1::CoherenceAlarm& alarm : response.alarms()) {
    const double probability = alarm.question().probability();
    table.AddRow({alarm.subject(),
                  IdOf(alarm.question().question()),
                  {Percent(probability), Exact(probability)},
                  BreachText(alarm),
                  RelatedText(alarm),
                  {PercentagePoints(alarm.excess()), Exact(alarm.excess())}});
  }
  return table;
}

struct Flags {
  std::string question, subject, effective_time;
  bool watch = false;
  int64_t count = 0;
  ListFlags list;
};

// `model` as it is, a forecaster by id or name.
std::string SubjectOf(const Flags& flags) {
  return flags.subject == "model" ? flags.subject : NameIn("forecasters", flags.subject);
}

absl::Status List(CliContext& context, const Flags& flags) {
  v1::ListCoherenceAlarmsRequest request;
  request.set_parent(NameIn("questions", flags.question));
  request.set_subject(SubjectOf(flags));
  CREDENCE_ASSIGN_OR_RETURN(const auto time,
                            TimeFlag(context, "--effective-time", flags.effective_time));
  if (time) *request.mutable_effective_time() = *time;
  CREDENCE_ASSIGN_OR_RETURN(*request.mutable_view(), MakeView(context));
  v1::ListCoherenceAlarmsResponse response;
  CREDENCE_RETURN_IF_ERROR(ListPages(context, flags.list, "alarms", request, response));
  Presentation presentation;
  presentation.items = "alarms";
  presentation.table = [&] { return AlarmTable(response); };
  presentation.text = [&](std::ostream& out) {
    if (response.alarms().empty()) {
      out << "no forecasts contradict each other\n";
      return;
    }
    AlarmTable(response).WriteText(out);
  };
  return Emit(context, response, presentation);
}

absl::Status Watch(CliContext& context, const Flags& flags) {
  CREDENCE_RETURN_IF_ERROR(CheckStreamOutput(context));
  v1::WatchCoherenceAlarmsRequest request;
  request.set_parent(NameIn("questions", flags.question));
  request.set_subject(SubjectOf(flags));
  CREDENCE_ASSIGN_OR_RETURN(client::Client * client, context.Connect());
  absl::Status emitted;
  int64_t seen = 0;
  CREDENCE_RETURN_IF_ERROR(
      client->WatchCoherenceAlarms(request, [&](const v1::WatchCoherenceAlarmsResponse& message) {
        if (!message.has_alarm()) return true;
        emitted = EmitStreamed(context, message, AlarmLine(message));
        ++seen;
        return emitted.ok() && (flags.count == 0 || seen < flags.count);
      }));
  return emitted;
}

}  // namespace

void AddAlarmVerb(CLI::App* noun, CliContext& context) {
  auto flags = std::make_shared<Flags>();
  CLI::App* verb = AddVerb(noun, context, "alarms",
                           "Show forecasts on related questions that cannot all be right",
                           [&context, flags]() -> absl::Status {
                             return flags->watch ? Watch(context, *flags) : List(context, *flags);
                           });
  verb->add_option("QUESTION", flags->question, "Only about this question");
  verb->add_option("--subject", flags->subject, "Only of this forecaster, or of the `model`");
  verb->add_option("--effective-time", flags->effective_time,
                   "Compare what stood at this instant; what stands where absent");
  verb->add_flag("--watch", flags->watch, "Follow them: those that stand, then each change");
  verb->add_option("--count", flags->count, "With --watch, end after this many; 0 for never");
  AddListFlags(verb, &flags->list);
}

}  // namespace credence::cli
