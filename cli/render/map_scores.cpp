#include "cli/render/map_scores.h"

#include <cmath>
#include <limits>
#include <unordered_map>

namespace headscope {
namespace {

class Mean {
 public:
  void add(double value) {
    sum_ += value;
    ++count_;
  }
  [[nodiscard]] double value() const {
    return count_ == 0 ? std::numeric_limits<double>::quiet_NaN()
                       : sum_ / static_cast<double>(count_);
  }

 private:
  double sum_ = 0;
  std::int64_t count_ = 0;
};

struct RowShape {
  double entropy = 0;
  double distance = 0;
};

RowShape shape_of(std::span<const float> row) {
  RowShape shape;
  for (std::size_t key = 0; key < row.size(); ++key) {
    const double p = row[key];
    shape.entropy -= p > 0 ? p * std::log(p) : 0;
    shape.distance += p * static_cast<double>(row.size() - 1 - key);
  }
  return shape;
}

}  // namespace

MapScores map_scores(std::span<const float> pattern, const std::vector<std::string>& tokens) {
  std::array<Mean, kMapScores.size()> means;
  auto& [first, previous, self, duplicate, induction, entropy, distance] = means;
  std::unordered_map<std::string_view, std::vector<std::size_t>> earlier;
  for (std::size_t query = 0; query < tokens.size(); ++query) {
    const auto row = pattern.subspan(query * tokens.size(), query + 1);
    auto& copies = earlier[tokens[query]];
    if (query > 0) {
      first.add(row[0]);
      previous.add(row[query - 1]);
    }
    self.add(row[query]);
    if (!copies.empty()) {
      double to_copies = 0;
      double to_next = 0;
      for (const std::size_t copy : copies) {
        to_copies += row[copy];
        to_next += copy + 1 < query ? row[copy + 1] : 0;
      }
      duplicate.add(to_copies);
      induction.add(to_next);
    }
    const RowShape shape = shape_of(row);
    entropy.add(shape.entropy);
    distance.add(shape.distance);
    copies.push_back(query);
  }
  MapScores scores{};
  for (std::size_t i = 0; i < scores.size(); ++i) {
    scores[i] = means[i].value();
  }
  return scores;
}

}  // namespace headscope
