#include "lib/text/word_level.h"

#include "lib/base/json.h"

namespace headscope {

std::vector<std::pair<std::string, std::string>> word_level_files(
    const std::vector<std::string>& words) {
  OrderedJson vocabulary = OrderedJson::object();
  for (std::size_t id = 0; id < words.size(); ++id) {
    vocabulary[words[id]] = id;
  }
  const std::string& bos = words.at(0);
  const OrderedJson begin = {{"SpecialToken", {{"id", bos}, {"type_id", 0}}}};
  const auto text = [](const char* name) {
    return OrderedJson{{"Sequence", {{"id", name}, {"type_id", name[0] == 'A' ? 0 : 1}}}};
  };
  const OrderedJson special = {{"id", 0},
                               {"content", bos},
                               {"single_word", false},
                               {"lstrip", false},
                               {"rstrip", false},
                               {"normalized", false},
                               {"special", true}};
  const OrderedJson tokenizer = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", OrderedJson::array({special})},
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
      {"post_processor",
       {{"type", "TemplateProcessing"},
        {"single", {begin, text("A")}},
        {"pair", {begin, text("A"), text("B")}},
        {"special_tokens",
         {{bos,
           {{"id", bos},
            {"ids", OrderedJson::array({0})},
            {"tokens", OrderedJson::array({bos})}}}}}}},
      {"decoder", nullptr},
      {"model", {{"type", "WordLevel"}, {"vocab", vocabulary}, {"unk_token", "<unk>"}}}};
  const OrderedJson config = {{"tokenizer_class", "PreTrainedTokenizerFast"}, {"bos_token", bos}};
  return {{"tokenizer.json", tokenizer.dump(1) + "\n"},
          {"tokenizer_config.json", config.dump(1) + "\n"}};
}

}  // namespace headscope
