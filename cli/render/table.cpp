#include "cli/render/table.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "cli/render/visible.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

enum class Align { left, right };

std::string padded(const std::string& text, int width, Align align) {
  const std::string fill(static_cast<std::size_t>(std::max(0, width - display_width(text))), ' ');
  return align == Align::right ? fill + text : text + fill;
}

// A line without the blanks at its end.
std::string trimmed(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::row(std::vector<OrderedJson> cells) {
  if (cells.size() != columns_.size()) {
    throw InternalError("table: {} cells for {} columns", cells.size(), columns_.size());
  }
  rows_.push_back(std::move(cells));
}

std::string Table::cell_text(std::size_t row, std::size_t column) const {
  const OrderedJson& cell = rows_.at(row).at(column);
  if (cell.is_null()) {
    return "–";
  }
  if (cell.is_string()) {
    return visible(cell.get_ref<const std::string&>(), Spaces::kept);
  }
  return cell.is_number_float() ? format_number(cell.get<double>(), columns_[column].digits)
                                : cell.dump();
}

bool Table::is_numeric(std::size_t column) const {
  return std::all_of(rows_.begin(), rows_.end(), [&](const auto& row) {
    return row[column].is_number() || row[column].is_null();
  });
}

std::string Table::text() const {
  std::vector<std::string> lines(rows_.size() + 2);
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    int width = display_width(columns_[column].name);
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      width = std::max(width, display_width(cell_text(row, column)));
    }
    const Align align = is_numeric(column) && !rows_.empty() ? Align::right : Align::left;
    const std::string gap = column == 0 ? "" : "  ";
    lines[0] += gap + padded(columns_[column].name, width, align);
    lines[1] += gap;
    for (int i = 0; i < width; ++i) {
      lines[1] += "─";
    }
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      lines[row + 2] += gap + padded(cell_text(row, column), width, align);
    }
  }
  std::string text;
  for (auto& line : lines) {
    text += trimmed(std::move(line));
  }
  return text;
}

OrderedJson Table::json() const {
  OrderedJson list = OrderedJson::array();
  for (const auto& row : rows_) {
    OrderedJson object = OrderedJson::object();
    for (std::size_t column = 0; column < columns_.size(); ++column) {
      OrderedJson cell = row[column];
      if (cell.is_string()) {
        const auto& text = cell.get_ref<const std::string&>();
        const bool is_utf8 = [&] {
          for (std::size_t at = 0; at < text.size();) {
            if (next_code_point(text, at) < 0) {
              return false;
            }
          }
          return true;
        }();
        if (!is_utf8) {
          cell = visible(text, Spaces::kept);
        }
      }
      object[key_of(columns_[column])] = std::move(cell);
    }
    list.push_back(std::move(object));
  }
  return list;
}

std::string key_of(const Table::Column& column) {
  if (!column.key.empty()) {
    return column.key;
  }
  std::string key;
  bool gap = false;
  for (const char c : column.name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter || (c >= '0' && c <= '9' && !key.empty())) {
      key += gap && !key.empty() ? "_" : "";
      key += letter ? static_cast<char>(c | 0x20) : c;
      gap = false;
    } else {
      gap = true;
    }
  }
  return key.empty() ? "value" : key;
}

OrderedJson cell_of(double value) {
  return std::isnan(value) ? OrderedJson() : OrderedJson(value);
}

std::string format_number(double value, int digits) {
  if (!std::isfinite(value)) {
    return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
  }
  const double size = std::abs(value);
  if (size >= 1e7 || (size > 0 && size < 0.5 * std::pow(10.0, -digits))) {
    return fmt::format("{:.2e}", value);
  }
  return fmt::format("{:.{}f}", value, digits);
}

std::string format_seconds(double seconds) {
  if (seconds < 1) {
    return fmt::format("{:.0f} ms", seconds * 1000);
  }
  if (seconds < 59.95) {
    return fmt::format("{:.1f} s", seconds);
  }
  const auto whole = std::llround(seconds);
  return whole < 3600 ? fmt::format("{} min {:02} s", whole / 60, whole % 60)
                      : fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

}  // namespace headscope
