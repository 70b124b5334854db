// headscope operator profile: how far each head looks, against the length of the text.
#include <cmath>
#include <memory>

#include <CLI/CLI.hpp>

#include "analyses/operators/attention_reach.h"
#include "cli/intervene.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/verbs.h"
#include "hooks/provenance.h"
#include "lib/base/json.h"
#include "lib/base/mapped_file.h"
#include "lib/text/utf8_check.h"

namespace headscope {
namespace {

struct ProfileArguments {
  std::string model;
  std::string text;
  std::string attention;
  std::vector<std::int64_t> contexts{256, 512, 1024};
  PrependBos bos = PrependBos::automatic;
  std::size_t top = 10;
};

Table profile_table(const std::vector<AttentionReach>& reach, std::size_t top) {
  std::vector<Table::Column> columns{{"head"}, {"growth"}};
  for (const AttentionReach& each : reach) {
    columns.push_back({fmt::format("distance at {}", each.tokens), 1});
    columns.push_back({fmt::format("entropy at {}", each.tokens), 2});
    columns.push_back({fmt::format("first at {}", each.tokens), 2});
  }
  Table table(columns);
  const HeadScores growth = growth_of_distance(reach);
  for (const HeadId& head : top_heads(reach.back().distance, top)) {
    std::vector<OrderedJson> row{to_string(head), cell_of(growth[head])};
    for (const AttentionReach& each : reach) {
      row.insert(row.end(), {each.distance[head], each.entropy[head], each.first[head]});
    }
    table.row(std::move(row));
  }
  return table;
}

void profile(const ProfileArguments& options, const Invocation& invocation) {
  const MappedFile file(options.text);
  const std::string text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  check_utf8(text, options.text);
  const Model model = load_with(options.model, invocation.common, "", options.attention);
  const std::vector<std::int32_t> tokens = model.tokenizer().encode(text, options.bos);
  const std::vector<AttentionReach> reach = attention_reach(model, tokens, options.contexts);
  const Json from = provenance(model,
                               {.command_line = invocation.command_line,
                                .seed = invocation.common.seed,
                                .prepend_bos = options.bos});
  show(invocation,
       {{"model", options.model},
        {"contexts", options.contexts},
        {"heads", profile_table(reach, reach.front().distance.size()).json()},
        {"provenance", OrderedJson::parse(from.dump())}},
       profile_table(reach, options.top).text());
}

}  // namespace

Verb operator_profile_verb() {
  return {
      .name = "operator profile",
      .summary = "How far each head looks, against the length of the text",
      .example =
          "  headscope operator profile smollm2 --text book.txt --contexts 256,512,1024\n"
          "\n"
          "Means over the second half of the text's queries: distance looked back in tokens, "
          "entropy in nats,\nattention to the first token. growth is the slope of ln distance on "
          "ln length: 1 for a head that looks\nas far as the text reaches, 0 for one that a window "
          "would serve.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<ProfileArguments>();
        add_model(app, options->model);
        app.add_option("--text", options->text, "A text file, read from its beginning")
            ->required()
            ->check(names_a_file);
        app.add_option("--contexts", options->contexts, "Lengths in tokens, commas between")
            ->delimiter(',')
            ->default_str("256,512,1024");
        app.add_option("--top", options->top, "Heads to list, those that look farthest")
            ->capture_default_str();
        add_prepend_bos(app, options->bos);
        add_attention(app, options->attention);
        return [options, &invocation] { profile(*options, invocation); };
      },
  };
}

}  // namespace headscope
