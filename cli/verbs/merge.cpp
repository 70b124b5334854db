// headscope merge: shards of one sweep into one file.
#include <CLI/CLI.hpp>

#include "cli/output.h"
#include "cli/sweep/result_view.h"
#include "cli/verbs.h"

namespace headscope {
namespace {

struct MergeArguments {
  std::vector<std::string> shards;
  std::string out;
  bool overwrite = false;
};

void run(const MergeArguments& options, const Invocation& invocation) {
  merge_results({options.shards.begin(), options.shards.end()},
                options.out,
                options.overwrite ? IfExists::replace : IfExists::fail);
  const Result result = read_result(options.out);
  show(invocation, result_json(result, PerPrompt::left_out, 10), result_text(result, 10));
}

}  // namespace

Verb merge_verb() {
  return {
      .name = "merge",
      .summary = "Join the shards of one sweep; overlaps and gaps are refused",
      .example =
          "  headscope patch smollm2 --task ioi.jsonl --shard 1/2 -o a.h5\n"
          "  headscope patch smollm2 --task ioi.jsonl --shard 2/2 -o b.h5\n"
          "  headscope merge a.h5 b.h5 -o patch.h5",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<MergeArguments>();
        app.add_option("SHARD", options->shards, "Files of the same sweep")->required();
        add_output(app, options->out, "The file to write")->required();
        app.add_flag("--overwrite", options->overwrite, "Replace an existing file");
        return [options, &invocation] { run(*options, invocation); };
      },
  };
}

}  // namespace headscope
