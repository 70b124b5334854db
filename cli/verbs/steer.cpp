// headscope steer: what steers a model, learned, judged and swept (analyses/steering).
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/steer/steer_options.h"
#include "cli/unread_options.h"
#include "cli/verbs.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

// What each of the things that `steer` does reads; a method of fit says itself which settings.
void check_read(const CLI::App& app, const std::string& what) {
  std::vector<std::string> reads{"WHAT"};
  if (what == "fit") {
    reads.insert(reads.end(),
                 {"WORDS",  "data",      "held-out", "top",       "heads",  "alpha",      "site",
                  "layers", "direction", "goal",     "span",      "atlas",  "detector",   "steps",
                  "rate",   "rank",      "digits",   "overwrite", "output", "prepend-bos"});
  } else if (what == "list") {
    reads.emplace_back("WORDS");
  } else {
    reads.insert(reads.end(),
                 {"WORDS", "edits", "task", "run", "draws", "text", "text-tokens", "prepend-bos"});
  }
  if (what == "eval") {
    reads.emplace_back("against");
  } else if (what == "sweep") {
    reads.insert(reads.end(), {"resume", "strength", "rank", "overwrite", "output"});
  }
  refuse_unread(app, "steer " + what, reads);
}

void steer(const SteerOptions& options, const Invocation& invocation) {
  if (options.what == "list") {
    list_steer_methods(options, invocation);
  } else if (options.what == "fit") {
    steer_fit(options, invocation);
  } else if (options.what == "eval") {
    steer_eval(options, invocation);
  } else {
    steer_sweep(options, invocation);
  }
}

}  // namespace

Verb steer_verb() {
  return {
      .name = "steer",
      .summary = "Steering: learn a direction or heads to change, judge it against random ones",
      .example =
          "  headscope steer list\n"
          "  headscope steer list mean-diff\n"
          "  headscope steer fit mean-diff smollm2 --data pairs.jsonl -o direction\n"
          "  headscope steer eval smollm2 --edits direction/edits.json --task eval.jsonl\n"
          "  headscope steer sweep smollm2 --edits direction/edits.json --strength -2:2:0.5 "
          "--task eval.jsonl -o sweep.jsonl\n"
          "  headscope predict smollm2 --intervene direction/edits.json --prompt \"The film was\"\n"
          "\n"
          "Examples are lines {\"prompt\": \"The film was\", \"positive\": \" great\", "
          "\"negative\": "
          "\" awful\"},\nor {\"text\": \"…\", \"label\": 1} (0: negative), or a task (headscope "
          "task "
          "make). The score of an\nitem is log p(positive) − log p(negative); the random "
          "counterparts are as many heads that\nwere not chosen, or directions of the same norm. "
          "An effect counts if its own 95 % interval\nexcludes 0 and its mean lies outside the "
          "random ones' (data/DIRECTION_FORMAT.md).",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<SteerOptions>();
        add_steer_options(app, *options);
        return [options, &app, &invocation] {
          check_read(app, options->what);
          if (options->what == "sweep" && options->out.empty()) {
            refuse_without(app, {"resume", "overwrite"}, "-o FILE");
          }
          steer(*options, invocation);
        };
      },
  };
}

}  // namespace headscope
