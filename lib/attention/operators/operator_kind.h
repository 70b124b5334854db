// What an operator is that may stand in a head's place (lib/attention/head_operator.h). Each is a
// file of this folder: a function that returns an AttentionOperator, and a line in operators.h.
// Command line, plans, measurements, help and tests take it up by themselves.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/attention/head_operator.h"

namespace headscope {

struct OperatorParameter {
  enum class Kind { count, number };  // a whole number, or any

  std::string_view name;
  std::string_view meaning;
  Kind kind = Kind::count;
  std::optional<double> otherwise{};  // what it is if nobody says; none: it must be said
  double least = 1.0;
  double most = std::numeric_limits<double>::infinity();
};

// A value for every parameter of an operator, in the order of its list.
class OperatorValues {
 public:
  OperatorValues() = default;
  explicit OperatorValues(std::vector<std::pair<std::string, double>> values)
      : values_(std::move(values)) {}

  [[nodiscard]] double number(std::string_view name) const;  // InternalError if it has none
  [[nodiscard]] std::int64_t count(std::string_view name) const {
    return static_cast<std::int64_t>(number(name));
  }
  [[nodiscard]] const std::vector<std::pair<std::string, double>>& all() const { return values_; }
  bool operator==(const OperatorValues&) const = default;

 private:
  std::vector<std::pair<std::string, double>> values_;
};

// By how much a layer turns queries and keys at each position; the first dimensions of a head, two
// of them a frequency: i and i + half, or 2i and 2i + 1.
struct KeyRotation {
  enum class Pairs { halves, adjacent } pairs = Pairs::halves;
  std::vector<double> frequencies{};  // radians a position
  double base = 10000.0;
};

// What it is made for: one layer, all of whose heads with these values share it.
struct OperatorPlace {
  std::int64_t layer = 0;
  std::optional<KeyRotation> rotation{};  // none: it turns nothing, or by the prompt's length
};

struct AttentionOperator {
  enum class Kind { selection, normalizer, compensation, position, direction };

  std::string_view name;
  Kind kind = Kind::selection;
  std::string_view summary;
  std::string_view definition;
  std::string_view source;
  std::vector<OperatorParameter> parameters{};
  // Why a model that was not trained with it is expected to suffer; said in every output of such a
  // run. Empty: it was made to be put in.
  std::string_view untrained{};
  // Throws UsageError for values that do not go together.
  void (*check)(const OperatorValues& values) = nullptr;
  // Throws UsageError where it has no meaning in such a layer.
  std::shared_ptr<const HeadOperator> (*make)(const OperatorValues& values,
                                              const OperatorPlace& place);
};

std::string_view to_string(AttentionOperator::Kind kind);

std::span<const AttentionOperator> all_operators();

}  // namespace headscope
