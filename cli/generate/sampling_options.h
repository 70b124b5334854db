// How texts are written, as options that `generate` and `chat` share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/chat/chat_template.h"
#include "lib/generate/generate.h"

namespace CLI {
class App;
}

namespace headscope {

struct SamplingArguments {
  SamplerOptions sampler{};
  std::int64_t max_tokens = 64;
  std::vector<std::string> stop{};
  bool ignore_end = false;
};
void add_sampling(CLI::App& app, SamplingArguments& arguments);

// Throws UsageError for a setting of drawing where nothing is drawn (--temperature 0).
void check_sampling(const CLI::App& app, const SamplingArguments& arguments);

StopRules stop_rules(const SamplingArguments& arguments);

// Adds what ends the assistant's turn by the chat template, unless texts go on behind turns.
void end_with_turn(StopRules& stop, const Tokenizer& tokenizer, const ChatTemplate& chat);

// "the end of a turn", "--max-tokens" …: why a text ended, in words.
std::string_view to_string(Ended ended);

}  // namespace headscope
