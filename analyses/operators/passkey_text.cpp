#include "analyses/operators/passkey_text.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr std::array<std::string_view, 10> kOrdinals{
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"};
constexpr std::array<std::string_view, 26> kNatoWords{
    "alpha",   "bravo", "charlie", "delta",  "echo",     "foxtrot", "golf",   "hotel",  "india",
    "juliett", "kilo",  "lima",    "mike",   "november", "oscar",   "papa",   "quebec", "romeo",
    "sierra",  "tango", "uniform", "victor", "whiskey",  "xray",    "yankee", "zulu"};

void check_passkeys(const PasskeyOptions& options) {
  if (options.keys < 1 || options.keys > std::ssize(kOrdinals) || options.words < 1) {
    throw UsageError("{} keys of {} words; give 1 to {} keys of 1 word at least",
                     options.keys,
                     options.words,
                     kOrdinals.size());
  }
  if (options.least < 1 || options.most < options.least) {
    throw UsageError("haystacks of {} to {} tokens; give two lengths, the shorter one first",
                     options.least,
                     options.most);
  }
}

std::string drawn_key(std::int64_t words, Random& random) {
  std::string key;
  for (std::int64_t i = 0; i < words; ++i) {
    key += " " + std::string(kNatoWords[random.below(kNatoWords.size())]);
  }
  return key;
}

// As many tokens of the haystack as are asked for, said again from its beginning where it ends.
std::vector<std::int32_t> haystack_tokens(const Tokenizer& tokenizer,
                                          const std::string& haystack,
                                          std::int64_t count) {
  const std::vector<std::int32_t> once = tokenizer.encode(haystack, PrependBos::no);
  if (once.empty()) {
    throw UsageError("the haystack has no tokens");
  }
  std::vector<std::int32_t> tokens;
  while (std::ssize(tokens) < count) {
    tokens.insert(tokens.end(), once.begin(), once.end());
  }
  tokens.resize(static_cast<std::size_t>(count));
  return tokens;
}

}  // namespace

PasskeyText passkey_text(const Tokenizer& tokenizer,
                         const std::string& haystack,
                         const PasskeyOptions& options,
                         Random& random) {
  check_passkeys(options);
  const auto range = static_cast<std::size_t>(options.most - options.least + 1);
  const std::int64_t length = options.least + static_cast<std::int64_t>(random.below(range));
  const auto hay = haystack_tokens(tokenizer, haystack, length);
  std::vector<std::size_t> depths;
  for (std::int64_t i = 0; i < options.keys; ++i) {
    depths.push_back(hay.size() * (50 + random.below(901)) / 1000);
  }
  std::ranges::sort(depths);
  PasskeyText text{.tokens = tokenizer.encode("A long story follows.\n\n", options.bos)};
  const auto say = [&](const std::string& words) {
    const std::vector<std::int32_t> more = tokenizer.encode(words, PrependBos::no);
    text.tokens.insert(text.tokens.end(), more.begin(), more.end());
    return more.size();
  };
  std::vector<std::string> keys;
  std::size_t said = 0;
  const auto place_of = [&](std::size_t at) {
    return hay.begin() + static_cast<std::ptrdiff_t>(at);
  };
  for (std::size_t i = 0; i < depths.size(); ++i) {
    text.tokens.insert(text.tokens.end(), place_of(said), place_of(depths[i]));
    said = depths[i];
    keys.push_back(drawn_key(options.words, random));
    say(fmt::format("\nKeep in mind: key number {} reads{}.\n", kOrdinals[i], keys.back()));
  }
  text.tokens.insert(text.tokens.end(), place_of(said), hay.end());
  say("\n\nThe story ends here.");
  for (std::size_t i = 0; i < keys.size(); ++i) {
    say(fmt::format("\nHow does key number {} read? It reads", kOrdinals[i]));
    const std::size_t count = say(keys[i]);
    for (std::size_t back = count; back > 0; --back) {
      text.answers.push_back(static_cast<std::int64_t>(text.tokens.size() - back));
    }
  }
  return text;
}

}  // namespace headscope
