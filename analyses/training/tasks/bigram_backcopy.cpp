// Characters by their bigram; after a trigger the one before it again (Guo et al. 2024,
// arXiv:2410.13835).
#include <utility>

#include "analyses/training/backcopy_chain.h"
#include "analyses/training/tasks.h"

namespace headscope {
namespace {

std::int32_t drawn_from(const std::vector<double>& probabilities, Random& random) {
  double left = static_cast<double>(random.next() >> 11) * 0x1p-53;
  std::size_t last = 0;
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    if (probabilities[i] == 0.0) {
      continue;
    }
    last = i;
    left -= probabilities[i];
    if (left < 0.0) {
      break;
    }
  }
  return static_cast<std::int32_t>(last);
}

class BackcopyData final : public TrainData {
 public:
  BackcopyData(BackcopyChain chain, std::int64_t length)
      : chain_(std::move(chain)), length_(length) {}

  [[nodiscard]] std::vector<std::string> words() const override { return chain_.words; }
  [[nodiscard]] std::int64_t length() const override { return length_; }
  [[nodiscard]] std::vector<TrainGroup> groups() const override {
    return {{.name = "bigram"}, {.name = "backcopy"}};
  }

  [[nodiscard]] TrainRows draw(Random& random, std::int64_t rows) const override {
    TrainRows out{.rows = rows, .tokens = {}, .labels = {}, .groups = {}};
    for (std::int64_t r = 0; r < rows; ++r) {
      std::vector<std::int32_t> row{0};
      for (std::size_t t = 0; t < static_cast<std::size_t>(length_); ++t) {
        row.push_back(drawn_from(chain_.following(row, t), random));
        out.tokens.push_back(row[t]);
        out.labels.push_back(row[t + 1]);
        out.groups.push_back(chain_.is_trigger(row[t]) ? 1 : 0);
      }
    }
    return out;
  }

 private:
  BackcopyChain chain_;
  std::int64_t length_;
};

std::unique_ptr<TrainData> make_backcopy_data(ConfigFields& f, std::uint64_t) {
  const std::int64_t characters = integer_between(f, "characters", 65, 4, 96);
  const std::int64_t triggers = integer_between(f, "triggers", 3, 1, characters - 2);
  const std::int64_t length = integer_between(f, "length", 64, 4, 100000);
  return std::make_unique<BackcopyData>(backcopy_chain(characters, triggers), length);
}

}  // namespace

TrainTask bigram_backcopy_task() {
  return {.name = "bigram_backcopy",
          .summary = "Characters by their bigram; after a trigger the one before it again",
          .source = "Guo et al. 2024, arXiv:2410.13835",
          .make = make_backcopy_data};
}

}  // namespace headscope
