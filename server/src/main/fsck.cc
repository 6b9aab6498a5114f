#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>
#include <string>

#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/cli/context.h"
#include "credence/ledger/fsck.h"
#include "credence/ledger/salvage.h"
#include "main/commands.h"
#include "main/progress.h"

namespace credence::server {
namespace {

std::string_view SeverityName(ledger::Severity severity) {
  return severity == ledger::Severity::kDamage ? "damage" : "warning";
}

void PrintTable(const ledger::FsckReport& report, std::ostream& out) {
  for (const ledger::Finding& finding : report.findings) {
    out << SeverityName(finding.severity) << ": " << finding.part << ", " << finding.where << ": "
        << finding.what << "\n  advice: " << finding.advice << "\n";
  }
  if (report.omitted_finding_count > 0) {
    out << "and " << report.omitted_finding_count << " findings more\n";
  }
  if (!report.origin.empty()) out << "origin      " << report.origin << "\n";
  out << "files       " << report.file_count << " read, " << report.byte_count
      << " bytes of tables\n"
      << "size        " << report.recorded.size.value << " events in " << report.stream_count
      << " streams, " << report.request_count << " writes\n"
      << "root        " << ledger::ToHex(report.recorded.root) << "\n"
      << "intact      " << report.intact_size.value << " events from the first on\n"
      << "state       " << report.state_count << " documents of projections\n"
      << (report.sound() ? "sound" : "damaged") << "\n";
}

absl::Status PrintStruct(const google::protobuf::Struct& json, std::ostream& out) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(json, &text, options).ok()) {
    return absl::InternalError("what was found is not valid UTF-8");
  }
  out << text;
  return absl::OkStatus();
}

absl::Status PrintJson(const ledger::FsckReport& report, std::ostream& out) {
  google::protobuf::Struct json;
  auto& fields = *json.mutable_fields();
  const auto number = [&](const char* name, int64_t value) {
    fields[name].set_number_value(static_cast<double>(value));
  };
  fields["sound"].set_bool_value(report.sound());
  fields["origin"].set_string_value(report.origin);
  fields["root"].set_string_value(ledger::ToHex(report.recorded.root));
  number("size", report.recorded.size.value);
  number("intactSize", report.intact_size.value);
  number("streamCount", report.stream_count);
  number("requestCount", report.request_count);
  number("stateCount", report.state_count);
  number("fileCount", report.file_count);
  number("byteCount", report.byte_count);
  number("omittedFindingCount", report.omitted_finding_count);
  auto& findings = *fields["findings"].mutable_list_value();
  for (const ledger::Finding& finding : report.findings) {
    auto& item = *findings.add_values()->mutable_struct_value()->mutable_fields();
    item["severity"].set_string_value(std::string(SeverityName(finding.severity)));
    item["part"].set_string_value(finding.part);
    item["where"].set_string_value(finding.where);
    item["what"].set_string_value(finding.what);
    item["advice"].set_string_value(finding.advice);
  }
  return PrintStruct(json, out);
}

void PrintSalvage(const ledger::SalvageReport& report, std::ostream& out) {
  for (const std::string& place : report.unread) out << "not readable: " << place << "\n";
  out << "origin      " << report.origin << "\n"
      << "size        " << report.head.size.value << " events, proved\n"
      << "root        " << ledger::ToHex(report.head.root) << "\n"
      << "recorded    " << report.recorded.size.value << " events\n"
      << "lost        " << report.recorded.size.value - report.head.size.value << " events, "
      << report.unproved_count << " of them whole but not proved\n"
      << "forgotten   " << report.forgotten_request_count
      << " requests, whose repeats will be refused\n"
      << "lost texts  " << report.lost_text_count << "\n";
}

absl::Status PrintSalvageJson(const ledger::SalvageReport& report, std::ostream& out) {
  google::protobuf::Struct json;
  auto& fields = *json.mutable_fields();
  const auto number = [&](const char* name, int64_t value) {
    fields[name].set_number_value(static_cast<double>(value));
  };
  fields["origin"].set_string_value(report.origin);
  fields["root"].set_string_value(ledger::ToHex(report.head.root));
  number("size", report.head.size.value);
  number("recordedSize", report.recorded.size.value);
  number("unprovedCount", report.unproved_count);
  number("forgottenRequestCount", report.forgotten_request_count);
  number("lostTextCount", report.lost_text_count);
  auto& unread = *fields["unread"].mutable_list_value();
  for (const std::string& place : report.unread) unread.add_values()->set_string_value(place);
  return PrintStruct(json, out);
}

absl::Status RunSalvage(const std::string& directory, const std::string& out_directory,
                        cli::CliContext& context) {
  ProgressLine progress(context);
  ledger::SalvageOptions options;
  options.directory = directory;
  options.out_directory = out_directory;
  options.progress = [&](const ledger::FsckProgress& step) {
    progress.Show(step.step, step.done, step.total);
  };
  CREDENCE_ASSIGN_OR_RETURN(const ledger::SalvageReport report, ledger::Salvage(options));
  if (context.flags().output == cli::OutputFormat::kJson) {
    return PrintSalvageJson(report, context.out());
  }
  PrintSalvage(report, context.out());
  return absl::OkStatus();
}

absl::Status RunFsck(const std::string& directory, cli::CliContext& context) {
  ProgressLine progress(context);
  ledger::FsckOptions options;
  options.directory = directory;
  options.progress = [&](const ledger::FsckProgress& step) {
    progress.Show(step.step, step.done, step.total);
  };
  CREDENCE_ASSIGN_OR_RETURN(const ledger::FsckReport report, ledger::Fsck(options));
  return PrintFsckReport(report, Cat("the ledger in ", directory), context);
}

}  // namespace

absl::Status PrintFsckReport(const ledger::FsckReport& report, const std::string& subject,
                             cli::CliContext& context) {
  if (context.flags().output == cli::OutputFormat::kJson) {
    CREDENCE_RETURN_IF_ERROR(PrintJson(report, context.out()));
  } else {
    PrintTable(report, context.out());
  }
  if (report.sound()) return absl::OkStatus();
  ErrorDetail detail;
  detail.reason = "LEDGER_FAILED";
  return MakeError(absl::StatusCode::kDataLoss, Cat(subject, " is damaged"), detail);
}

void RegisterFsck(CLI::App& app, cli::CliContext& context) {
  CLI::App* command = app.add_subcommand(
      "fsck", "Verify every file and record of a ledger that is not being served; writes nothing");
  auto data = std::make_shared<std::string>();
  command->add_option("--data", *data, "Directory of the ledger")
      ->required()
      ->envname("CREDENCE_DATA");
  context.SetAction(command, [data, &context] { return RunFsck(*data, context); });
}

void RegisterSalvage(CLI::App& app, cli::CliContext& context) {
  CLI::App* command = app.add_subcommand(
      "salvage", "Write what can be proved of a damaged ledger into a new one; changes nothing");
  struct Flags {
    std::string data;
    std::string out;
  };
  const auto flags = std::make_shared<Flags>();
  command->add_option("--data", flags->data, "Directory of the damaged ledger")
      ->required()
      ->envname("CREDENCE_DATA");
  command->add_option("--out", flags->out, "Directory of the new ledger")->required();
  context.SetAction(command,
                    [flags, &context] { return RunSalvage(flags->data, flags->out, context); });
}

}  // namespace credence::server
