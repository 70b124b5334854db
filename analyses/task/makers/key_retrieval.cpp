// Key retrieval: five lines of a key and its value; one key is asked for.
#include <fmt/format.h>

#include "analyses/task/makers/all.h"
#include "analyses/task/makers/embedded_words.h"

namespace headscope {
namespace {

constexpr std::size_t kLines = 5;

struct KeyRetrievalLists {
  std::vector<std::vector<std::string>> templates;  // a line, and the question that ends the prompt
  std::vector<std::string> keys, values;
  std::string where, how;
};

// {K} and {V} of line `line` get names of their own; those of the line asked for are KEY and VALUE.
std::string pattern_of(const std::vector<std::string>& parts, std::size_t asked) {
  std::string pattern;
  for (std::size_t line = 0; line < kLines; ++line) {
    pattern += with_prefix(parts[0], fmt::format("{} ", line == asked ? 0 : line + 1));
  }
  return pattern + with_prefix(parts[1], "asked ");
}

Words words_of(const std::vector<std::string>& keys,
               const std::vector<std::string>& values,
               std::size_t asked) {
  Words words{{"0 K", keys[asked]}, {"0 V", values[asked]}};
  for (std::size_t line = 0; line < kLines; ++line) {
    words[fmt::format("{} K", line + 1)] = keys[line];
    words[fmt::format("{} V", line + 1)] = values[line];
  }
  return words;
}

MarkedText filled(const std::string& pattern, const Words& words, const std::string& where) {
  MarkedText out = fill(pattern, words, where);
  for (const auto& [slot, name] :
       {std::pair("0 K", "KEY"), {"0 V", "VALUE"}, {"asked K", "QUERY"}}) {
    out.marks[name] = out.marks.at(slot);
  }
  return out;
}

Draft draw_key_retrieval(const KeyRetrievalLists& lists, Random& random, std::size_t turn) {
  const std::size_t number = turn % lists.templates.size();
  const auto keys = random.sample(lists.keys, kLines);
  const auto values = random.sample(lists.values, kLines + 1);
  const std::size_t asked = turn / lists.templates.size() % kLines;  // each line equally often
  const std::size_t other = (asked + 1 + random.below(kLines - 1)) % kLines;
  const std::string pattern = pattern_of(lists.templates[number], asked);
  const bool asks_other = lists.how == "query";
  Words clean = words_of(keys, values, asked);
  clean["asked K"] = keys[asked];
  Words corrupted = clean;
  (asks_other ? corrupted["asked K"] : corrupted["0 V"]) =
      asks_other ? keys[other] : values[kLines];
  return {.clean = filled(pattern, clean, lists.where),
          .corrupted = filled(pattern, corrupted, lists.where),
          .answers = {" " + values[asked]},
          .wrong = {" " + values[asks_other ? other : kLines]},
          .template_name = std::to_string(number)};
}

DrawDraft open_key_retrieval(const MakerContext& context) {
  KeyRetrievalLists lists{.templates = context.words.rows("templates", 2),
                          .keys = context.single("keys", kLines),
                          .values = context.single("values", kLines + 1),
                          .where = context.words.where("templates"),
                          .how = context.corruption};
  for (const auto& parts : lists.templates) {
    check_pattern(parts[0], {"K", "V"}, lists.where);
    check_pattern(parts[1], {"K"}, lists.where);
  }
  return
      [lists](Random& random, std::size_t turn) { return draw_key_retrieval(lists, random, turn); };
}

}  // namespace

TaskMaker key_retrieval_maker() {
  return {
      .name = "key_retrieval",
      .summary = "The value of one of five keys listed before",
      .source = "as in Liu et al. 2023, Lost in the middle, arXiv 2307.03172",
      .spans = {{"KEY", "the key asked for, in its line"},
                {"VALUE", "its value: the answer"},
                {"QUERY", "the key in the question"},
                {"end", "the last token"}},
      .corruptions = {{"query", "another of the five keys is asked for"},
                      {"value", "another value in the line of the key asked for"}},
      .words = key_retrieval_words(),
      .open = open_key_retrieval,
  };
}

}  // namespace headscope
