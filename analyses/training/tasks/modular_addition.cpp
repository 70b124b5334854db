// a + b modulo p, of which the model sees some pairs and is asked the others (Power et al. 2022,
// arXiv:2201.02177; Nanda et al. 2023, arXiv:2301.05217).
#include <cmath>

#include "analyses/training/tasks.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr std::int64_t kAdditionLength = 4;  // <s> a b =

class AdditionData final : public TrainData {
 public:
  AdditionData(std::int64_t modulus, double fraction, std::uint64_t seed) : modulus_(modulus) {
    std::vector<std::int64_t> pairs;
    for (std::int64_t i = 0; i < modulus * modulus; ++i) {
      pairs.push_back(i);
    }
    Random(seed, "pairs").shuffle(pairs);
    const auto seen = static_cast<std::ptrdiff_t>(
        std::llround(fraction * static_cast<double>(modulus * modulus)));
    seen_.assign(pairs.begin(), pairs.begin() + seen);
    held_out_.assign(pairs.begin() + seen, pairs.end());
  }

  [[nodiscard]] std::vector<std::string> words() const override {
    std::vector<std::string> words{"<s>", "="};
    for (std::int64_t i = 0; i < modulus_; ++i) {
      words.push_back(std::to_string(i));
    }
    return words;
  }
  [[nodiscard]] std::int64_t length() const override { return kAdditionLength; }
  [[nodiscard]] std::vector<TrainGroup> groups() const override { return {{.name = "seen"}}; }
  [[nodiscard]] bool finite() const override { return true; }

  [[nodiscard]] TrainRows draw(Random& random, std::int64_t rows) const override {
    if (rows == 0) {
      return rows_of(seen_);
    }
    std::vector<std::int64_t> chosen;
    for (std::int64_t row = 0; row < rows; ++row) {
      chosen.push_back(random.pick(seen_));
    }
    return rows_of(chosen);
  }
  [[nodiscard]] std::optional<TrainRows> held_out() const override {
    return held_out_.empty() ? std::nullopt : std::optional(rows_of(held_out_));
  }

 private:
  [[nodiscard]] TrainRows rows_of(const std::vector<std::int64_t>& pairs) const {
    TrainRows out{
        .rows = static_cast<std::int64_t>(pairs.size()), .tokens = {}, .labels = {}, .groups = {}};
    for (const std::int64_t pair : pairs) {
      const std::int64_t a = pair / modulus_;
      const std::int64_t b = pair % modulus_;
      for (const std::int64_t token : {std::int64_t{0}, 2 + a, 2 + b, std::int64_t{1}}) {
        out.tokens.push_back(static_cast<std::int32_t>(token));
      }
      const auto sum = static_cast<std::int32_t>(2 + (a + b) % modulus_);
      for (const std::int32_t label : {-1, -1, -1, sum}) {
        out.labels.push_back(label);
        out.groups.push_back(0);
      }
    }
    return out;
  }

  std::int64_t modulus_;
  std::vector<std::int64_t> seen_, held_out_;
};

std::unique_ptr<TrainData> make_addition_data(ConfigFields& f, std::uint64_t seed) {
  const std::int64_t modulus = integer_between(f, "modulus", 113, 2, 1000);
  const double fraction = f.number("fraction", 0.3);
  if (!(fraction > 0.0 && fraction <= 1.0)) {
    throw DataError("{}: \"fraction\" of the pairs that are seen lies above 0 and up to 1, not {}",
                    f.where(),
                    fraction);
  }
  return std::make_unique<AdditionData>(modulus, fraction, seed);
}

}  // namespace

TrainTask modular_addition_task() {
  return {.name = "modular_addition",
          .summary = "a + b modulo p, some pairs held out",
          .source = "Power et al. 2022, arXiv:2201.02177; Nanda et al. 2023, arXiv:2301.05217",
          .make = make_addition_data};
}

}  // namespace headscope
