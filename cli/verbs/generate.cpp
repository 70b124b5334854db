// headscope generate: prompts written on, with interventions or without.
#include <cstdio>
#include <optional>

#include <CLI/CLI.hpp>

#include "cli/generate/generate_run.h"
#include "cli/generate/sampling_options.h"
#include "cli/interrupt.h"
#include "cli/intervene.h"
#include "cli/output.h"
#include "cli/prompt_options.h"
#include "cli/trace/record_run.h"
#include "cli/unread_options.h"
#include "cli/verbs.h"
#include "hooks/address.h"
#include "hooks/provenance.h"
#include "hooks/standing_interventions.h"
#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/base/paths.h"
#include "lib/families/load_chat.h"

namespace headscope {
namespace {

struct GenerateArguments {
  std::string model;
  PromptArguments prompts;
  bool chat = false;   // each text is a user's message
  std::string system;  // … after this one
  SamplingArguments sampling;
  std::string intervene;
  std::string attention;
  std::string kv_cache = "plan";
  bool compare = false;
  std::int64_t samples = 1;
  std::int64_t batch = 16;
  std::int64_t logprobs = 0;
  std::string record;  // a trace of the texts
  std::vector<std::string> record_hooks;
};

GenerateOptions options_of(const GenerateArguments& arguments, const Invocation& invocation) {
  GenerateOptions options{.sampler = arguments.sampling.sampler,
                          .stop = stop_rules(arguments.sampling),
                          .samples = arguments.samples,
                          .batch = arguments.batch,
                          .top_logprobs = arguments.logprobs};
  options.sampler.seed = invocation.common.seed;
  options.keys = kv_kept(arguments.kv_cache);
  if (!invocation.common.json && !arguments.compare) {
    options.stream = [](std::string_view text) {
      print(text);
      std::fflush(stdout);
    };
  }
  return options;
}

std::vector<Prompt> computed_texts(const GenerateResult& result) {
  std::vector<Prompt> texts;
  for (const GeneratedPrompt& of : result.prompts) {
    for (std::size_t sample = 0; sample < of.texts.size(); ++sample) {
      texts.push_back(computed_text(of.prompt, of.texts[sample]));
      texts.back().id += of.texts.size() > 1 ? fmt::format("/{}", sample) : "";
    }
  }
  return texts;
}

void record_texts(const Model& changed,
                  const GenerateResult& result,
                  const GenerateArguments& arguments,
                  const Invocation& invocation) {
  RecordOptions record;
  record.hooks = arguments.record_hooks;
  record.provenance = provenance(changed,
                                 {.command_line = invocation.command_line,
                                  .seed = invocation.common.seed,
                                  .prepend_bos = arguments.prompts.bos});
  record_with_progress(changed, computed_texts(result), arguments.record, record);
}

std::string summary(const GenerateResult& result, const StandingChange* change) {
  std::string text =
      fmt::format("{} in {}, {} tokens/s",
                  counted(result.tokens, "token"),
                  format_seconds(result.seconds),
                  format_number(static_cast<double>(result.tokens) / result.seconds, 1));
  if (result.prompts.size() == 1 && result.prompts.front().texts.size() == 1) {
    text += fmt::format(", ended by {}", to_string(result.prompts.front().texts.front().ended));
  }
  if (result.kept.kept < result.kept.whole) {
    text += fmt::format("; keys and values {} of {}",
                        format_bytes(result.kept.kept),
                        format_bytes(result.kept.whole));
  }
  if (change != nullptr) {
    for (const StandingChange::Fired& part : change->fired()) {
      text += fmt::format("; {} fired {} times", part.part, grouped(part.values));
    }
  }
  return text;
}

void show_result(const GenerateResult& result,
                 const GenerateArguments& arguments,
                 const Model& changed,
                 const Invocation& invocation) {
  const StandingChange* change = changed.standing().get();
  if (invocation.common.json) {
    const Json from = provenance(changed,
                                 {.command_line = invocation.command_line,
                                  .seed = invocation.common.seed,
                                  .prepend_bos = arguments.prompts.bos});
    OrderedJson json{{"model", arguments.model},
                     {"provenance", OrderedJson::parse(from.dump())},
                     {"prompts", to_json(result.prompts, changed)},
                     {"seconds", result.seconds},
                     {"kv_bytes", result.kept.kept},
                     {"kv_bytes_whole", result.kept.whole}};
    if (change != nullptr) {
      json["fired"] = fired_json(change);
    }
    print_json(json);
    return;
  }
  const bool streamed = !arguments.compare && result.prompts.size() == 1 && arguments.samples == 1;
  print(streamed ? "\n" : to_text(result.prompts, changed));
  print_note(summary(result, change));
}

// Texts as the messages of a user, by the model's chat template; the answer ends with its turn.
std::vector<Prompt> chat_prompts(const GenerateArguments& arguments,
                                 const Model& model,
                                 GenerateOptions& options) {
  if (arguments.prompts.texts.empty()) {
    throw UsageError("--chat makes messages of texts: give --prompt TEXT");
  }
  const ChatTemplate chat = load_chat_template(arguments.model);
  end_with_turn(options.stop, model.tokenizer(), chat);
  std::vector<Prompt> prompts;
  for (const std::string& text : arguments.prompts.texts) {
    OrderedJson messages = OrderedJson::array();
    if (!arguments.system.empty()) {
      messages.push_back({{"role", "system"}, {"content", arguments.system}});
    }
    messages.push_back({{"role", "user"}, {"content", text}});
    const std::string rendered = chat.render(messages, {.add_generation_prompt = true});
    prompts.push_back({.id = std::to_string(prompts.size()),
                       .text = rendered,
                       .tokens = encode_chat(model.tokenizer(), rendered),
                       .spans = {}});
  }
  return prompts;
}

void run(const GenerateArguments& arguments, const Invocation& invocation) {
  if (arguments.record.empty() != arguments.record_hooks.empty()) {
    throw UsageError("--record FILE and --record-hooks HOOKS go together");
  }
  if (!arguments.record.empty() && path_exists(arguments.record)) {
    throw UsageError("{}: exists already; name another file for --record", arguments.record);
  }
  if (arguments.compare && arguments.intervene.empty()) {
    throw UsageError("--compare shows texts with and without interventions: give --intervene FILE");
  }
  catch_interrupts();
  const Model model = load_with(arguments.model, invocation.common, "", arguments.attention);
  for (const std::string& hook : arguments.record_hooks) {
    (void)resolve_hooks(hook, model.config());  // before anything is written
  }
  GenerateOptions options = options_of(arguments, invocation);
  if (!arguments.intervene.empty()) {
    options.change = standing_interventions(model, arguments.intervene);
    options.unchanged = arguments.compare ? GenerateOptions::Unchanged::beside
                                          : GenerateOptions::Unchanged::leave_out;
  }
  const std::vector<Prompt> prompts =
      arguments.chat ? chat_prompts(arguments, model, options)
                     : prompts_of(arguments.prompts,
                                  model,
                                  "generate needs prompts: --prompts FILE.jsonl or --prompt TEXT");
  const GenerateResult result = generate(model, prompts, options);
  const Model changed = model.with(options.change);
  if (!interrupted()) {
    check_fired(changed);
  }
  if (!arguments.record.empty() && !interrupted()) {
    record_texts(changed, result, arguments, invocation);
  }
  show_result(result, arguments, changed, invocation);
  if (interrupted()) {
    throw Interrupted();
  }
}

void add_options(CLI::App& app, GenerateArguments& arguments) {
  add_model(app, arguments.model);
  add_prompts(app, arguments.prompts);
  app.add_flag("--chat",
               arguments.chat,
               "Take each text for a user's message and put it into the model's chat template");
  app.add_option("--system", arguments.system, "With --chat: the system message before it")
      ->needs("--chat");
  add_sampling(app, arguments.sampling);
  add_intervene(app, arguments.intervene);
  add_attention(app, arguments.attention);
  add_kv_cache(app, arguments.kv_cache);
  app.add_flag("--compare",
               arguments.compare,
               "Write each text with and without the interventions, beside each other, tokens that "
               "differ marked, log-probabilities");
  app.add_option("--samples", arguments.samples, "Texts of each prompt (with --temperature)")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20))
      ->capture_default_str();
  app.add_option("--batch", arguments.batch, "Texts that run at once; each is what it is alone")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 16))
      ->capture_default_str();
  app.add_option("--logprobs",
                 arguments.logprobs,
                 "With --json, tell this many of the likeliest tokens at each step")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1000}))
      ->capture_default_str();
  app.add_option("--record-hooks",
                 arguments.record_hooks,
                 "Record this hook point of prompts and written tokens; repeatable")
      ->allow_extra_args(false);
  app.add_option("--record", arguments.record, "The trace to write (.h5)")->check(names_an_output);
}

