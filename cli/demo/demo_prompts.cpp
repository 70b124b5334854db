#include "cli/demo/demo_prompts.h"

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/output_file.h"

namespace headscope {
namespace {

// The tokens of " NAME": what the text before it and the text up to its end differ by. Names follow
// a blank, where every tokeniser of ours splits.
OrderedJson span_of(const std::string& text, const std::string& name, const Tokenizer& tokenizer) {
  const std::size_t at = text.find(" " + name);
  if (at == std::string::npos) {
    throw InternalError("demo: '{}' is not in '{}'", name, text);
  }
  const std::size_t begin = tokenizer.encode(text.substr(0, at)).size();
  const std::size_t end = tokenizer.encode(text.substr(0, at + 1 + name.size())).size();
  return {begin, end};
}

}  // namespace

const std::vector<IoiPrompt>& ioi_prompts() {
  static const std::vector<IoiPrompt> prompts{
      {"When Mary and John went to the store, John gave a drink to", "Mary", "John"},
      {"When John and Mary went to the store, Mary gave a drink to", "John", "Mary"},
      {"After Tom and Anna had dinner at the hotel, Anna handed the keys to", "Tom", "Anna"},
      {"After Anna and Tom had dinner at the hotel, Tom handed the keys to", "Anna", "Tom"},
      {"While Peter and Susan were waiting at the station, Susan gave a book to", "Peter", "Susan"},
      {"Then, Sarah and David worked in the garden, and David passed a spade to", "Sarah", "David"},
  };
  return prompts;
}

void write_ioi_prompts(const std::filesystem::path& path, const Tokenizer& tokenizer) {
  std::string lines;
  for (const IoiPrompt& prompt : ioi_prompts()) {
    const OrderedJson spans{{"object", span_of(prompt.text, prompt.object, tokenizer)},
                            {"subject", span_of(prompt.text, prompt.subject, tokenizer)}};
    lines += OrderedJson{{"id", prompt.object}, {"text", prompt.text}, {"spans", spans}}.dump();
    lines += "\n";
  }
  write_file(path, lines);
}

}  // namespace headscope
