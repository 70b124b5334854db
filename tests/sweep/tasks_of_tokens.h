// Tasks of random tokens for the tiny models: pairs that differ from some position on.
#pragma once

#include <random>

#include "analyses/task/task.h"

namespace headscope::test {

struct RandomTask {
  std::vector<std::int64_t> lengths{9, 9, 9};
  std::vector<std::int64_t> differ_from{5, 6, 7};
  std::int64_t d_vocab = 0;
  std::uint64_t seed = 0;
};

inline Task random_task(const RandomTask& of) {
  std::mt19937_64 random(of.seed);
  const auto token = [&] {
    return static_cast<TokenId>(random() % static_cast<std::uint64_t>(of.d_vocab));
  };
  Task task;
  task.name = "random";
  for (std::size_t i = 0; i < of.lengths.size(); ++i) {
    TaskItem item;
    item.id = std::to_string(i);
    for (std::int64_t t = 0; t < of.lengths[i]; ++t) {
      item.clean.tokens.push_back(token());
    }
    item.corrupted.tokens = item.clean.tokens;
    const auto from = static_cast<std::size_t>(of.differ_from[i]);
    item.corrupted.tokens[from] = (item.clean.tokens[from] + 1) % static_cast<TokenId>(of.d_vocab);
    item.corrupted.tokens.back() = token();
    item.clean.spans["S"] = {of.differ_from[i], of.differ_from[i] + 2};
    item.corrupted.spans = item.clean.spans;
    item.answers = {static_cast<TokenId>(i), static_cast<TokenId>(i + 3)};
    item.wrong = {static_cast<TokenId>(i + 7)};
    item.template_name = i % 2 == 0 ? "even" : "odd";
    task.items.push_back(item);
  }
  return task;
}

}  // namespace headscope::test
