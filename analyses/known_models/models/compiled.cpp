// Programs and the models they are compiled to.
#include "analyses/known_models/models/compiled.h"

#include <algorithm>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include "analyses/known_models/models.h"
#include "lib/base/random.h"

namespace headscope {
namespace {

constexpr std::int64_t kCompiledContext = 7;  // six words
constexpr std::size_t kCompiledItems = 24;
constexpr const char* kFlat =
    "m0 reads shares off by steps, whose gradient is 0 but at a step: what lies before it looks "
    "worth nothing";

bool select_all(std::int64_t, std::int64_t) {
  return true;
}

bool select_same(std::int64_t key, std::int64_t query) {
  return key == query;
}

std::vector<std::string> number_words(std::int64_t count) {
  std::vector<std::string> words;
  for (std::int64_t n = 0; n < count; ++n) {
    words.push_back(std::to_string(n));
  }
  return words;
}

std::vector<std::string> joined_words(std::vector<std::string> words,
                                      const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// Pairs of prompts that differ in one word and in the answer.
std::vector<KnownItem> compiled_items(const CompiledProgram& compiled) {
  Random random(0, compiled.name);
  std::vector<KnownItem> list;
  while (list.size() < kCompiledItems) {
    std::vector<std::string> clean;
    for (std::size_t i = 0; i < compiled.most_words; ++i) {
      clean.push_back(random.pick(compiled.alphabet));
    }
    std::vector<std::string> corrupted = clean;
    corrupted[random.below(clean.size())] = random.pick(compiled.alphabet);
    const std::string right = compiled.program.run(clean);
    const std::string wrong = compiled.program.run(corrupted);
    if (right != wrong) {
      list.push_back({clean, corrupted, right, wrong, "a word"});
    }
  }
  return list;
}

CompiledProgram histogram_program() {
  const std::vector<std::string> letters{"a", "b", "c", "d"};
  RaspProgram p({joined_words({"<s>"}, joined_words(letters, number_words(kCompiledContext))),
                 kCompiledContext});
  p.say(p.width(p.tokens(), p.tokens(), select_same), number_words(kCompiledContext));
  return {"histogram",
          letters,
          6,
          std::move(p),
          {{"eap", kFlat}, {"eap-ig", kFlat}, {"eap-ig-act", kFlat}}};
}

CompiledProgram reverse_program() {
  const std::vector<std::string> letters{"a", "b", "c", "d"};
  RaspProgram p({joined_words({"<s>"}, letters), kCompiledContext});
  const auto length = p.width(p.indices(), p.indices(), select_all);
  const auto opposite =
      p.map(length, p.indices(), kCompiledContext, [](std::int64_t n, std::int64_t i) {
        return n + 1 - i > 0 ? n + 1 - i : -1;
      });
  p.say(p.aggregate(p.indices(), opposite, select_same, p.tokens()),
        joined_words({"<s>"}, letters));
  return {"reverse", letters, 6, std::move(p)};
}

CompiledProgram sort_program() {
  const std::vector<std::string> letters{"a", "b", "c", "d"};
  RaspProgram p({joined_words({"<s>"}, letters), kCompiledContext});
  const std::int64_t size = 5 * kCompiledContext;
  const auto unique = p.map(p.tokens(), p.indices(), size, [](std::int64_t word, std::int64_t i) {
    return word * kCompiledContext + i;
  });
  const auto rank =
      p.width(unique, unique, [](std::int64_t key, std::int64_t query) { return key < query; });
  const auto at = [](std::int64_t key, std::int64_t query) { return key + 1 == query; };
  p.say(p.aggregate(rank, p.indices(), at, p.tokens()), joined_words({"<s>"}, letters));
  return {"sort", letters, 6, std::move(p)};
}

// All fractions of up to n things.
std::vector<std::pair<double, std::string>> all_fractions(std::int64_t n) {
  std::vector<std::pair<double, std::string>> list;
  for (std::int64_t all = 1; all <= n; ++all) {
    for (std::int64_t some = 0; some <= all; ++some) {
      if (std::gcd(some, all) == 1) {
        list.emplace_back(static_cast<double>(some) / static_cast<double>(all),
                          fmt::format("{}/{}", some, all));
      }
    }
  }
  std::sort(list.begin(), list.end());
  return list;
}

CompiledProgram fraction_program() {
  std::vector<std::string> said;
  std::vector<double> between;
  for (const auto& [value, word] : all_fractions(kCompiledContext - 1)) {
    if (!said.empty()) {
      between.back() = (between.back() + value) / 2;
    }
    between.push_back(value);
    said.push_back(word);
  }
  between.pop_back();
  const std::vector<std::string> letters{"x", "o"};
  RaspProgram p(
      {joined_words({"<s>"}, joined_words(letters, said)), kCompiledContext, Visibility::causal});
  p.say(p.steps(p.share(p.indices(), p.indices(), select_all, p.tokens(), 1), between), said);
  return {"fraction-previous", letters, 6, std::move(p), {{"eap", kFlat}}};
}

CompiledProgram brackets_program() {
  const std::vector<std::string> letters{"(", ")"};
  RaspProgram p({joined_words({"<s>"}, joined_words(letters, {"yes", "no"})),
                 kCompiledContext,
                 Visibility::causal});
  // Fewer open than closed, as many, or more, up to here; and whether there were ever fewer.
  const auto level =
      p.steps(p.share(p.indices(), p.indices(), select_all, p.tokens(), 1), {0.46, 0.54});
  const auto below = p.steps(p.share(p.indices(), p.indices(), select_all, level, 0), {0.05});
  const auto verdict = p.map(level, below, 2, [](std::int64_t now, std::int64_t ever) {
    return now == 1 && ever == 0 ? 0 : 1;
  });
  p.say(verdict, {"yes", "no"});
  return {"brackets",
          letters,
          6,
          std::move(p),
          {{"eap", kFlat}, {"eap-ig", kFlat}, {"eap-ig-act", kFlat}}};
}

KnownModelParts made_of(const CompiledProgram& compiled) {
  KnownModelParts parts = compiled.program.compile();
  parts.items = compiled_items(compiled);
  parts.truth.not_found_by = compiled.not_found_by;
  return parts;
}

}  // namespace

std::vector<CompiledProgram> compiled_programs() {
  std::vector<CompiledProgram> list;
  list.push_back(histogram_program());
  list.push_back(reverse_program());
  list.push_back(sort_program());
  list.push_back(fraction_program());
  list.push_back(brackets_program());
  return list;
}

KnownModel histogram_model() {
  return {.name = "histogram",
          .summary = "Compiled: how often the last letter stands in the prompt",
          .mechanism =
              "a0.h0 attends to its own letter's places and to the beginning; m0 reads how "
              "many share its attention",
          .make = [] { return made_of(histogram_program()); }};
}

KnownModel reverse_model() {
  return {.name = "reverse",
          .summary = "Compiled: the prompt backwards; at its end, the first letter",
          .mechanism = "a0.h0 and m0 find the length, m1 the opposite place, a2.h0 fetches from it",
          .make = [] { return made_of(reverse_program()); }};
}

KnownModel sort_model() {
  return {.name = "sort",
          .summary = "Compiled: the letters in order; at the end, the last of the alphabet",
          .mechanism =
              "m0 joins letter and place, a1.h0 and m1 count how many come before, a2.h0 "
              "fetches the letter of each rank",
          .make = [] { return made_of(sort_program()); }};
}

KnownModel fraction_previous_model() {
  return {.name = "fraction-previous",
          .summary = "Compiled: the share of x so far",
          .mechanism =
              "a0.h0 attends to all before alike and writes the share of x; m0 reads off "
              "which fraction that is",
          .make = [] { return made_of(fraction_program()); }};
}

KnownModel brackets_model() {
  return {.name = "brackets",
          .summary = "Compiled: whether the brackets are balanced",
          .mechanism =
              "a0.h0 and m0 tell whether open ones outnumber closed ones, a1.h0 and m1 "
              "whether they ever fell short, m2 joins the two",
          .make = [] { return made_of(brackets_program()); }};
}

}  // namespace headscope
