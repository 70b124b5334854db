#include "cli/reproduce/component_reuse_view.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lib/base/counted.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

constexpr const char* kReuseTitle = "Component reuse: coloured objects repaired";
constexpr const char* kReuseSource = "Merullo et al. 2023, arXiv:2310.08744, section 5";

std::string listed_heads(const std::vector<HeadId>& heads) {
  std::vector<std::string> names;
  for (const HeadId& head : heads) {
    names.push_back(to_string(head));
  }
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, " "));
}

// A mean over the random runs of what `of` says of one.
template <typename Of>
std::vector<double> over_draws(const ComponentReuse& result, const Of& of) {
  std::vector<double> values;
  for (const ReuseRun& run : result.random) {
    values.push_back(of(run));
  }
  return values;
}

std::vector<OrderedJson> random_row(const ComponentReuse& result) {
  const auto accuracy =
      over_draws(result, [](const ReuseRun& run) { return mean_of(run.accuracy); });
  const Summary share = summarize(accuracy);
  return {fmt::format("random heads set, {}", counted(result.random.size(), "draw")),
          "of the same layers",
          share.mean,
          cell_of(share.low),
          cell_of(share.high),
          mean_of(over_draws(result, [](const ReuseRun& run) { return mean_of(run.logit_diff); })),
          mean_of(over_draws(
              result, [&](const ReuseRun& run) { return new_errors(result.runs.front(), run); }))};
}

MoverAttention random_attention(const ComponentReuse& result, std::size_t mover) {
  return {
      mean_of(over_draws(result, [&](const ReuseRun& run) { return run.movers[mover].right; })),
      mean_of(over_draws(result, [&](const ReuseRun& run) { return run.movers[mover].wrong; }))};
}

OrderedJson heads_list(const std::vector<HeadId>& heads) {
  OrderedJson list = OrderedJson::array();
  for (const HeadId& head : heads) {
    list.push_back(head_json(head));
  }
  return list;
}

OrderedJson run_json(const ReuseRun& run, const ReuseRun& before) {
  OrderedJson json{{"name", run.name},
                   {"heads", heads_list(run.set)},
                   {"accuracy", mean_of(run.accuracy)},
                   {"logit_diff", mean_of(run.logit_diff)},
                   {"new_errors", new_errors(before, run)},
                   {"movers", OrderedJson::array()}};
  for (const MoverAttention& mover : run.movers) {
    json["movers"].push_back({{"right", mover.right}, {"wrong", mover.wrong}});
  }
  return json;
}

}  // namespace

Table reuse_runs_table(const ComponentReuse& result) {
  Table table(
      {{"run"}, {"heads"}, {"accuracy"}, {"low"}, {"high"}, {"logit difference"}, {"new errors"}});
  for (const ReuseRun& run : result.runs) {
    const Summary accuracy = summarize(run.accuracy);
    table.row({run.name,
               listed_heads(run.set),
               accuracy.mean,
               cell_of(accuracy.low),
               cell_of(accuracy.high),
               mean_of(run.logit_diff),
               new_errors(result.runs.front(), run)});
  }
  if (!result.random.empty()) {
    table.row(random_row(result));
  }
  return table;
}

Table reuse_movers_table(const ComponentReuse& result) {
  Table table({{"mover"},
               {"right colour"},
               {"all set", 3, "right_all_set"},
               {"random set", 3, "right_random_set"},
               {"wrong colours"},
               {"all set", 3, "wrong_all_set"},
               {"random set", 3, "wrong_random_set"}});
  for (std::size_t i = 0; i < result.heads.movers.size(); ++i) {
    const MoverAttention& before = result.runs[0].movers[i];
    const MoverAttention& after = result.runs[1].movers[i];
    const bool drawn = !result.random.empty();
    const MoverAttention random = drawn ? random_attention(result, i) : MoverAttention{};
    table.row({to_string(result.heads.movers[i]),
               before.right,
               after.right,
               drawn ? OrderedJson(random.right) : OrderedJson(),
               before.wrong,
               after.wrong,
               drawn ? OrderedJson(random.wrong) : OrderedJson()});
  }
  return table;
}

std::string reuse_verdict(const ComponentReuse& result) {
  const double before = 100.0 * mean_of(result.runs[0].accuracy);
  const double after = 100.0 * mean_of(result.runs[1].accuracy);
  std::string text = fmt::format(
      "With the last token's attention of {} ({}) set to the two wrong colours, the model names "
      "the right one in {:.1f} % of {} prompts, {:.1f} % as it is",
      listed_heads(result.heads.set()),
      result.heads.origin,
      after,
      result.runs[0].accuracy.size(),
      before);
  if (!result.random.empty()) {
    const Summary random = summarize(
        over_draws(result, [](const ReuseRun& run) { return 100.0 * mean_of(run.accuracy); }));
    text += fmt::format(", {:.1f} % with as many others of the same layers", random.mean);
    if (random.has_interval()) {
      text += fmt::format(" [{:.1f}, {:.1f}]", random.low, random.high);
    }
  }
  return text + ".";
}

std::string reuse_text(const ComponentReuse& result) {
  std::string text = fmt::format("{} ({})\n{}\n\n{}",
                                 kReuseTitle,
                                 kReuseSource,
                                 reuse_verdict(result),
                                 reuse_runs_table(result).text());
  if (!result.heads.movers.empty()) {
    text += "\nattention of the movers, from the last token\n" + reuse_movers_table(result).text();
  }
  return text;
}

OrderedJson reuse_json(const ComponentReuse& result) {
  OrderedJson json{{"name", "component-reuse"},
                   {"source", kReuseSource},
                   {"task", "colored_objects"},
                   {"task_hash", result.task_hash},
                   {"prompts", result.runs.front().accuracy.size()},
                   {"verdict", reuse_verdict(result)},
                   {"heads",
                    {{"origin", result.heads.origin},
                     {"inhibition", heads_list(result.heads.inhibition)},
                     {"negative", heads_list(result.heads.negative)},
                     {"movers", heads_list(result.heads.movers)}}},
                   {"runs", OrderedJson::array()},
                   {"random", OrderedJson::array()}};
  for (const ReuseRun& run : result.runs) {
    json["runs"].push_back(run_json(run, result.runs.front()));
  }
  for (const ReuseRun& run : result.random) {
    json["random"].push_back(run_json(run, result.runs.front()));
  }
  return json;
}

void add_reuse(Report& report, const ComponentReuse& result) {
  report.text(fmt::format("## {}\n*{}*\n\n{}", kReuseTitle, kReuseSource, reuse_verdict(result)));
  report.table(reuse_runs_table(result),
               "Accuracy: the right colour is the likeliest token of all; new errors: right as it "
               "is, wrong with the heads set. Published for GPT-2 medium: 49.6 % as it is, 93.7 % "
               "with all four set, 81.5 % with the inhibition heads, 78.1 % with the negative "
               "mover, no new error.");
  if (!result.heads.movers.empty()) {
    report.table(reuse_movers_table(result),
                 "Mean attention of the heads behind them, from the last token, to the colour that "
                 "is asked for and to the two others together. Published: −8.7 % to the wrong "
                 "ones, +2.7 % to the right one.");
  }
}

}  // namespace headscope
