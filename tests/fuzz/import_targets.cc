#include <string>
#include <vector>

#include "fuzz_target.h"
#include "import/cdf_points.h"
#include "import/csv.h"
#include "import/fields.h"
#include "import/formats.h"
#include "import/json.h"
#include "import/plan.h"
#include "import/text_file.h"
#include "scratch_file.h"

// Files of other systems: archives, tables, JSON, and what each source makes of them.
namespace credence::fuzz {
namespace {

using cli::Plan;
using cli::PlanOptions;
using cli::TextFile;

// A file of any of the forms that are unpacked: plain, gzip, zip.
void Unpack(std::string_view input, const std::string& ending) {
  const ScratchFile file(input, ending);
  (void)cli::ReadTextFiles({file.path()});
}
void ReadZip(std::string_view input) { Unpack(input, ".zip"); }
void ReadGzip(std::string_view input) { Unpack(input, ".gz"); }

void ReadJson(std::string_view input) {
  const TextFile file{"file.jsonl", std::string(input)};
  (void)cli::ParseJson(file);
  (void)cli::ForEachObject(file, [](const boost::json::object& object, int64_t) {
    (void)cli::TextOf(object, "id");
    (void)cli::HasMember(object, "probability");
  });
}

void ReadImportCsv(std::string_view input) {
  const TextFile file{"file.csv", std::string(input)};
  auto reader = cli::CsvReader::Open(file);
  if (!reader.ok()) return;
  for (auto more = reader->Next(); more.ok() && *more; more = reader->Next()) {
    (void)reader->Get("id");
  }
}

void ReadFields(std::string_view input) {
  (void)cli::ParseInstant(input);
  (void)cli::ParseNumber(input);
  (void)cli::ParseUnixTime(input);
  (void)cli::ParseList(input);
  (void)cli::ToUtf8(std::string(input));
}

// Files in one input, each after a line "== NAME".
std::vector<TextFile> SplitFiles(std::string_view input) {
  std::vector<TextFile> files;
  size_t at = 0;
  while (at < input.size() && files.size() < 8) {
    const size_t end = std::min(input.find("\n== ", at), input.size());
    const std::string_view part = input.substr(at, end - at);
    const size_t name_end = std::min(part.find('\n'), part.size());
    std::string name(part.substr(0, name_end));
    if (name.starts_with("== ")) name.erase(0, 3);
    files.push_back({std::move(name), std::string(part.substr(name_end))});
    at = end + 1;
  }
  return files;
}

template <typename Reader>
void Import(std::string_view input, const Reader& reader) {
  PlanOptions options;
  options.now = absl::FromUnixSeconds(1'700'000'000);
  options.skip_problems = input.size() % 2 == 0;
  Plan plan(options);
  if (reader(SplitFiles(input), plan).ok()) (void)plan.Finish();
}

void ImportForecastBench(std::string_view input) { Import(input, cli::ReadForecastBench); }
void ImportMetaculus(std::string_view input) { Import(input, cli::ReadMetaculus); }
void ImportGoodJudgment(std::string_view input) { Import(input, cli::ReadGoodJudgment); }
void ImportTables(std::string_view input) { Import(input, cli::ReadTables); }
void ImportManifold(std::string_view input) {
  Import(input, [](const std::vector<TextFile>& files, Plan& plan) {
    return cli::ReadManifold(files, files.size() > 1, plan);
  });
}

}  // namespace

std::vector<FuzzTarget> ImportTargets() {
  return {{"zip", ReadZip},
          {"gzip", ReadGzip},
          {"import-json", ReadJson},
          {"import-csv", ReadImportCsv},
          {"import-fields", ReadFields},
          {"import-forecastbench", ImportForecastBench},
          {"import-metaculus", ImportMetaculus},
          {"import-gjp", ImportGoodJudgment},
          {"import-manifold", ImportManifold},
          {"import-tables", ImportTables}};
}

}  // namespace credence::fuzz
