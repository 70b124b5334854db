// The cells of a sweep: what is changed, one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analyses/results/result_store.h"

namespace headscope {

struct Cell {
  std::int64_t layer = 0;
  std::int64_t head = -1;  // or variant of a replacement; −1: every head, or a site without heads
  std::int64_t pos = -1;   // −1: the positions the sweep chose
  bool operator==(const Cell&) const = default;
};

class Grid {
 public:
  struct Options {
    std::int64_t layers = 0;
    std::int64_t first_layer = 0;
    std::string layer_axis = "layer";
    std::vector<std::string> layer_labels{};  // by default their numbers
    std::int64_t heads = 0;                   // 0: no head axis
    std::string head_axis = "head";
    std::vector<std::string> head_labels{};  // by default their numbers
    std::int64_t positions = 0;              // 0: no pos axis
    std::string position_axis = "pos";
    std::vector<std::string> position_labels{};  // by default their numbers
  };
  explicit Grid(Options options) : options_(std::move(options)) {}

  // In row-major order: layer, head, pos.
  [[nodiscard]] std::int64_t size() const;
  [[nodiscard]] Cell cell(std::int64_t index) const;
  [[nodiscard]] std::int64_t index(const Cell& cell) const;
  [[nodiscard]] std::vector<ResultAxis> axes() const;
  [[nodiscard]] std::string name(const Cell& cell) const;  // to_string(), but for what has labels
  [[nodiscard]] const Options& options() const { return options_; }

 private:
  Options options_;
};

// "23.3", "layer 4", "23.3 @7": how a cell is called in tables and errors.
std::string to_string(const Cell& cell);

}  // namespace headscope
