#include "credence/cli/table.h"

#include <algorithm>
#include <ostream>

#include "credence/base/check.h"

namespace credence::cli {
namespace {

bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

std::string OneLine(std::string text) {
  for (char& byte : text) {
    if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f) byte = ' ';
  }
  return text;
}

std::string CsvField(const std::string& raw) {
  if (raw.find_first_of(",\"\r\n") == std::string::npos) return raw;
  std::string quoted = "\"";
  for (const char byte : raw) {
    if (byte == '"') quoted.push_back('"');
    quoted.push_back(byte);
  }
  return quoted + "\"";
}

void WriteLine(const std::vector<std::string>& texts, const std::vector<size_t>& widths,
               const std::vector<Table::Column>& columns, std::ostream& out) {
  std::string line;
  for (size_t index = 0; index < texts.size(); ++index) {
    if (index > 0) line += "  ";
    const std::string padding(widths[index] - CodePointCount(texts[index]), ' ');
    const bool right = columns[index].align == Table::Align::kRight;
    line += right ? padding + texts[index] : texts[index] + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out << line << "\n";
}

}  // namespace

size_t CodePointCount(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return !IsContinuation(byte); }));
}

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::AddRow(std::vector<Cell> cells) {
  CREDENCE_CHECK(cells.size() == columns_.size());
  rows_.push_back(std::move(cells));
}

void Table::WriteText(std::ostream& out) const {
  std::vector<std::vector<std::string>> lines(1);
  for (const Column& column : columns_) lines.front().push_back(column.title);
  for (const std::vector<Cell>& row : rows_) {
    lines.emplace_back();
    for (const Cell& cell : row) lines.back().push_back(OneLine(cell.text));
  }
  std::vector<size_t> widths(columns_.size(), 0);
  for (const std::vector<std::string>& line : lines) {
    for (size_t index = 0; index < line.size(); ++index) {
      widths[index] = std::max(widths[index], CodePointCount(line[index]));
    }
  }
  for (const std::vector<std::string>& line : lines) WriteLine(line, widths, columns_, out);
}

void Table::WriteCsv(std::ostream& out) const {
  for (size_t index = 0; index < columns_.size(); ++index) {
    out << (index > 0 ? "," : "") << CsvField(columns_[index].title);
  }
  out << "\n";
  for (const std::vector<Cell>& row : rows_) {
    for (size_t index = 0; index < row.size(); ++index) {
      out << (index > 0 ? "," : "") << CsvField(row[index].raw);
    }
    out << "\n";
  }
}

}  // namespace credence::cli
