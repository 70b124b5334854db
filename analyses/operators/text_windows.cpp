#include <algorithm>

#include "analyses/operators/operator_measure.h"
#include "lib/base/error.h"

namespace headscope {

std::vector<Prompt> text_windows(const Model& model,
                                 const std::string& text,
                                 const std::string& where,
                                 const TextWindows& cut) {
  if (cut.tokens < 2 || cut.tokens > model.config().n_ctx) {
    throw UsageError("windows of {} tokens; at least 2, at most the model's context of {}",
                     cut.tokens,
                     model.config().n_ctx);
  }
  const std::vector<std::int32_t> whole = model.tokenizer().encode(text, cut.bos);
  const std::vector<std::int32_t> bare = model.tokenizer().encode(text, PrependBos::no);
  const std::vector<std::int32_t> first(whole.begin(),
                                        whole.end() - static_cast<std::ptrdiff_t>(bare.size()));
  const auto own = cut.tokens - std::ssize(first);  // tokens of the text in a window
  std::vector<Prompt> windows;
  for (std::int64_t begin = 0;
       begin + own <= std::ssize(bare) && std::ssize(windows) < cut.windows && own > 0;
       begin += own) {
    Prompt window{.id = std::to_string(windows.size()), .text = {}, .tokens = first, .spans = {}};
    window.tokens.insert(window.tokens.end(), bare.begin() + begin, bare.begin() + begin + own);
    window.text = model.tokenizer().decode(window.tokens);
    windows.push_back(std::move(window));
  }
  if (windows.empty()) {
    throw UsageError(
        "{}: {} tokens, too few for one window of {}; give a longer text or fewer "
        "tokens a window",
        where,
        bare.size(),
        cut.tokens);
  }
  return windows;
}

}  // namespace headscope
