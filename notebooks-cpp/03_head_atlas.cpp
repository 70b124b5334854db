// What the heads of a model do, as a C++ notebook: detectors, one of our own among them, whether
// their heads matter, and what attention is like over a longer text. `headscope detect` and
// `headscope atlas` do the same with all detectors.
//
//   build/notebooks/03_head_atlas [MODEL] [OUT.html]
#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "analyses/head_detectors/confirm.h"
#include "analyses/head_detectors/texts.h"
#include "cli/render/head_map.h"
#include "cli/render/report.h"
#include "hooks/statistics_points.h"
#include "hooks/statistics_tap.h"
#include "lib/base/version.h"
#include "lib/families/load.h"
#include "lib/tensor/ops.h"

using namespace headscope;

namespace {

// %% [markdown]
// ## Tools
// What every cell needs, and a picture of one number a head.

// %%
struct Study {
  Model model;
  Report& report;
};

std::string map_of_heads(const HeadScores& scores, const std::string& title) {
  HeatMap map = head_map(scores);
  map.title = title;
  map.value_name = "score";
  map.color_map = ColorMap::light;
  return to_svg(map);
}

// %% [markdown]
// ## A detector of our own
// Most of a detector is data: what it looks at, what it reads there from the statistics of
// attention, what to compare with. This one finds heads that look two tokens back.

// %%
Detector two_back() {
  return {.name = "two_back",
          .role = "two-back head",
          .summary = "attends to the token before the token before",
          .definition = "mean of A[i, i − 2] over the tokens of texts; control A[i, i − 9]",
          .source = "this notebook",
          .threshold = 0.3,
          .threshold_source = "ours",
          .reading = Reading{.probe = Probe::text,
                             .asks = {.offsets = {2, 9}},
                             .score = [](const ProbeView& v) { return v.mean(v.offset(2), 9); },
                             .control = [](const ProbeView& v) { return v.mean(v.offset(9), 9); }},
          .behaviour = Probe(Probe::text)};
}

// %% [markdown]
// ## Every head, one pass a probe
// Detectors that read the same prompts share one forward pass; no pattern is ever formed. A head
// has a role if its score reaches the threshold and its interval lies above the control.

// %%
std::vector<Detection> look(const Study& study) {
  std::vector<Detector> detectors{two_back(),
                                  find_detector("first_token_sink"),
                                  find_detector("delimiter"),
                                  find_detector("induction")};
  const auto found = detect(study.model, {.detectors = detectors, .seeds = {0}});
  Table table({{"detector"}, {"heads with the role"}, {"highest"}, {"score"}, {"control"}});
  for (const Detection& d : found) {
    if (d.ran()) {
      const HeadId best = d.top(1).front();
      table.row(
          {d.detector.name, d.with_role().size(), to_string(best), d.score[best], d.control[best]});
    } else {
      study.report.text(fmt::format("`{}`: {}", d.detector.name, d.undefined));
    }
  }
  study.report.table(table);
  return found;
}

// %%
void show_maps(const Study& study, const std::vector<Detection>& found) {
  for (const Detection& d : found) {
    if (d.ran()) {
      study.report.figure(map_of_heads(d.score, d.detector.name), d.detector.definition);
    }
  }
}

// %% [markdown]
// ## Do they matter?
// The highest induction heads, and those of our own detector, with z replaced by its mean, against
// as many random heads of the same layers: how far does the log-probability of what follows fall?

// %%
void confirm(const Study& study, const std::vector<Detection>& found) {
  Confirmer confirmer(study.model, {.heads = 2, .draws = 1});
  Table table({{"detector"}, {"heads"}, {"change"}, {"random heads"}});
  for (const Detection& d : found) {
    const bool asked = d.detector.name == "induction" || d.detector.name == "two_back";
    if (asked && d.ran() && !d.with_role().empty()) {
      const Confirmation c = confirmer.confirm(d);
      std::string heads;
      for (const HeadId& head : c.heads) {
        heads += to_string(head) + " ";
      }
      table.row({c.detector, heads, c.change(), c.random_mean()});
    }
  }
  study.report.table(table);
}

// %% [markdown]
// ## A longer text
// Statistics cost memory in proportion to the text, not to its square. How much of its attention
// does each layer put on the first token, as the text grows?

// %%
void long_text(const Study& study) {
  std::string text;
  for (const DomainText& each : domain_texts()) {
    text += each.text;
  }
  auto tokens = study.model.tokenizer().encode(text);
  const auto most =
      static_cast<std::size_t>(std::min<std::int64_t>(768, study.model.config().n_ctx));
  tokens.resize(std::min(tokens.size(), most));
  HeatMap map;
  map.title = "Mean attention to the first token";
  map.rows = study.model.config().n_layers;
  map.cols = 16;
  const auto width = static_cast<std::int64_t>(tokens.size()) / map.cols;
  StatisticsTap tap(statistics_request({.names = {"first"}}),
                    [&](const Visit&, const AttentionStatistics& all) {
                      const Tensor by_part = all.first_mass.mean(1)
                                                 .narrow(1, 0, map.cols * width)
                                                 .view({map.cols, width})
                                                 .mean(1)
                                                 .contiguous();
                      const float* data = by_part.const_data_ptr<float>();
                      map.values.insert(map.values.end(), data, data + map.cols);
                    });
  study.model.forward(Batch({tokens}), tap, {.logits = Logits::none});
  map.row_axis = "layer";
  map.col_axis = fmt::format("part of the text, {} tokens each", width);
  study.report.figure(to_svg(map), "Early layers hardly use the sink; later ones rest on it.");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::string model_name = argc > 1 ? argv[1] : "smollm2";
    const std::string out = argc > 2 ? argv[2] : "out/head_atlas.html";
    const Model model = load_model(model_name);
    Report report(
        {.title = "What the heads of " + model.source().name + " do",
         .subtitle = "Detectors, causal confirmation, and a longer text",
         .footer = fmt::format("headscope {} · weights {}", kVersion, model.source().weights_hash),
         .source = __FILE__});
    const Study study{model, report};
    const std::vector<Detection> found = look(study);
    show_maps(study, found);
    confirm(study, found);
    long_text(study);
    report.write(out);
    fmt::print("{}\n", out);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
