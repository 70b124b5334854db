#include "cli/tokenize/compare_run.h"

#include <iostream>
#include <memory>

#include "cli/output.h"
#include "cli/render/visible.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"
#include "lib/families/load.h"
#include "lib/text/compare_tokenizers.h"
#include "lib/text/tokenizer_directory.h"
#include "lib/text/tokenizer_gguf.h"
#include "lib/text/tokenizer_impl.h"
#include "lib/text/utf8_check.h"
#include "lib/weights/gguf.h"

namespace headscope {
namespace {

using Parts = std::shared_ptr<const Tokenizer::Impl>;

Parts tokenizer_parts(const std::string& name) {
  const std::filesystem::path path =
      path_exists(name) ? std::filesystem::path(name) : find_model(name);
  if (is_folder(path)) {
    return read_tokenizer_directory(path);
  }
  if (path.extension() == ".json" || path.extension() == ".model") {
    return read_tokenizer_file(path);
  }
  const GgufFile file(path);
  return read_tokenizer_gguf(file.metadata(), path.string());
}

OrderedJson to_json(const TokenizerDifference& difference) {
  const auto id = [](TokenId value) { return value < 0 ? OrderedJson() : OrderedJson(value); };
  return {{"step", std::string(to_string(difference.step))},
          {"offset", difference.offset},
          {"ours", difference.ours},
          {"theirs", difference.theirs},
          {"position", difference.position},
          {"our_id", id(difference.our_id)},
          {"their_id", id(difference.their_id)}};
}

// Normal forms look alike: what a normalizer made is spelt in ASCII.
std::string shown_piece(const TokenizerDifference& difference, const std::string& piece) {
  return difference.step == TokenizerStep::normalizer
             ? Json(piece).dump(-1, ' ', true, Json::error_handler_t::replace)
             : visible(piece);
}

std::string to_text(const TokenizerDifference& difference) {
  const auto id = [](TokenId value) {
    return value < 0 ? std::string("none: its tokens have ended") : std::to_string(value);
  };
  return facts({{"step", std::string(to_string(difference.step))},
                {"offset", fmt::format("{} bytes into the text", difference.offset)},
                {"ours", shown_piece(difference, difference.ours)},
                {"theirs", shown_piece(difference, difference.theirs)},
                {"token", std::to_string(difference.position)},
                {"our id", id(difference.our_id)},
                {"their id", id(difference.their_id)}});
}

struct Comparison {
  Parts ours;
  Parts theirs;
  const CompareTokenizers& options;
  const Invocation& invocation;

  // `where` opens the error: the text itself is shown, not repeated there.
  void check(const std::string& text, const std::string& where) const {
    const auto difference = first_difference(*ours, *theirs, text);
    if (!difference) {
      return;
    }
    OrderedJson json = {{"text", text}, {"difference", to_json(*difference)}};
    show(invocation, json, visible(text) + "\n\n" + to_text(*difference));
    throw DataError("{}: {} and {} part at byte {}, by the step '{}'",
                    where,
                    options.model,
                    options.other,
                    difference->offset,
                    to_string(difference->step));
  }
};

std::int64_t check_lines(const Comparison& comparison) {
  std::int64_t number = 0;
  for (std::string line; std::getline(std::cin, line);) {
    const std::string where = fmt::format("standard input:{}", ++number);
    const Json text = Json::parse(line, nullptr, false);
    if (!text.is_string()) {
      throw DataError("{}: not a JSON string", where);
    }
    comparison.check(text.get<std::string>(), where);
  }
  if (number == 0) {
    throw DataError("standard input: no text to compare; give JSON strings, one a line");
  }
  return number;
}

}  // namespace

void compare_tokenizers(const CompareTokenizers& options, const Invocation& invocation) {
  check_utf8(options.prompt.value_or(""), "--prompt");
  const Comparison comparison{
      tokenizer_parts(options.model), tokenizer_parts(options.other), options, invocation};
  std::int64_t texts = 1;
  if (options.prompt) {
    comparison.check(*options.prompt, "--prompt");
  } else {
    texts = check_lines(comparison);
  }
  show(invocation,
       {{"texts", texts}, {"difference", nullptr}},
       fmt::format("{} {}: the same ids\n", texts, texts == 1 ? "text" : "texts"));
}

}  // namespace headscope
