// Words in random order, over and over: from the second round on the next word is told by what
// followed the same word before (Olsson et al. 2022, arXiv:2209.11895).
#include "analyses/training/tasks.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

class InductionData final : public TrainData {
 public:
  InductionData(std::int64_t words, std::int64_t length, std::int64_t least, std::int64_t most)
      : words_(words), length_(length), least_(least), most_(most) {
    for (std::int64_t i = 1; i <= words; ++i) {
      all_.push_back(static_cast<std::int32_t>(i));
    }
  }

  [[nodiscard]] std::vector<std::string> words() const override {
    std::vector<std::string> words{"<s>"};
    for (std::int64_t i = 0; i < words_; ++i) {
      words.push_back("w" + std::to_string(i));
    }
    return words;
  }
  [[nodiscard]] std::int64_t length() const override { return length_; }
  [[nodiscard]] std::vector<TrainGroup> groups() const override {
    return {{.name = "new"}, {.name = "repeated"}};
  }

  [[nodiscard]] TrainRows draw(Random& random, std::int64_t rows) const override {
    TrainRows out{.rows = rows, .tokens = {}, .labels = {}, .groups = {}};
    for (std::int64_t row = 0; row < rows; ++row) {
      const auto choices = static_cast<std::size_t>(most_ - least_ + 1);
      const std::int64_t period = least_ + static_cast<std::int64_t>(random.below(choices));
      const auto round = random.sample(all_, static_cast<std::size_t>(period));
      out.tokens.push_back(0);
      for (std::int64_t t = 0; t < length_; ++t) {
        const std::int32_t word = round[static_cast<std::size_t>(t % period)];
        out.labels.push_back(word);
        // The first word of the second round follows a word that was never followed before.
        out.groups.push_back(t > period ? 1 : 0);
        if (t + 1 < length_) {
          out.tokens.push_back(word);
        }
      }
    }
    return out;
  }

 private:
  std::int64_t words_, length_, least_, most_;
  std::vector<std::int32_t> all_;
};

std::unique_ptr<TrainData> make_induction_data(ConfigFields& f, std::uint64_t) {
  const std::int64_t words = integer_between(f, "words", 32, 2, 100000);
  const std::int64_t length = integer_between(f, "length", 64, 4, 100000);
  const std::int64_t most = integer_between(f, "longest_round", words, 2, words);
  const std::int64_t least = integer_between(f, "shortest_round", (most + 1) / 2, 2, most);
  if (most + 2 > length) {
    throw DataError("{}: a round of {} words leaves no place to repeat it in \"length\" {}",
                    f.where(),
                    most,
                    length);
  }
  return std::make_unique<InductionData>(words, length, least, most);
}

}  // namespace

TrainTask induction_task() {
  return {.name = "induction",
          .summary = "Rounds of different words in random order, repeated",
          .source = "Olsson et al. 2022, arXiv:2209.11895",
          .make = make_induction_data};
}

}  // namespace headscope
