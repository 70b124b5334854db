#include "cli/operators/operator_texts.h"

#include <CLI/CLI.hpp>

#include "cli/common_options.h"
#include "cli/unread_options.h"
#include "lib/base/error.h"
#include "lib/base/mapped_file.h"
#include "lib/text/utf8_check.h"

namespace headscope {

void add_operator_texts(CLI::App& app, OperatorTexts& texts) {
  app.add_option("--text", texts.text, "A text file, cut into windows from its beginning on")
      ->check(names_a_file);
  app.add_option("--context", texts.windows.tokens, "Tokens of a window of --text")
      ->check(CLI::Range(std::int64_t{2}, std::int64_t{1} << 40))
      ->capture_default_str();
  app.add_option("--windows", texts.windows.windows, "Windows of --text at the most")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40))
      ->capture_default_str();
  add_prompts(app, texts.prompts);
}

void check_operator_texts(const CLI::App& app, const OperatorTexts& texts) {
  if (texts.text.empty()) {
    refuse_without(app, {"context", "windows"}, "--text FILE");
  } else if (was_given(app, "prompts") || was_given(app, "prompt")) {
    throw UsageError("--text and --prompts are two sources; give one");
  }
}

std::vector<Prompt> operator_texts(const OperatorTexts& texts,
                                   const Model& model,
                                   std::string_view verb) {
  if (texts.text.empty()) {
    return prompts_of(
        texts.prompts,
        model,
        fmt::format("{} needs texts: --text FILE, --prompts FILE.jsonl or --prompt TEXT", verb));
  }
  const MappedFile file(texts.text);
  const std::string text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  check_utf8(text, texts.text);
  TextWindows cut = texts.windows;
  cut.bos = texts.prompts.bos;
  return text_windows(model, text, texts.text, cut);
}

}  // namespace headscope
