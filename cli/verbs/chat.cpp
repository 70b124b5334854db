// headscope chat: a conversation in the terminal, heads changed between its turns.
#include <cstdio>
#include <iostream>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "cli/generate/chat_session.h"
#include "cli/generate/sampling_options.h"
#include "cli/interrupt.h"
#include "cli/intervene.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "hooks/intervention_json.h"
#include "hooks/standing_interventions.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/load_chat.h"

namespace headscope {
namespace {

struct ChatArguments {
  std::string model;
  std::string intervene;
  std::string attention;
  std::string kv_cache = "plan";
  std::string system;
  SamplingArguments sampling{.max_tokens = 512};
};

ChatOptions options_of(const ChatArguments& arguments,
                       const Model& model,
                       const Invocation& invocation) {
  ChatOptions options{.sampler = arguments.sampling.sampler,
                      .stop = stop_rules(arguments.sampling),
                      .system = arguments.system,
                      .keys = kv_kept(arguments.kv_cache)};
  options.sampler.seed = invocation.common.seed;
  if (!arguments.intervene.empty()) {
    options.interventions = standing_interventions(model, arguments.intervene)->interventions();
  }
  return options;
}

void run(const ChatArguments& arguments, const Invocation& invocation) {
  if (invocation.common.json) {
    throw UsageError("chat is a conversation; for JSON use headscope generate --json");
  }
  catch_interrupts();
  const ChatTemplate chat = load_chat_template(arguments.model);
  const Model model = load_with(arguments.model, invocation.common, "", arguments.attention);
  ChatSession session(
      model, chat, options_of(arguments, model, invocation), [](std::string_view text) {
        print(text);
        std::fflush(stdout);
      });
  const bool terminal = isatty(STDIN_FILENO) == 1;
  if (terminal) {
    print(chat_help());
  }
  std::string line;
  while (!interrupted()) {
    print(terminal ? "> " : "");
    std::fflush(stdout);
    if (!std::getline(std::cin, line) || session.line(line) == ChatState::closed) {
      break;
    }
  }
  if (interrupted()) {
    throw Interrupted();
  }
}

}  // namespace

Verb chat_verb() {
  return {
      .name = "chat",
      .summary = "Talk to a model, and change its heads between turns",
      .example =
          "  headscope chat MODEL --max-tokens 200\n"
          "  > What is the capital of France?\n"
          "  > /scale 9.6 0\n"
          "  > What is the capital of France?\n"
          "  > /save edits.json\n"
          "(MODEL is one with a chat template: a Hugging Face folder or a GGUF file)",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto arguments = std::make_shared<ChatArguments>();
        add_model(app, arguments->model);
        add_intervene(app, arguments->intervene);
        add_attention(app, arguments->attention);
        add_kv_cache(app, arguments->kv_cache);
        app.add_option("--system", arguments->system, "The system message");
        add_sampling(app, arguments->sampling);
        return [arguments, &app, &invocation] {
          check_sampling(app, arguments->sampling);
          run(*arguments, invocation);
        };
      },
  };
}

}  // namespace headscope
