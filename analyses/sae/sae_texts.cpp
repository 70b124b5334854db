#include "analyses/sae/sae_texts.h"

#include <algorithm>

#include "analyses/retrieval/embedded_haystack.h"
#include "lib/base/error.h"
#include "lib/base/mapped_file.h"
#include "lib/text/utf8_check.h"

namespace headscope {
namespace {

std::vector<std::string> texts_of(const std::vector<std::filesystem::path>& files) {
  std::vector<std::string> texts;
  for (const auto& file : files) {
    const MappedFile mapped(file);
    texts.emplace_back(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size());
    check_utf8(texts.back(), file.string());
  }
  if (files.empty()) {
    for (const std::string_view text : embedded_haystack()) {
      texts.emplace_back(text);
    }
  }
  return texts;
}

}  // namespace

std::vector<Prompt> text_windows(const Model& model,
                                 const std::vector<std::filesystem::path>& files,
                                 std::int64_t context,
                                 PrependBos bos) {
  std::vector<Prompt> prompts;
  for (const std::string& text : texts_of(files)) {
    const std::vector<std::int32_t> begin = model.tokenizer().encode("", bos);  // BOS or nothing
    const std::vector<std::int32_t> all = model.tokenizer().encode(text, PrependBos::no);
    const std::size_t width = static_cast<std::size_t>(context) - begin.size();
    for (std::size_t at = 0; at + 1 < all.size(); at += width) {
      Prompt prompt{.id = std::to_string(prompts.size()), .text = "", .tokens = begin, .spans = {}};
      const std::size_t end = std::min(at + width, all.size());
      prompt.tokens.insert(prompt.tokens.end(),
                           all.begin() + static_cast<std::ptrdiff_t>(at),
                           all.begin() + static_cast<std::ptrdiff_t>(end));
      prompts.push_back(std::move(prompt));
    }
  }
  if (prompts.empty()) {
    throw DataError("{}: no text of two tokens; give a longer one",
                    files.empty() ? "the text" : files.front().string());
  }
  return prompts;
}

}  // namespace headscope