void check_read(const CLI::App& app, const GenerateArguments& arguments) {
  check_sampling(app, arguments.sampling);
  if (arguments.sampling.sampler.temperature == 0.0 && arguments.samples > 1) {
    refuse_without(app, {"samples"}, "a --temperature above 0: every text would be the same");
  }
  if (arguments.chat && (was_given(app, "prompts") || was_given(app, "prepend-bos"))) {
    throw UsageError(
        "--chat makes its prompts of --prompt and the model's template: leave out --prompts and "
        "--prepend-bos");
  }
}

}  // namespace

Verb generate_verb() {
  return {
      .name = "generate",
      .summary = "Write on from prompts, with interventions while the model writes",
      .example =
          "  headscope generate smollm2 --prompt \"The capital of France is\" --max-tokens 20\n"
          "  echo '{\"version\": 1, \"interventions\": [{\"site\": \"blocks.23.attn.hook_z\", "
          "\"heads\": [3],\n    \"op\": \"zero\"}]}' > edits.json\n"
          "  headscope generate smollm2 --intervene edits.json --compare --max-tokens 20 \\\n"
          "    --prompt \"When Mary and John went to the store, John gave a drink to\"",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto arguments = std::make_shared<GenerateArguments>();
        add_options(app, *arguments);
        return [arguments, &app, &invocation] {
          check_read(app, *arguments);
          run(*arguments, invocation);
        };
      },
  };
}

}  // namespace headscope
