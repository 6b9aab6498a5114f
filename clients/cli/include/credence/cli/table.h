#pragma once

#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

namespace credence::cli {

// A table for people and for spreadsheets. Each cell has a text for people and the raw value, which
// is the text where none is given.
//
// Not thread-safe.
class Table {
 public:
  enum class Align { kLeft, kRight };

  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  struct Cell {
    Cell(std::string text_in) : text(std::move(text_in)), raw(text) {}  // NOLINT: a text is a cell
    Cell(const char* text_in) : text(text_in), raw(text) {}             // NOLINT: a text is a cell
    Cell(std::string text_in, std::string raw_in)
        : text(std::move(text_in)), raw(std::move(raw_in)) {}
    std::string text;
    std::string raw;
  };

  explicit Table(std::vector<Column> columns);

  // Adds a row; it must have one cell for each column.
  void AddRow(std::vector<Cell> cells);

  [[nodiscard]] bool empty() const { return rows_.empty(); }

  // Writes titles and rows aligned, two spaces between columns, no spaces at line ends. Widths
  // count code points of UTF-8. Line breaks and control characters within cells become spaces.
  void WriteText(std::ostream& out) const;

  // Writes titles and raw values as RFC 4180 with line feeds.
  void WriteCsv(std::ostream& out) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// Number of code points of a UTF-8 text.
[[nodiscard]] size_t CodePointCount(const std::string& text);

}  // namespace credence::cli
