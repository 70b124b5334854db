#include "analyses/training/tasks/bigram_backcopy.h"

#include <algorithm>
#include <map>

#include "analyses/retrieval/haystack.h"
#include "analyses/training/tasks.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

// Tokenizers cut at white space: these stand for it.
std::string word_of_character(char c) {
  return c == ' ' ? "␣" : c == '\n' ? "⏎" : std::string(1, c);
}

// `counts` as probabilities; those of `otherwise` where nothing was counted.
std::vector<double> normalised(const std::vector<double>& counts,
                               const std::vector<double>& otherwise) {
  double total = 0.0;
  for (const double count : counts) {
    total += count;
  }
  if (total == 0.0) {
    return normalised(otherwise, std::vector<double>(counts.size(), 1.0));
  }
  std::vector<double> probabilities;
  for (const double count : counts) {
    probabilities.push_back(count / total);
  }
  return probabilities;
}

// The most frequent printable characters of the texts, the most frequent first.
std::vector<char> frequent_characters(const std::string& text, std::int64_t most) {
  std::map<char, std::int64_t> counts;
  for (const char c : text) {
    if ((c >= ' ' && c <= '~') || c == '\n') {
      ++counts[c];
    }
  }
  std::vector<char> characters;
  for (const auto& [c, count] : counts) {
    characters.push_back(c);
  }
  std::stable_sort(
      characters.begin(), characters.end(), [&](char a, char b) { return counts[a] > counts[b]; });
  characters.resize(std::min(characters.size(), static_cast<std::size_t>(most)));
  return characters;
}

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

std::vector<double> BackcopyChain::following(const std::vector<std::int32_t>& row,
                                             std::size_t at) const {
  if (!is_trigger(row[at])) {
    return transitions[static_cast<std::size_t>(row[at])];
  }
  std::vector<double> certain(words.size(), 0.0);
  certain[static_cast<std::size_t>(row[at - 1])] = 1.0;
  return certain;
}

BackcopyChain backcopy_chain(std::int64_t characters, std::int64_t triggers) {
  const std::string text = own_haystack();
  const std::vector<char> kept = frequent_characters(text, characters);
  std::map<char, std::size_t> ids;
  BackcopyChain chain{.words = {"<s>"}, .transitions = {}, .triggers = triggers};
  for (const char c : kept) {
    ids[c] = chain.words.size();
    chain.words.push_back(word_of_character(c));
  }
  std::vector<std::vector<double>> counts(chain.words.size(),
                                          std::vector<double>(chain.words.size(), 0.0));
  std::size_t before = 0;
  for (const char c : text) {
    const auto id = ids.find(c);
    if (id == ids.end()) {
      continue;
    }
    if (before != 0) {
      counts[before][id->second] += 1.0;
    }
    if (id->second > static_cast<std::size_t>(triggers)) {
      counts[0][id->second] += 1.0;  // a row begins with no trigger
    }
    before = id->second;
  }
  for (const std::vector<double>& row : counts) {
    chain.transitions.push_back(normalised(row, counts.front()));
  }
  return chain;
}

TrainTask bigram_backcopy_task() {
  return {.name = "bigram_backcopy",
          .summary = "Characters by their bigram; after a trigger the one before it again",
          .source = "Guo et al. 2024, arXiv:2410.13835",
          .make = make_backcopy_data};
}

}  // namespace headscope
