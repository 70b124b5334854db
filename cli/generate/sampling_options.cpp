#include "cli/generate/sampling_options.h"

#include <CLI/CLI.hpp>

#include "cli/unread_options.h"

namespace headscope {

void add_sampling(CLI::App& app, SamplingArguments& arguments) {
  SamplerOptions& sampler = arguments.sampler;
  app.add_option("--max-tokens", arguments.max_tokens, "Write at most this many tokens")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 24))
      ->capture_default_str();
  app.add_option("--temperature",
                 sampler.temperature,
                 "Divide the logits by it and draw (by --seed); 0: always the likeliest token")
      ->capture_default_str();
  app.add_option("--top-k", sampler.top_k, "Draw among the k likeliest tokens; 0: all")
      ->capture_default_str();
  app.add_option("--top-p",
                 sampler.top_p,
                 "Draw among the fewest likeliest tokens that sum to this probability")
      ->capture_default_str();
  app.add_option("--min-p",
                 sampler.min_p,
                 "Draw among tokens at least this part as likely as the likeliest")
      ->capture_default_str();
  app.add_option("--repetition-penalty",
                 sampler.repetition_penalty,
                 "Divide positive logits of tokens the text has already by it, multiply negative "
                 "ones; 1: none")
      ->capture_default_str();
  app.add_option("--stop", arguments.stop, "End the text before this string; repeatable")
      ->allow_extra_args(false)
      ->check([](const std::string& text) {
        return text.empty() ? std::string("a string of at least one character") : std::string();
      });
  app.add_flag("--ignore-end",
               arguments.ignore_end,
               "Write on behind the tokens that the model's files name as the end of a turn");
}

void check_sampling(const CLI::App& app, const SamplingArguments& arguments) {
  if (arguments.sampler.temperature == 0.0) {
    refuse_without(app, {"top-k", "top-p", "min-p"}, "a --temperature above 0");
  }
}

StopRules stop_rules(const SamplingArguments& arguments) {
  return {.strings = arguments.stop,
          .max_new = arguments.max_tokens,
          .at_end_of_turn = arguments.ignore_end ? AtEndOfTurn::go_on : AtEndOfTurn::stop};
}

void end_with_turn(StopRules& stop, const Tokenizer& tokenizer, const ChatTemplate& chat) {
  if (stop.at_end_of_turn == AtEndOfTurn::stop) {
    const std::vector<TokenId> ends = end_of_turn_tokens(tokenizer, &chat);
    stop.ids.insert(stop.ids.end(), ends.begin(), ends.end());
  }
}

std::string_view to_string(Ended ended) {
  switch (ended) {
    case Ended::no:
      return "interrupted";
    case Ended::id:
      return "end of turn";
    case Ended::string:
      return "stop string";
    case Ended::length:
      return "max tokens";
    case Ended::context:
      return "context full";
  }
  return "";
}

}  // namespace headscope
