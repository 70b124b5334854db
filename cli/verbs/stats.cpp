// headscope stats: what every head's attention is like over one long text.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <CLI/CLI.hpp>

#include "cli/interrupt.h"
#include "cli/intervene.h"
#include "cli/output.h"
#include "cli/render/progress.h"
#include "cli/trace/stats_view.h"
#include "cli/unread_options.h"
#include "cli/verbs.h"
#include "hooks/provenance.h"
#include "hooks/statistics_tap.h"
#include "hooks/trace/trace_writer.h"
#include "lib/base/error.h"
#include "lib/base/paths.h"
#include "lib/families/load.h"
#include "lib/model/beyond_context.h"
#include "lib/tensor/ops.h"
#include "lib/text/unicode.h"
#include "lib/text/utf8_check.h"

namespace headscope {
namespace {

struct StatsArguments {
  std::string model;
  std::string text;
  std::string out;
  std::string maps;
  std::string intervene;
  std::string attention;
  std::int64_t context = 0;
  std::int64_t chunk = 4096;
  bool allow_beyond = false;
  bool overwrite = false;
  PrependBos bos = PrependBos::automatic;
  StatisticsChoice choice{.names = {"first", "entropy", "distance", "columns", "top", "blocks"}};
  std::size_t top = 5;
};

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw DataError("{}: cannot read it: {}", path, std::strerror(errno));
  }
  std::string text{std::istreambuf_iterator<char>(file), {}};
  check_utf8(text, path);
  return text;
}

// The first `context` tokens of the text.
Prompt prompt_of(const StatsArguments& options, const std::string& text, const Model& model) {
  Prompt prompt{.id = replace_invalid_utf8(options.text), .text = {}, .tokens = {}, .spans = {}};
  prompt.tokens = model.tokenizer().encode(text, options.bos);
  const auto tokens = static_cast<std::int64_t>(prompt.tokens.size());
  if (tokens == 0) {
    throw DataError("{}: no tokens in it", options.text);
  }
  const std::int64_t context = options.context == 0 ? tokens : options.context;
  if (tokens < context) {
    throw DataError("{}: {} tokens, --context asks for {}; give a longer text or a smaller context",
                    options.text,
                    tokens,
                    context);
  }
  prompt.tokens.resize(static_cast<std::size_t>(context));
  prompt.text = model.tokenizer().decode(prompt.tokens);
  return prompt;
}

Model fitting(const Model& model, std::int64_t tokens, const StatsArguments& options) {
  if (tokens <= model.config().n_ctx) {
    return model;
  }
  if (!options.allow_beyond) {
    throw UsageError("{} tokens are more than the model's context of {}; --allow-beyond tries",
                     tokens,
                     model.config().n_ctx);
  }
  return beyond_context(model, tokens);
}

StatisticsCollector collect(const StatsArguments& options,
                            const Model& model,
                            const Prompt& prompt) {
  StatisticsCollector collector(model.config());
  const auto tokens = static_cast<std::int64_t>(prompt.tokens.size());
  const std::int64_t chunks = (tokens + options.chunk - 1) / options.chunk;
  Progress bar(chunks * model.config().n_layers, {.label = "reading", .unit = "layers"});
  StatisticsTap tap(statistics_request(options.choice),
                    [&](const Visit& visit, const AttentionStatistics& part) {
                      if (interrupted()) {
                        throw Interrupted();
                      }
                      require_finite(part, visit.point.layer, model);
                      collector.add(visit, part);
                      bar.add();
                    });
  model.forward(Batch({prompt.tokens}), tap, {.logits = Logits::none, .chunk = options.chunk});
  return collector;
}

void write(const StatsArguments& options,
           const Invocation& invocation,
           const Model& model,
           const Prompt& prompt,
           const StatisticsCollector& collector) {
  const auto tokens = static_cast<std::int64_t>(prompt.tokens.size());
  const TraceHeader header{provenance(model,
                                      {.command_line = invocation.command_line,
                                       .seed = invocation.common.seed,
                                       .prepend_bos = options.bos}),
                           {prompt},
                           statistics_datasets(options.choice, model.config(), tokens)};
  TraceWriter writer(
      options.out, header, {.if_exists = options.overwrite ? IfExists::replace : IfExists::fail});
  for (int layer = 0; layer < model.config().n_layers; ++layer) {
    for (const NamedStatistic& each :
         statistics_of_prompt(options.choice, collector.layer(layer), 0, 0)) {
      std::vector<std::uint8_t> bytes(each.value.nbytes());
      std::copy_n(static_cast<const std::uint8_t*>(each.value.const_data_ptr()),
                  bytes.size(),
                  bytes.begin());
      writer.write(0, statistic_point(layer, each.name), DType::f32, std::move(bytes));
    }
  }
  writer.finish_prompt(0);
  writer.finish();
}

