// The list of published results about kinds of heads. Numbers are the papers' own; those of models
// that nobody here has stand beside an empty column.
#include <algorithm>

#include "analyses/head_detectors/masking_experiment.h"
#include "analyses/head_detectors/probe_pass.h"
#include "analyses/head_detectors/published.h"
#include "analyses/metric/summary.h"

namespace headscope {
namespace {

double share_at_least(const Detection& d, double threshold) {
  const std::vector<double>& scores = d.score.values;
  const auto above =
      std::count_if(scores.begin(), scores.end(), [&](double score) { return score >= threshold; });
  return 100.0 * static_cast<double>(above) / static_cast<double>(d.score.size());
}

const Detection* ran(const Atlas& atlas, const std::string& name) {
  const Detection* found = atlas.find(name);
  return found != nullptr && found->ran() ? found : nullptr;
}

// Gu et al.'s Sink: the share of samples and heads whose mean attention to the first token is above
// 0.3, in percent.
double sink_metric(const Model& model, const Probe& probe, const HeadRunOptions& options) {
  Reading reading;
  reading.probe = probe;
  reading.asks.first = true;
  reading.score = [](const ProbeView& view) { return view.mean(view.first(), 0); };
  const auto result =
      read_probe(model, probe, {&reading}, {.seeds = options.seeds, .stop = options.stop});
  std::vector<double> above;
  for (const double value : result.front().finding.scores.values) {
    above.push_back(value > 0.3 ? 100.0 : 0.0);
  }
  return above.empty() ? 0.0 : mean_of(above);
}

HeadReproduction sinks() {
  const std::string text = "first-token Sink at 0.3, text of 64 tokens, %";
  const std::string random = "the same, random tokens, %";
  const std::string identical = "the same, one token again and again, %";
  return {.name = "sinks",
          .title = "Attention sinks",
          .source =
              "Gu et al. 2024, arXiv:2410.10781; Guo et al. 2024, arXiv:2410.13835; Sun et "
              "al. 2024, arXiv:2402.17762; Yu et al. 2024, arXiv:2406.15765",
          .detectors = {"first_token_sink", "dormant", "column_sinks", "value_drain"},
          .numbers = {{text, "Mistral-7B", "97.49", text, "llama", 32, 32, 4096},
                      {text, "Llama-2-7B", "92.47", text, "llama", 32, 32, 4096},
                      {text, "Llama-2-13B", "91.69", text, "llama", 40, 40, 5120},
                      {text, "Llama-3-8B", "99.02", text, "llama", 32, 32, 4096},
                      {random, "GPT2-XL", "70.29", random, "gpt2", 48, 25, 1600},
                      {random, "Llama-3-8B", "91.23", random, "llama", 32, 32, 4096},
                      {identical, "models with rotary positions", "loses the sink", identical}},
          .measure = [=](const Model& model, const Atlas&, const HeadRunOptions& options) {
            return std::vector<Measured>{
                {text, sink_metric(model, Probe::text, options)},
                {random, sink_metric(model, Probe::random, options)},
                {identical, sink_metric(model, Probe::identical, options)}};
          }};
}

HeadReproduction induction() {
  const std::string top = "highest induction head (here: its score)";
  return {
      .name = "induction",
      .title = "Induction heads",
      .source =
          "Olsson et al. 2022, arXiv:2209.11895; Tang et al. 2024 (RazorAttention), "
          "arXiv:2407.15891",
      .detectors = {"induction", "previous_token", "duplicate_token", "echo", "echo_induction"},
      .numbers = {{top, "GPT-2 small", "5.5", "its score", "gpt2", 12, 12, 768},
                  {"highest previous-token head", "GPT-2 small", "4.11", "", "gpt2", 12, 12, 768},
                  {"KV heads RazorAttention keeps whole, %", "all it tests", "15", ""}},
      .measure = [](const Model&, const Atlas& atlas, const HeadRunOptions&) {
        std::vector<Measured> found;
        if (const Detection* d = ran(atlas, "induction")) {
          found.push_back({"its score", d->score[d->top(1).front()]});
          found.push_back({"induction heads, %", share_at_least(*d, 0.4)});
        }
        return found;
      }};
}

HeadReproduction successor() {
  const std::string best = "successor score of the best head";
  const std::string ratio = "best head over the runner-up";
  return {
      .name = "successor",
      .title = "Successor heads",
      .source = "Gould et al. 2023, arXiv:2312.09230",
      .detectors = {"successor"},
      .numbers =
          {{"successor score of 12.0, above", "Pythia-1.4B", "0.5", best, "gpt_neox", 24, 16, 2048},
           {ratio, "Pythia-1.4B", "about 8", ratio, "gpt_neox", 24, 16, 2048},
           {"mod-10 features: share of their class they are the strongest of",
            "Pythia-1.4B",
            "0.585",
            ""},
           {"linear probe of index mod 10: held-out tokens right", "Pythia-1.4B", "94 of 102", ""},
           {"ordinal vector arithmetic, numbers 20 to 29", "Pythia-1.4B", "0.89", ""},
           {"the same, months", "Pythia-1.4B", "0.53", ""}},
      .measure = [=](const Model&, const Atlas& atlas, const HeadRunOptions&) {
        std::vector<Measured> found;
        if (const Detection* d = ran(atlas, "successor")) {
          const auto order = d->top(2);
          const double first = d->score[order[0]];
          const double second = d->score[order[1]];
          found.push_back({best, first});
          found.push_back({ratio, second > 0 ? first / second : 0.0});
        }
        return found;
      }};
}

HeadReproduction retrieval() {
  const std::string some = "heads with a score of at least 0.1, %";
  const std::string strong = "heads with a score of at least 0.5, %";
  const auto row = [](const std::string& what, const std::string& model, const char* value) {
    return PublishedNumber{what, model, value, what};
  };
  return {.name = "retrieval",
          .title = "Retrieval heads",
          .source = "Wu et al. 2024, arXiv:2404.15574",
          .detectors = {"retrieval"},
          .numbers = {row(some, "Llama-2-7B-80K", "3.2"),
                      row(some, "Llama-2-13B-64K", "2.1"),
                      row(some, "Mistral-7B-v0.2", "4.2"),
                      row(some, "Mixtral-8x7B-v0.1", "6.2"),
                      row(some, "Qwen1.5-14B", "3.8"),
                      row(some, "Qwen1.5-14B-Chat", "4.3"),
                      row(some, "Yi-6B-200K", "5.2"),
                      row(strong, "Llama-2-7B-80K", "0.6"),
                      row(strong, "Mistral-7B-v0.2", "0.5"),
                      row(strong, "Qwen1.5-14B", "0.6"),
                      row(strong, "Yi-6B-200K", "0.7"),
                      {"needle found with 50 heads masked, below, %", "all tested", "50", ""}},
          .measure =
              [=](const Model&, const Atlas& atlas, const HeadRunOptions&) {
                std::vector<Measured> found;
                if (const Detection* d = ran(atlas, "retrieval")) {
                  found.push_back({some, share_at_least(*d, 0.1)});
                  found.push_back({strong, share_at_least(*d, 0.5)});
                }
                return found;
              },
          .more = masking_experiment};
}

}  // namespace

std::span<const HeadReproduction> all_head_reproductions() {
  static const std::vector<HeadReproduction> all{induction(), sinks(), successor(), retrieval()};
  return all;
}

}  // namespace headscope
