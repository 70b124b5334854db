// Prompts for the model of tests/support/induction_model.h.
#pragma once

#include <algorithm>
#include <numeric>
#include <random>

#include "analyses/task/task.h"
#include "tests/support/induction_model.h"

namespace headscope::test {

// Where the two tokens stand that may be A. Behind each is a token that may be the answer.
inline constexpr std::int64_t kFirstPlace = 3;
inline constexpr std::int64_t kSecondPlace = 7;

// "… A B … C D … A", which B follows, against "… C B … A D … A", which D follows: random tokens,
// all different. Item 2i + 1 is item 2i with its prompts swapped, and in its template.
inline Task induction_task(std::uint64_t seed, const std::vector<std::int64_t>& lengths) {
  std::mt19937_64 random(seed);
  Task task;
  task.name = "induction";
  for (const std::int64_t length : lengths) {
    std::vector<TokenId> tokens(kInductionVocab - 1);
    std::iota(tokens.begin(), tokens.end(), 1);
    std::shuffle(tokens.begin(), tokens.end(), random);
    tokens.insert(tokens.begin(), 0);
    tokens.resize(static_cast<std::size_t>(length));
    tokens.back() = tokens[kFirstPlace];
    TaskItem item;
    item.clean.tokens = tokens;
    std::swap(tokens[kFirstPlace], tokens[kSecondPlace]);
    item.corrupted.tokens = tokens;
    item.answers = {tokens[kFirstPlace + 1]};
    item.wrong = {tokens[kSecondPlace + 1]};
    item.template_name = std::to_string(task.items.size() / 2);
    item.id = std::to_string(task.items.size());
    task.items.push_back(item);
    std::swap(item.clean, item.corrupted);
    std::swap(item.answers, item.wrong);
    item.id = std::to_string(task.items.size());
    task.items.push_back(item);
  }
  return task;
}

}  // namespace headscope::test
