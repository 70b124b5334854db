#include "cli/demo/demo_knockout.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/generate/generate_run.h"
#include "cli/render/visible.h"
#include "hooks/standing_interventions.h"

namespace headscope {
namespace {

constexpr std::int64_t kWritten = 8;  // tokens of each text

std::vector<GeneratedPrompt> written(const Model& model,
                                     const std::vector<Prompt>& prompts,
                                     std::shared_ptr<const StandingChange> change) {
  GenerateOptions options;
  options.stop.max_new = kWritten;
  options.change = std::move(change);
  return generate(model, prompts, options).prompts;
}

std::vector<Intervention> off(const std::vector<HeadId>& heads) {
  std::vector<Intervention> list;
  for (const HeadId& head : heads) {
    Intervention zero{.site = fmt::format("blocks.{}.attn.hook_z", head.layer)};
    zero.where.heads = {{head.head}};
    list.push_back(std::move(zero));
  }
  return list;
}

}  // namespace

std::string names_of(const std::vector<HeadId>& heads) {
  std::vector<std::string> names;
  std::transform(heads.begin(), heads.end(), std::back_inserter(names), [](const HeadId& head) {
    return to_string(head);
  });
  return fmt::format("{}", fmt::join(names, ", "));
}

DemoKnockout run_demo_knockout(const Model& model,
                               const std::vector<Prompt>& prompts,
                               const std::vector<HeadId>& heads) {
  DemoKnockout knockout;
  if (heads.empty()) {
    return knockout;
  }
  knockout.prompts = prompts;
  for (const GeneratedPrompt& each : written(model, prompts, nullptr)) {
    knockout.plain.push_back(each.texts.front());
  }
  std::vector<std::vector<HeadId>> sets{{heads.front()}};
  if (heads.size() > 1) {
    sets.push_back(heads);
  }
  for (const std::vector<HeadId>& set : sets) {
    DemoKnockout::Without without{.heads = set, .written = {}};
    const auto texts = written(model, prompts, standing_interventions(model, off(set)));
    for (std::size_t i = 0; i < texts.size(); ++i) {
      without.written.push_back(marked_text(knockout.plain[i], texts[i].texts.front(), model));
    }
    knockout.without.push_back(std::move(without));
  }
  return knockout;
}

std::string to_text(const DemoKnockout& knockout) {
  std::string text;
  for (std::size_t i = 0; i < knockout.prompts.size(); ++i) {
    text += fmt::format("{}\n  as it is: {}\n",
                        visible(knockout.prompts[i].text, Spaces::kept),
                        visible(knockout.plain[i].text, Spaces::kept));
    for (const DemoKnockout::Without& without : knockout.without) {
      text += fmt::format("  without {}: {}\n", names_of(without.heads), without.written[i]);
    }
  }
  return text;
}

OrderedJson to_json(const DemoKnockout& knockout) {
  OrderedJson json = OrderedJson::array();
  for (std::size_t i = 0; i < knockout.prompts.size(); ++i) {
    OrderedJson without = OrderedJson::array();
    for (const DemoKnockout::Without& each : knockout.without) {
      OrderedJson heads = OrderedJson::array();
      for (const HeadId& head : each.heads) {
        heads.push_back(to_string(head));
      }
      without.push_back({{"heads", std::move(heads)}, {"marked", each.written[i]}});
    }
    json.push_back({{"prompt", knockout.prompts[i].text},
                    {"text", visible(knockout.plain[i].text, Spaces::kept)},
                    {"without", std::move(without)}});
  }
  return json;
}

}  // namespace headscope
