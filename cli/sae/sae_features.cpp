// headscope sae features.
#include <algorithm>
#include <cmath>

#include "analyses/sae/feature_contexts.h"
#include "cli/output.h"
#include "cli/render/dot_chart.h"
#include "cli/render/progress.h"
#include "cli/render/report.h"
#include "cli/render/table.h"
#include "cli/render/visible.h"
#include "cli/sae/sae_options.h"
#include "lib/base/error.h"
#include "lib/base/paths.h"
#include "lib/tensor/backend.h"
#include "lib/tensor/convert.h"

namespace headscope {
namespace {

constexpr std::int64_t kBefore = 14;  // tokens of a context
constexpr std::int64_t kAfter = 6;

// The text around a token, which stands in 【brackets】.
std::string marked_context(const Model& model, const Prompt& prompt, std::int64_t position) {
  const std::int64_t begin = std::max<std::int64_t>(0, position - kBefore);
  const std::int64_t end = std::min(std::ssize(prompt.tokens), position + kAfter + 1);
  std::string text = begin > 0 ? "…" : "";
  for (std::int64_t i = begin; i < end; ++i) {
    const std::string piece =
        visible(model.tokenizer().piece(prompt.tokens[static_cast<std::size_t>(i)]), Spaces::kept);
    text += i == position ? "【" + piece + "】" : piece;
  }
  return text + (end < std::ssize(prompt.tokens) ? "…" : "");
}

OrderedJson features_json(const FeatureContexts& found,
                          const Model& model,
                          const std::vector<Prompt>& prompts) {
  OrderedJson list = OrderedJson::array();
  for (const FeatureUse& use : found.features) {
    OrderedJson contexts = OrderedJson::array();
    for (const FeatureContext& each : use.contexts) {
      const Prompt& prompt = prompts[static_cast<std::size_t>(each.prompt)];
      contexts.push_back({{"prompt", prompt.id},
                          {"position", each.position},
                          {"code", each.code},
                          {"text", marked_context(model, prompt, each.position)}});
    }
    list.push_back({{"feature", use.feature},
                    {"density", use.density},
                    {"largest", use.largest},
                    {"mean_code", use.mean_code},
                    {"contexts", contexts}});
  }
  return list;
}

OrderedJson histogram_json(const FeatureContexts& found) {
  OrderedJson bins = OrderedJson::array();
  for (std::size_t i = 0; i < found.histogram.size(); ++i) {
    bins.push_back({{"log10_density", found.first + 0.5 * static_cast<double>(i)},
                    {"features", found.histogram[i]}});
  }
  return bins;
}

std::string density_chart(const FeatureContexts& found) {
  DotChart chart{.title = "How often features fire",
                 .x_axis = "log10 of the share of tokens",
                 .panels = {{.y_axis = "features", .dots = {}}}};
  for (std::size_t i = 0; i < found.histogram.size(); ++i) {
    chart.panels.front().dots.push_back({.x = found.first + 0.5 * static_cast<double>(i) + 0.25,
                                         .y = static_cast<double>(found.histogram[i])});
  }
  return to_svg(chart);
}

void write_features_page(const std::string& path,
                         const FeatureContexts& found,
                         const OrderedJson& features,
                         const Sae& sae,
                         const Invocation& invocation) {
  Report report({.title = fmt::format("Features of {}", sae.config().hook),
                 .subtitle = fmt::format("{} of {} features, on {} tokens; {} fired on none",
                                         features.size(),
                                         grouped(sae.config().d_sae),
                                         grouped(found.tokens),
                                         grouped(found.dead)),
                 .footer = invocation.command_line});
  report.figure(density_chart(found), "A dot a half decade: features whose density lies in it.");
  for (const OrderedJson& each : features) {
    Table table({{"code", 3}, {"context"}});
    for (const OrderedJson& context : each["contexts"]) {
      table.row({context["code"], context["text"]});
    }
    report.table(
        table,
        fmt::format("Feature {}: fires on {:.3g} of tokens, at most {:.3f}, {:.3f} on average",
                    each["feature"].get<std::int64_t>(),
                    each["density"].get<double>(),
                    each["largest"].get<double>(),
                    each["mean_code"].get<double>()));
  }
  report.write(path);
}

std::string features_text(const OrderedJson& features) {
  Table table({{"feature"}, {"density", 4}, {"largest", 3}, {"strongest context"}});
  for (const OrderedJson& each : features) {
    const OrderedJson& contexts = each["contexts"];
    table.row({each["feature"],
               each["density"],
               each["largest"],
               contexts.empty() ? std::string() : contexts.front()["text"].get<std::string>()});
  }
  return table.text();
}

FeatureContexts contexts_of(const SaeOptions& options, const Sae& sae, const SaeInput& input) {
  Progress bar(std::ssize(input.prompts), {.label = "reading"});
  std::int64_t drawn = 0;
  return feature_contexts(sae,
                          *input.model,
                          input.prompts,
                          {.features = options.features,
                           .most = options.most,
                           .contexts = options.contexts,
                           .first_position = options.first_position,
                           .progress = [&](std::int64_t done, std::int64_t) {
                             bar.add(done - drawn);
                             drawn = done;
                           }});
}

}  // namespace

void sae_features(const SaeOptions& options, const Invocation& invocation) {
  if (!options.out.empty()) {
    check_output_file(options.out);
  }
  use_backend(invocation.common.device);
  const Sae sae = read_sae_of(options).to(to_torch(invocation.common.device), at::kFloat);
  const SaeInput input = sae_input(options, "sae features", invocation);
  if (!input.model) {
    throw UsageError("sae features shows text, so it takes a MODEL, not a trace");
  }
  const FeatureContexts found = contexts_of(options, sae, input);
  const OrderedJson features = features_json(found, *input.model, input.prompts);
  if (!options.out.empty()) {
    write_features_page(options.out, found, features, sae, invocation);
  }
  show(invocation,
       {{"site", sae.config().hook},
        {"tokens", found.tokens},
        {"d_sae", sae.config().d_sae},
        {"dead", found.dead},
        {"density_histogram", histogram_json(found)},
        {"features", features},
        {"page", options.out},
        {"command_line", invocation.command_line}},
       features_text(features) + "\n" +
           facts({{"tokens", grouped(found.tokens)},
                  {"dead",
                   fmt::format("{} of {} features, on these tokens",
                               grouped(found.dead),
                               grouped(sae.config().d_sae))},
                  {"page", options.out}}));
}

}  // namespace headscope
