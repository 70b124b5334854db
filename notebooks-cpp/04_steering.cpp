// Steering by hand, as a C++ notebook: heads switched off while the model writes, and a direction
// learnt from a few sentences, added to the residual stream at several strengths.
// `headscope generate` and `headscope steer` do the same from the command line.
//
//   build/notebooks/04_steering [MODEL] [OUT.html]
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "cli/render/heat_map.h"
#include "cli/render/report.h"
#include "hooks/edits.h"
#include "hooks/recorder.h"
#include "hooks/standing_interventions.h"
#include "lib/base/version.h"
#include "lib/families/load.h"
#include "lib/generate/generate.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

using namespace headscope;

namespace {

// %% [markdown]
// ## Tools
// What every cell needs, and texts of one prompt under several changes: they run in one batch, and
// each is what it would be alone.

// %%
struct Study {
  Model model;
  Report& report;
};
using Change = std::shared_ptr<const StandingChange>;

std::vector<std::string> written(const Study& study,
                                 const std::string& prompt,
                                 const std::vector<Change>& changes) {
  Generation generation(study.model);
  for (const Change& change : changes) {
    generation.join({.prompt = study.model.tokenizer().encode(prompt),
                     .stop = {.max_new = 12},
                     .change = change});
  }
  while (generation.step()) {
  }
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    texts.push_back(generation.text(i).text);
  }
  return texts;
}

// %% [markdown]
// ## Heads off while the model writes
// z of every head of a layer is zeroed, at the tokens that the model writes itself: the prompt is
// read by the model as it is. Which layers does the text need?

// %%
Change layer_off(const Study& study, std::int64_t layer) {
  Intervention zero{.site = fmt::format("blocks.{}.attn.hook_z", layer)};
  zero.where.apply.phase = Phase::decode;
  return standing_interventions(study.model, std::vector<Intervention>{zero});
}

void knock_out(const Study& study) {
  const std::int64_t last = study.model.config().n_layers - 1;
  const std::vector<std::int64_t> layers{0, last / 2, last};
  std::vector<Change> changes{nullptr};
  for (const std::int64_t layer : layers) {
    changes.push_back(layer_off(study, layer));
  }
  const auto texts = written(study, "The capital of France is", changes);
  Table table({{"attention of"}, {"the model writes"}});
  table.row({"all layers", texts[0]});
  for (std::size_t i = 0; i < layers.size(); ++i) {
    table.row({fmt::format("all but layer {}", layers[i]), texts[i + 1]});
  }
  study.report.table(table);
}

// %% [markdown]
// ## A direction from examples
// The mean difference of the residual stream at the last token of sentences that end well and of
// sentences that end badly (mean difference, as in activation addition).

// %%
Tensor mean_at_last(const Study& study,
                    const std::string& site,
                    const std::vector<std::string>& texts) {
  Tensor sum;
  for (const std::string& text : texts) {
    Recorder stream(std::vector<std::string>{site});
    study.model.forward(Batch({study.model.tokenizer().encode(text)}), stream);
    const Tensor own = stream.at(site)[0][-1].to(at::kFloat);
    sum = sum.defined() ? sum + own : own;
  }
  return sum / static_cast<double>(texts.size());
}

Tensor direction(const Study& study, const std::string& site) {
  return mean_at_last(study,
                      site,
                      {"What a great film", "I loved every minute", "A beautiful, moving story"}) -
         mean_at_last(
             study, site, {"What an awful film", "I hated every minute", "A stupid, boring story"});
}

// %% [markdown]
// ## The direction at several strengths
// log p(" good") − log p(" bad") behind three prompts that say nothing of the matter, with the
// direction added at every token.

// %%
double preference(const Study& study, const std::string& prompt, Edits& edits) {
  const Tokenizer& tokenizer = study.model.tokenizer();
  const Tensor logits =
      study.model.forward(Batch({tokenizer.encode(prompt)}), edits, {.logits = Logits::last})
          .logits[0];
  const auto good = tokenizer.encode(" good", PrependBos::no).back();
  const auto bad = tokenizer.encode(" bad", PrependBos::no).back();
  return (logits[good] - logits[bad]).item<double>();
}

void steer(const Study& study) {
  const std::string site =
      fmt::format("blocks.{}.hook_resid_post", study.model.config().n_layers / 2);
  const Tensor v = direction(study, site);
  const std::vector<std::string> prompts{"The film was", "My day was", "Their plan is"};
  const std::vector<double> strengths{-2, -1, 0, 1, 2};
  HeatMap map;
  map.title = "A direction of three pairs of sentences";
  map.rows = static_cast<std::int64_t>(prompts.size());
  map.cols = static_cast<std::int64_t>(strengths.size());
  for (const std::string& prompt : prompts) {
    for (const double strength : strengths) {
      Edits edits;
      edits.at(site).add(v, strength);
      map.values.push_back(static_cast<float>(preference(study, prompt, edits)));
    }
  }
  map.row_labels = prompts;
  map.col_labels = {"-2", "-1", "0", "1", "2"};
  map.row_axis = "prompt";
  map.col_axis = "strength";
  map.value_name = "log p(good) − log p(bad)";
  map.color_map = ColorMap::diverging;
  study.report.figure(to_svg(map), fmt::format("The direction at {} moves what follows.", site));
}

// %% [markdown]
// ## The text it makes
// The same direction as an intervention, which any verb reads from a file (`--intervene`).

// %%
void steered_text(const Study& study) {
  const std::string site =
      fmt::format("blocks.{}.hook_resid_post", study.model.config().n_layers / 2);
  const std::vector<float> v = to_floats(direction(study, site));
  std::vector<Change> changes{nullptr};
  for (const double strength : {2.0, -2.0}) {
    Intervention add{.site = site, .op = Op::add, .factor = strength};
    add.values.numbers.assign(v.begin(), v.end());
    add.values.shape = {static_cast<std::int64_t>(v.size())};
    changes.push_back(standing_interventions(study.model, std::vector<Intervention>{add}));
  }
  const auto texts = written(study, "I thought the film was", changes);
  Table table({{"strength"}, {"the model writes"}});
  table.row({0, texts[0]});
  table.row({2, texts[1]});
  table.row({-2, texts[2]});
  study.report.table(table);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string model_name = argc > 1 ? argv[1] : "smollm2";
    const std::string out = argc > 2 ? argv[2] : "out/steering.html";
    const Model model = load_model(model_name);
    Report report(
        {.title = "Steering " + model.source().name,
         .subtitle = "Heads switched off while the model writes, and a direction added",
         .footer = fmt::format("headscope {} · weights {}", kVersion, model.source().weights_hash),
         .source = __FILE__});
    const Study study{model, report};
    knock_out(study);
    steer(study);
    steered_text(study);
    report.write(out);
    fmt::print("{}\n", out);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
