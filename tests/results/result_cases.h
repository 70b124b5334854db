// A small sweep whose every value is known from its place, for the tests of analyses/results.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "analyses/results/result_store.h"
#include "lib/base/error.h"
#include "tests/support/temp_folder.h"

namespace headscope::result_cases {

inline std::vector<std::string> numbers(std::size_t count) {
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < count; ++i) {
    labels.push_back(std::to_string(i));
  }
  return labels;
}

inline ResultHeader result_header(std::size_t layers = 4,
                                  std::size_t heads = 3,
                                  std::size_t count = 5) {
  ResultHeader made;
  made.kind = "patch";
  made.metric = "logit_diff";
  made.axes = {{"layer", numbers(layers)}, {"head", numbers(heads)}};
  for (std::size_t i = 0; i < count; ++i) {
    made.prompt_ids.push_back("p" + std::to_string(i));
    made.templates.push_back(i % 2 == 0 ? "abba" : "baba \xc3\xa9");
  }
  made.provenance = {{"model", "tiny"},
                     {"command_line", "headscope patch"},
                     {"identity",
                      {{"model", "abc"},
                       {"task", "xxh3:1"},
                       {"seed", 7},
                       {"options", {{"window", 3}, {"layers", {1, 2}}}}}}};
  return made;
}

// Never twice the same, with NaN and infinities among them.
inline double value_at(std::int64_t cell, std::int64_t prompt) {
  const std::int64_t i = 1000 * cell + prompt;
  switch ((cell * 7 + prompt) % 23) {
    case 1:
      return std::bit_cast<double>(0x7ff8'0000'0000'0000U + static_cast<std::uint64_t>(i) + 1);
    case 2:
      return std::numeric_limits<double>::infinity();
    case 3:
      return -std::numeric_limits<double>::infinity();
    case 4:
      return -0.0;
    default:
      return static_cast<double>(i) / 7.0 + 0.125;
  }
}

inline std::vector<std::uint64_t> bits(const std::vector<double>& values) {
  std::vector<std::uint64_t> list;
  for (const double value : values) {
    list.push_back(std::bit_cast<std::uint64_t>(value));
  }
  return list;
}

inline std::vector<double> baseline_of(std::size_t prompts, double scale) {
  std::vector<double> values;
  for (std::size_t i = 0; i < prompts; ++i) {
    values.push_back(scale * static_cast<double>(i + 1) / 3.0);
  }
  return values;
}

inline void put_baselines(ResultStore& store) {
  const auto prompts = static_cast<std::size_t>(store.prompts());
  store.put_baseline(Run::clean, baseline_of(prompts, 1.0));
  store.put_baseline(Run::corrupted, baseline_of(prompts, -1.0));
}

// What is not done of the cells [begin, end).
inline std::vector<ResultStore::Value> missing(const ResultStore& store,
                                               std::int64_t begin,
                                               std::int64_t end) {
  std::vector<ResultStore::Value> values;
  for (std::int64_t cell = begin; cell < end; ++cell) {
    for (std::int64_t prompt = 0; prompt < store.prompts(); ++prompt) {
      if (!store.done(cell, prompt)) {
        values.push_back({cell, prompt, value_at(cell, prompt)});
      }
    }
  }
  return values;
}

// Does what is not yet done of the cells [begin, end), one cell a call, and finishes.
inline void run(const std::filesystem::path& path,
                const ResultHeader& made,
                IfExists if_exists = IfExists::fail,
                std::int64_t begin = 0,
                std::int64_t end = -1) {
  ResultStore store(path, made, if_exists);
  put_baselines(store);
  for (std::int64_t cell = begin; cell < (end < 0 ? store.cells() : end); ++cell) {
    store.put(missing(store, cell, cell + 1));
  }
  store.finish();
}

// The first done pair whose value is not the right one, or "".
inline std::string first_wrong(const Result& result) {
  const std::size_t prompts = result.header.prompt_ids.size();
  std::int64_t right = 0;
  std::string wrong;
  for (std::size_t i = 0; i < result.per_prompt.size(); ++i) {
    const double value =
        value_at(static_cast<std::int64_t>(i / prompts), static_cast<std::int64_t>(i % prompts));
    if (bits({result.per_prompt[i]}) == bits({value})) {
      ++right;
    } else if (!std::isnan(result.per_prompt[i])) {
      wrong += wrong.empty() ? "pair " + std::to_string(i) : "";
    }
  }
  // A pair that is marked done but has no value reads as NaN: then too few are right.
  return wrong.empty() && right != result.done ? "a pair marked done has no value" : wrong;
}

}  // namespace headscope::result_cases