void check(const StatsArguments& options) {
  const StatisticsRequest request = statistics_request(options.choice);
  if (!options.out.empty() && path_exists(options.out) && !options.overwrite) {
    throw UsageError("{}: exists; --overwrite replaces it", options.out);
  }
  if (request.block > 0 && options.chunk % request.block != 0) {
    throw UsageError(
        "--chunk {} is no multiple of --block {}", options.chunk, options.choice.block);
  }
}

void run(const StatsArguments& options, const Invocation& invocation) {
  check(options);
  catch_interrupts();
  const std::string text = read_text(options.text);
  const Model loaded =
      load_with(options.model, invocation.common, options.intervene, options.attention);
  const Prompt prompt = prompt_of(options, text, loaded);
  const Model model = fitting(loaded, static_cast<std::int64_t>(prompt.tokens.size()), options);
  const StatisticsCollector collector = collect(options, model, prompt);
  check_fired(model);
  if (!options.out.empty()) {
    write(options, invocation, model, prompt, collector);
  }
  const StatsSummary summary = summarize(collector, model.config(), prompt);
  if (!options.maps.empty()) {
    write_block_maps(collector, model.config(), model.source().name, options.maps);
  }
  show(invocation, stats_json(summary), stats_text(summary, options.top));
}

void add_options(CLI::App& app, StatsArguments& options) {
  add_model(app, options.model);
  app.add_option("--text", options.text, "A text file, read from its beginning")->required();
  app.add_option("--context", options.context, "Tokens of it; 0: all of them")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 40))
      ->capture_default_str();
  app.add_flag(
      "--allow-beyond", options.allow_beyond, "Try more tokens than the model was made for");
  app.add_option("--chunk", options.chunk, "Tokens in one forward pass, through the KV cache")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40))
      ->capture_default_str();
  app.add_option("--statistics", options.choice.names, "Which; commas between")
      ->delimiter(',')
      ->default_str("first,entropy,distance,columns,top,blocks");
  app.add_option("--top-k", options.choice.top_k, "Keys a query in \"top\"")
      ->check(CLI::Range(std::int64_t{1}, kMostTop))
      ->capture_default_str();
  app.add_option("--block", options.choice.block, "Tokens a side of a cell of \"blocks\"")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 30))
      ->capture_default_str();
  add_output(app, options.out, "The trace to write (.h5)");
  app.add_flag("--overwrite", options.overwrite, "Replace an existing file");
  app.add_option("--maps", options.maps, "A folder for pictures: a layer's block maps a file");
  app.add_option("--top", options.top, "Heads to list")->capture_default_str();
  add_prepend_bos(app, options.bos);
  add_intervene(app, options.intervene);
  add_attention(app, options.attention);
}

}  // namespace

Verb stats_verb() {
  return {
      .name = "stats",
      .summary = "Statistics of every head's attention over a long text, without T × T maps",
      .example =
          "  headscope stats smollm2 --text book.txt --context 8192 -o stats.h5 --maps out/maps\n"
          "  headscope stats llama-8b --text book.txt --context 131072 --device cuda --dtype bf16\n"
          "\n"
          "Of every head: mass on the first token, entropy, mean distance, mass each token "
          "receives, the\nstrongest keys of every token, and its map pooled to blocks. Memory "
          "grows "
          "with the context, not\nwith its square (blocks: with the square of their number; a "
          "larger --block for "
          "a longer text). The file is a trace: inspect and export read "
          "it.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<StatsArguments>();
        add_options(app, *options);
        return [options, &app, &invocation] {
          if (options->out.empty()) {
            refuse_without(app, {"overwrite"}, "-o FILE");
          }
          run(*options, invocation);
        };
      },
  };
}

}  // namespace headscope
