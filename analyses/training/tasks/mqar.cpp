// Multi-query associative recall: pairs of keys and values, then the keys again, each to be
// followed by its value (Arora et al. 2023, "Zoology", arXiv:2312.04927).
#include <cmath>

#include "analyses/training/tasks.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr std::int32_t kFiller = 1;  // the word where nothing is asked

struct MqarSizes {
  std::int64_t pairs = 0;
  std::int64_t length = 0;  // after the first token, even
  std::int64_t keys = 0;    // as many values
  double power = 1.0;       // slot s of the room is chosen with weight s^(power − 1)
  bool all = false;         // the loss counts what is not asked too
};

class MqarData final : public TrainData {
 public:
  explicit MqarData(const MqarSizes& sizes) : sizes_(sizes) {
    for (std::int64_t i = 0; i < sizes.keys; ++i) {
      keys_.push_back(static_cast<std::int32_t>(2 + i));
      values_.push_back(static_cast<std::int32_t>(2 + sizes.keys + i));
    }
    const std::int64_t room = (sizes.length - 2 * sizes.pairs) / 2;
    for (std::int64_t slot = 1; slot <= room; ++slot) {
      weights_.push_back(std::pow(static_cast<double>(slot), sizes.power - 1.0));
    }
  }

  [[nodiscard]] std::vector<std::string> words() const override {
    std::vector<std::string> words{"<s>", "_"};
    for (const char* kind : {"k", "v"}) {
      for (std::int64_t i = 0; i < sizes_.keys; ++i) {
        words.push_back(kind + std::to_string(i));
      }
    }
    return words;
  }
  [[nodiscard]] std::int64_t length() const override { return 1 + sizes_.length; }
  [[nodiscard]] std::vector<TrainGroup> groups() const override {
    return {{.name = "recall"}, {.name = "other", .weight = sizes_.all ? 1.0 : 0.0}};
  }

  [[nodiscard]] TrainRows draw(Random& random, std::int64_t rows) const override {
    TrainRows out{.rows = rows, .tokens = {}, .labels = {}, .groups = {}};
    for (std::int64_t row = 0; row < rows; ++row) {
      add_row(out, random);
    }
    return out;
  }

 private:
  void add_row(TrainRows& out, Random& random) const {
    const auto pairs = static_cast<std::size_t>(sizes_.pairs);
    const auto keys = random.sample(keys_, pairs);
    const auto values = random.sample(values_, pairs);
    std::vector<std::int32_t> row(static_cast<std::size_t>(1 + sizes_.length), kFiller);
    std::vector<bool> asked(row.size(), false);
    row[0] = 0;
    for (std::size_t i = 0; i < pairs; ++i) {
      row[1 + 2 * i] = keys[i];
      row[2 + 2 * i] = values[i];
    }
    const std::vector<std::size_t> slots = draw_slots(random);
    for (std::size_t i = 0; i < pairs; ++i) {
      const std::size_t at = 1 + 2 * pairs + 2 * slots[i];
      row[at] = keys[i];
      row[at + 1] = values[i];
      asked[at] = true;
    }
    for (std::size_t t = 0; t < row.size(); ++t) {
      const bool last = t + 1 == row.size();
      out.tokens.push_back(row[t]);
      out.labels.push_back(last ? -1 : row[t + 1]);
      out.groups.push_back(asked[t] ? 0 : 1);
    }
  }

  // Different slots, one a pair.
  [[nodiscard]] std::vector<std::size_t> draw_slots(Random& random) const {
    std::vector<double> weights = weights_;
    std::vector<std::size_t> slots;
    for (std::int64_t i = 0; i < sizes_.pairs; ++i) {
      double total = 0.0;
      for (const double weight : weights) {
        total += weight;
      }
      double left = static_cast<double>(random.next() >> 11) * 0x1p-53 * total;
      std::size_t slot = 0;
      while (weights[slot] == 0.0 || left >= weights[slot]) {
        left -= weights[slot++];
        if (slot == weights.size()) {  // rounding: the last one that is free
          do {
            --slot;
          } while (weights[slot] == 0.0);
          break;
        }
      }
      weights[slot] = 0.0;
      slots.push_back(slot);
    }
    return slots;
  }

  MqarSizes sizes_;
  std::vector<std::int32_t> keys_, values_;
  std::vector<double> weights_;
};

std::unique_ptr<TrainData> make_mqar_data(ConfigFields& f, std::uint64_t) {
  MqarSizes sizes;
  sizes.length = integer_between(f, "length", 64, 4, 100000);
  sizes.pairs = integer_between(f, "pairs", 4, 1, sizes.length / 4);
  sizes.keys = integer_between(f, "keys", 32, sizes.pairs, 100000);
  sizes.power = f.number("power", 0.01);
  sizes.all = f.flag("loss_on_all", false);
  if (sizes.length % 2 != 0) {
    throw DataError("{}: \"length\" {} is odd; rows are pairs of words", f.where(), sizes.length);
  }
  if (!(sizes.power > 0.0 && sizes.power <= 1.0)) {
    throw DataError("{}: \"power\" lies above 0 and up to 1, not {}", f.where(), sizes.power);
  }
  return std::make_unique<MqarData>(sizes);
}

}  // namespace

TrainTask mqar_task() {
  return {.name = "mqar",
          .summary = "Pairs of keys and values, then the keys in any order: which value?",
          .source = "Arora et al. 2023, arXiv:2312.04927",
          .make = make_mqar_data};
}

}  // namespace headscope
