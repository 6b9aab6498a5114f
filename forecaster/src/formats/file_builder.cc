#include "formats/file_builder.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "absl/strings/str_join.h"
#include "credence/base/check.h"
#include "credence/base/error.h"
#include "credence/base/status_macros.h"
#include "credence/base/strings.h"
#include "credence/forecaster/error_reasons.h"
#include "formats/text_cursor.h"
#include "model/names.h"
#include "sizes.h"

namespace credence::forecaster {
namespace {

std::string Short(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

// The sum with the rounding of each addition carried along (Neumaier 1974), so that numbers that
// sum to one in decimal do so here.
double CompensatedSum(std::span<const double> values) {
  double sum = 0.0;
  double lost = 0.0;
  for (const double value : values) {
    const double next = sum + value;
    lost += std::abs(sum) >= std::abs(value) ? (sum - next) + value : (value - next) + sum;
    sum = next;
  }
  return sum + lost;
}

}  // namespace

FileBuilder::FileBuilder() {
  file_.network.open_time = absl::UnixEpoch();
  file_.network.deadline = absl::UnixEpoch() + absl::Hours(24);
}

absl::Status FileBuilder::NameError(std::string_view what, std::string_view name,
                                    std::string_view node, int64_t line) const {
  return FileError(reasons::kNameInvalid, line, node,
                   Cat(what, " ", Quoted(name), " is not 1 to ", kMaxNameLength,
                       " bytes without control characters"));
}

absl::StatusOr<int> FileBuilder::AddNode(std::string_view name, std::vector<std::string> states,
                                         int64_t line) {
  const int node = node_count();
  if (node >= kMaxNodes) {
    return FileError(reasons::kSizeLimit, line, name, Cat("more than ", kMaxNodes, " nodes"));
  }
  if (!IsLegalName(name)) return NameError("the name", name, "", line);
  if (!index_.emplace(std::string(name), node).second) {
    return FileError(reasons::kNameDuplicate, line, name, "declared a second time");
  }
  if (states.empty() || Size(states) > kMaxStatesPerNode) {
    return FileError(reasons::kSizeLimit, line, name,
                     Cat("has ", states.size(), " states; 1 to ", kMaxStatesPerNode, " are taken"));
  }
  absl::flat_hash_map<std::string, int>& index = state_index_.emplace_back();
  for (int s = 0; s < Size(states); ++s) {
    if (!IsLegalName(states[s])) return NameError("the state", states[s], name, line);
    if (index.emplace(states[s], s).second) continue;
    return FileError(reasons::kNameDuplicate, line, name,
                     Cat("the state ", Quoted(states[s]), " stands twice"));
  }
  Node& declared = file_.network.nodes.emplace_back();
  declared.name = std::string(name);
  declared.states = std::move(states);
  file_.nodes.emplace_back().line = line;
  tables_.emplace_back();
  divided_.emplace_back();
  return node;
}

int FileBuilder::node_count() const { return Size(file_.network.nodes); }

std::optional<int> FileBuilder::Find(std::string_view name) const {
  const auto found = index_.find(ToAbsl(name));
  if (found == index_.end()) return std::nullopt;
  return found->second;
}

const std::string& FileBuilder::NameOf(int node) const { return file_.network.nodes[node].name; }

const std::vector<std::string>& FileBuilder::StatesOf(int node) const {
  return file_.network.nodes[node].states;
}

std::optional<int> FileBuilder::FindState(int node, std::string_view state) const {
  const auto found = state_index_[node].find(ToAbsl(state));
  if (found == state_index_[node].end()) return std::nullopt;
  return found->second;
}

absl::Status FileBuilder::UnknownNode(std::string_view name, int64_t line) const {
  std::vector<std::string_view> names;
  for (const Node& node : file_.network.nodes) names.push_back(node.name);
  return FileError(reasons::kUnknownNode, line, "",
                   Cat("there is no node ", Quoted(name), Suggestion(name, names)));
}

absl::Status FileBuilder::StartTable(int node, std::vector<int> parents, int64_t line) {
  const std::string& name = NameOf(node);
  FileTable& table = tables_[node];
  if (HasTable(node)) {
    return FileError(reasons::kNameDuplicate, line, name,
                     Cat("a second table; the first is on line ", table.line));
  }
  if (Size(parents) > kMaxParentsPerNode) {
    return FileError(reasons::kSizeLimit, line, name,
                     Cat("more than ", kMaxParentsPerNode, " parents"));
  }
  std::vector<int> sorted = parents;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    return FileError(reasons::kNameDuplicate, line, name,
                     Cat("the parent ", Quoted(NameOf(*twice)), " stands twice"));
  }
  const int64_t states = Size(StatesOf(node));
  int64_t rows = 1;
  for (const int parent : parents) {
    rows *= Size(StatesOf(parent));
    if (rows <= kMaxRowsPerNode && rows * states <= kMaxCellsPerFileNode) continue;
    return FileError(reasons::kSizeLimit, line, name,
                     Cat("its table has more than ", kMaxRowsPerNode, " rows or ",
                         kMaxCellsPerFileNode, " cells"));
  }
  table.line = line;
  table.parents = std::move(parents);
  table.row_count = rows;
  return absl::OkStatus();
}

std::string FileBuilder::RowText(int node, int64_t row) const {
  const FileTable& table = tables_[node];
  if (table.parents.empty()) return "";
  std::vector<std::string> parts(table.parents.size());
  for (int p = Size(table.parents) - 1; p >= 0; --p) {
    const std::vector<std::string>& states = StatesOf(table.parents[p]);
    parts[p] = Cat(NameOf(table.parents[p]), " = ", states[row % Size(states)]);
    row /= Size(states);
  }
  return Cat(" (", absl::StrJoin(parts, ", "), ")");
}

absl::Status FileBuilder::TakeRow(int node, int64_t row, int64_t line) {
  const auto states = static_cast<int64_t>(StatesOf(node).size());
  const std::span<double> values(tables_[node].values.data() + row * states,
                                 static_cast<size_t>(states));
  for (const double value : values) {
    if (std::isfinite(value) && value >= 0.0) continue;
    return FileError(
        reasons::kNumberInvalid, line, NameOf(node),
        Cat("row", RowText(node, row), " has the value ", Short(value), "; it must be >= 0"));
  }
  const double sum = CompensatedSum(values);
  const double miss = std::abs(sum - 1.0);
  // Rounding of each decimal to a double cannot move the sum further than this.
  const double rounding = static_cast<double>(states + 2) * 0x1p-54;
  if (miss <= rounding) return absl::OkStatus();
  // Decimals that miss by just what is taken, such as 0.3 and 0.699999, count as that.
  if (!(miss <= kRowMissTaken + rounding)) {
    return FileError(reasons::kRowSum, line, NameOf(node),
                     Cat("row", RowText(node, row), " sums to ", Short(sum), ", not to 1"));
  }
  for (double& value : values) value /= sum;
  Divided& divided = divided_[node];
  if (divided.count++ == 0) divided.line = line;
  divided.largest_miss = std::max(divided.largest_miss, miss);
  return absl::OkStatus();
}

absl::Status FileBuilder::TakeRows(int node) {
  for (int64_t row = 0; row < tables_[node].row_count; ++row) {
    CREDENCE_RETURN_IF_ERROR(TakeRow(node, row, tables_[node].line));
  }
  return absl::OkStatus();
}

void FileBuilder::AddDivisionNotes() {
  for (int node = 0; node < node_count(); ++node) {
    const Divided& divided = divided_[node];
    if (divided.count == 0) continue;
    const bool one = divided.count == 1;
    file_.notes.push_back(
        {.line = divided.line,
         .node = NameOf(node),
         .text = Cat(divided.count, one ? " row missed" : " rows missed", " 1 by up to ",
                     Short(divided.largest_miss),
                     one ? ", and was divided by its sum" : ", and were divided by their sums")});
  }
  std::stable_sort(file_.notes.begin(), file_.notes.end(),
                   [](const FileNote& a, const FileNote& b) { return a.line < b.line; });
}

absl::StatusOr<NetworkFile> FileBuilder::Finish() {
  if (node_count() == 0) {
    return FileError(reasons::kSizeLimit, 1, "", "the file declares no variable");
  }
  for (int node = 0; node < node_count(); ++node) {
    FileTable& table = tables_[node];
    Node& declared = file_.network.nodes[node];
    if (!HasTable(node)) {
      return FileError(reasons::kRowCount, file_.nodes[node].line, declared.name,
                       "has no table of probabilities");
    }
    const int64_t states = Size(declared.states);
    CREDENCE_CHECK(static_cast<int64_t>(table.values.size()) == table.row_count * states);
    for (const int parent : table.parents) declared.parents.push_back(NameOf(parent));
    RowTable rows;
    rows.rows.reserve(static_cast<size_t>(table.row_count));
    for (auto at = table.values.begin(); at != table.values.end(); at += states) {
      rows.rows.emplace_back(FixedRow{std::vector<double>(at, at + states)});
    }
    declared.table = std::move(rows);
    table.values = {};
  }
  AddDivisionNotes();
  if (file_.network.name.empty()) file_.network.name = "unnamed";
  CREDENCE_RETURN_IF_ERROR(Validate(file_.network));
  return std::move(file_);
}

}  // namespace credence::forecaster
