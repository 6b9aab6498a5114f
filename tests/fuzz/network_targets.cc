#include <CLI/CLI.hpp>

#include <sstream>
#include <string>

#include "apply_file.h"
#include "credence/base/check.h"
#include "credence/forecaster/formats.h"
#include "fuzz_target.h"
#include "main/configuration.h"
#include "main/csv.h"
#include "main/network_document.h"
#include "scratch_file.h"

// Files that people write: networks, declarations, the configuration, tables to score.
namespace credence::fuzz {
namespace {

using forecaster::NetworkFormat;

// What was read is written and read again, and is the same network then.
void ReadNetwork(NetworkFormat format, std::string_view input) {
  const auto file = forecaster::ParseNetworkFile(format, input);
  if (!file.ok()) return;
  std::vector<forecaster::FileNote> notes;
  const auto text = forecaster::WriteNetworkFile(format, *file, &notes);
  if (!text.ok()) return;
  const auto again = forecaster::ParseNetworkFile(format, *text);
  CREDENCE_CHECK(again.ok());
  CREDENCE_CHECK(again->network.nodes.size() == file->network.nodes.size());
}

void ReadBif(std::string_view input) { ReadNetwork(NetworkFormat::kBif, input); }
void ReadXmlBif(std::string_view input) { ReadNetwork(NetworkFormat::kXmlBif, input); }
void ReadUai(std::string_view input) { ReadNetwork(NetworkFormat::kUai, input); }
void ReadUaiEvidence(std::string_view input) { (void)forecaster::ParseUaiEvidence(input); }

void ReadNetworkYaml(std::string_view input) {
  std::istringstream in{std::string(input)};
  (void)server::ReadNetworkDocument("-", in);
}

void ReadDeclarations(std::string_view input) {
  (void)cli::ParseApplyFile("file.yaml", std::string(input));
}

void ReadConfiguration(std::string_view input) {
  const ScratchFile file(input, ".yaml");
  CLI::App app;
  CLI::App* const command = app.add_subcommand("serve");
  const auto configuration = server::Configuration::AddTo(command);
  std::string text;
  int number = 0;
  std::vector<std::string> list;
  command->add_option("--text", text);
  command->add_option("--number", number);
  command->add_option("--list", list);
  configuration->NameVariables();
  try {
    app.parse(std::vector<std::string>{file.path(), "--config", "serve"});
  } catch (const CLI::ParseError&) {
    return;
  }
  (void)configuration->Print();
}

void ReadCsv(std::string_view input) {
  auto reader = server::CsvReader::Open("file.csv", input);
  if (!reader.ok()) return;
  const size_t columns = reader->columns().size();
  for (auto more = reader->Next(); more.ok() && *more; more = reader->Next()) {
    for (size_t column = 0; column < columns; ++column) {
      (void)reader->Field(static_cast<int>(column));
    }
  }
}

}  // namespace

std::vector<FuzzTarget> NetworkTargets() {
  return {{"bif", ReadBif},
          {"xmlbif", ReadXmlBif},
          {"uai", ReadUai},
          {"uai-evidence", ReadUaiEvidence},
          {"network-yaml", ReadNetworkYaml},
          {"declarations", ReadDeclarations},
          {"configuration", ReadConfiguration},
          {"score-csv", ReadCsv}};
}

}  // namespace credence::fuzz
