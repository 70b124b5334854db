// Tables of results: the same rows as aligned text for a terminal and as JSON for a program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/json.h"

namespace headscope {

class Table {
 public:
  struct Column {
    std::string name;
    int digits = 3;  // decimals of its floating-point cells
    // The key of json(), where the name in snake_case is not the word a program should see.
    std::string key = {};
  };

  explicit Table(std::vector<Column> columns);

  // One cell a column: a number, text (raw bytes allowed: shown with visible.h), true/false, or
  // null (shown as –). Throws InternalError if the number of cells is wrong.
  void row(std::vector<OrderedJson> cells);

  // Columns padded to equal width (UTF-8 and wide characters counted right), numbers to the right,
  // a rule under the header; ends in a newline.
  [[nodiscard]] std::string text() const;

  // [{"layer": 3, "score": 0.92}, …]: full precision, column order kept, keys as by key_of(). Text
  // that is no UTF-8 is made visible first; NaN and infinities become null.
  [[nodiscard]] OrderedJson json() const;

  [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] std::string cell_text(std::size_t row, std::size_t column) const;
  [[nodiscard]] bool is_numeric(std::size_t column) const;  // every cell a number or null

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<OrderedJson>> rows_;
};

// The key of a column in JSON: its own, else its name in snake_case from the first letter on
// ("score of A": "score_of_a", "95 % low": "low").
std::string key_of(const Table::Column& column);

// What a cell shows of a number that may be undefined: null, shown as –, for NaN.
OrderedJson cell_of(double value);

// 0.923, 12.000, 1.20e-05 (too small for `digits`), 4.57e+08 (seven digits or more), nan, inf.
std::string format_number(double value, int digits = 3);

std::string format_seconds(double seconds);  // "850 ms", "12.3 s", "4 min 05 s", "2 h 03 min"

}  // namespace headscope
