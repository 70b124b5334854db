// A value for every attention head of a model, and heads ranked by them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "lib/base/head_id.h"

namespace headscope {

// [n_layers, n_heads], layer by layer. Empty, or one value a head.
template <class T>
struct HeadTable {
  HeadGrid grid{};
  std::vector<T> values{};

  HeadTable() = default;
  explicit HeadTable(const HeadGrid& heads, const T& value = {})
      : grid(heads), values(heads.size(), value) {}
  HeadTable(const HeadGrid& heads, std::vector<T> all) : grid(heads), values(std::move(all)) {}
  bool operator==(const HeadTable&) const = default;

  // The heads that have a value: all, in order, or none.
  [[nodiscard]] std::vector<HeadId> heads() const {
    return values.empty() ? std::vector<HeadId>() : grid.heads();
  }
  [[nodiscard]] bool empty() const { return values.empty(); }
  [[nodiscard]] std::size_t size() const { return values.size(); }
  [[nodiscard]] const T& operator[](const HeadId& head) const {
    return values.at(grid.index_of(head));
  }
  [[nodiscard]] T& operator[](const HeadId& head) { return values.at(grid.index_of(head)); }
};

using HeadScores = HeadTable<double>;

// Every head, the highest score first; heads of equal scores in order of layer and
// head, those whose score is NaN last.
std::vector<HeadId> ranked_heads(const HeadScores& scores);

// The first `count` of them, or all if there are fewer.
std::vector<HeadId> top_heads(const HeadScores& scores, std::size_t count);

// True if the last of the `count` highest has the score of the next one: which of them is in is
// chance.
bool top_cuts_a_tie(const HeadScores& scores, std::size_t count);

}  // namespace headscope
