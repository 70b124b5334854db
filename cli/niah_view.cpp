#include "cli/niah_view.h"

#include <algorithm>
#include <map>
#include <set>

#include "cli/output.h"

namespace headscope {
namespace {

constexpr double kRetrieval = 0.1;  // Wu et al. 2024
constexpr double kStrong = 0.5;
constexpr std::size_t kListed = 20;

std::vector<const RetrievalSample*> samples_of(const NiahResult& result, std::size_t mask) {
  std::vector<const RetrievalSample*> samples;
  for (const RetrievalSample& sample : result.scores.samples) {
    if (sample.mask == mask) {
      samples.push_back(&sample);
    }
  }
  return samples;
}

// Mean recall by context and depth.
struct Accuracy {
  std::vector<std::int64_t> contexts;
  std::vector<double> depths;
  std::map<std::pair<std::int64_t, double>, std::vector<double>> recalls;

  [[nodiscard]] OrderedJson at(std::int64_t context, double depth) const {
    const auto found = recalls.find({context, depth});
    return found == recalls.end() ? OrderedJson() : OrderedJson(mean_of(found->second));
  }
};

Accuracy accuracy_of(const NiahResult& result, std::size_t mask) {
  Accuracy accuracy;
  std::set<std::int64_t> contexts;
  std::set<double> depths;
  for (const RetrievalSample* sample : samples_of(result, mask)) {
    const NiahPrompt& prompt = result.prompts[sample->prompt];
    contexts.insert(prompt.context);
    depths.insert(prompt.depth);
    accuracy.recalls[{prompt.context, prompt.depth}].push_back(sample->recall);
  }
  accuracy.contexts.assign(contexts.begin(), contexts.end());
  accuracy.depths.assign(depths.begin(), depths.end());
  return accuracy;
}

Table accuracy_table(const NiahResult& result, std::size_t mask) {
  const Accuracy accuracy = accuracy_of(result, mask);
  std::vector<Table::Column> columns{{"context"}};
  for (const double depth : accuracy.depths) {
    columns.push_back({fmt::format("{:g} %", depth), 0});
  }
  columns.push_back({"mean", 1});
  Table table(columns);
  for (const std::int64_t context : accuracy.contexts) {
    std::vector<OrderedJson> row{context};
    std::vector<double> all;
    for (const double depth : accuracy.depths) {
      row.push_back(accuracy.at(context, depth));
      if (row.back().is_number()) {
        all.push_back(row.back().get<double>());
      }
    }
    row.emplace_back(mean_of(all));
    table.row(row);
  }
  return table;
}

Table heads_table(const NiahResult& result) {
  Table table({{"head"}, {"score"}, {"95 % low"}, {"95 % high"}, {"set form"}, {"active"}, {"is"}});
  for (const FoundHead& head : found_heads(result)) {
    if (table.size() == kListed || head.score.mean <= 0) {
      break;
    }
    table.row({fmt::format("{}.{}", head.layer, head.head),
               head.score.mean,
               head.score.low,
               head.score.high,
               head.set,
               head.active,
               head.score.mean >= kStrong      ? "strong"
               : head.score.mean >= kRetrieval ? "retrieval"
                                               : ""});
  }
  return table;
}

// Masks that differ only in their draw count as one: each prompt's mean over the draws.
struct MaskedAccuracy {
  const HeadMask* mask = nullptr;
  Summary recall;
  double passed = 0.0;
  std::size_t draws = 0;
};

std::vector<MaskedAccuracy> masked_accuracies(const NiahResult& result) {
  using Kind = std::pair<HeadMask::Choice, std::int64_t>;
  std::vector<Kind> order;
  std::map<Kind, std::vector<std::size_t>> draws;
  for (std::size_t mask = 0; mask < result.masks.size(); ++mask) {
    const Kind kind{result.masks[mask].choice, result.masks[mask].count};
    if (!draws.contains(kind)) {
      order.push_back(kind);
    }
    draws[kind].push_back(mask);
  }
  std::vector<MaskedAccuracy> all;
  for (const Kind& kind : order) {
    std::map<std::size_t, std::vector<double>> by_prompt;
    double passed = 0.0;
    double samples = 0.0;
    for (const std::size_t mask : draws[kind]) {
      for (const RetrievalSample* sample : samples_of(result, mask)) {
        by_prompt[sample->prompt].push_back(sample->recall);
        passed += sample->passed ? 1 : 0;
        samples += 1;
      }
    }
    std::vector<double> recalls;
    for (const auto& [prompt, values] : by_prompt) {
      recalls.push_back(mean_of(values));
    }
    if (!recalls.empty()) {
      all.push_back({&result.masks[draws[kind].front()],
                     summarize(recalls, {.seed = result.seed}),
                     passed / samples,
                     draws[kind].size()});
    }
  }
  return all;
}

std::string kind_of(const HeadMask& mask) {
  return mask.choice == HeadMask::Choice::none  ? "none"
         : mask.choice == HeadMask::Choice::top ? "top"
                                                : "random";
}

Table masks_table(const NiahResult& result) {
  Table table({{"masked"},
               {"heads"},
               {"draws"},
               {"recall", 1},
               {"95 % low", 1},
               {"95 % high", 1},
               {"passed"}});
  for (const MaskedAccuracy& found : masked_accuracies(result)) {
    table.row({kind_of(*found.mask),
               found.mask->count,
               found.draws,
               found.recall.mean,
               found.recall.low,
               found.recall.high,
               found.passed});
  }
  return table;
}

std::int64_t heads_from(const std::vector<FoundHead>& heads, double least) {
  return std::count_if(
      heads.begin(), heads.end(), [&](const FoundHead& head) { return head.score.mean >= least; });
}

OrderedJson cells_json(const NiahResult& result) {
  OrderedJson cells = OrderedJson::array();
  for (const RetrievalSample& sample : result.scores.samples) {
    const NiahPrompt& prompt = result.prompts[sample.prompt];
    cells.push_back({{"id", prompt.prompt.id},
                     {"context", prompt.context},
                     {"depth", prompt.depth},
                     {"needle", prompt.needle},
                     {"mask", result.masks[sample.mask].name()},
                     {"tokens", prompt.prompt.tokens.size()},
                     {"recall", sample.recall},
                     {"passed", sample.passed},
                     {"response", sample.response}});
  }
  return cells;
}

OrderedJson heads_json(const std::vector<FoundHead>& heads) {
  OrderedJson json = OrderedJson::array();
  for (const FoundHead& head : heads) {
    json.push_back({{"layer", head.layer},
                    {"head", head.head},
                    {"score", head.score.mean},
                    {"low", head.score.low},
                    {"high", head.score.high},
                    {"set", head.set},
                    {"active", head.active}});
  }
  return json;
}

}  // namespace

std::vector<FoundHead> found_heads(const NiahResult& result) {
  std::vector<FoundHead> heads;
  const RetrievalScores& scores = result.scores;
  for (std::int64_t place = 0; scores.passed() > 0 && place < scores.layers * scores.heads;
       ++place) {
    const auto count = scores.of_head(static_cast<std::size_t>(place), ScoreForm::count);
    const auto set = scores.of_head(static_cast<std::size_t>(place), ScoreForm::set);
    const auto active =
        std::count_if(count.begin(), count.end(), [](double score) { return score > 0; });
    heads.push_back({.layer = place / scores.heads,
                     .head = place % scores.heads,
                     .score = summarize(count, {.seed = result.seed}),
                     .set = mean_of(set),
                     .active = static_cast<double>(active) / static_cast<double>(count.size())});
  }
  std::stable_sort(heads.begin(), heads.end(), [](const FoundHead& a, const FoundHead& b) {
    return a.score.mean > b.score.mean;
  });
  return heads;
}

OrderedJson niah_json(const NiahResult& result, const Json& provenance) {
  const std::vector<FoundHead> heads = found_heads(result);
  OrderedJson json{{"format", "headscope-niah"},
                   {"version", 1},
                   {"provenance", provenance},
                   {"n_layers", result.scores.layers},
                   {"n_heads", result.scores.heads},
                   {"prompts", result.prompts.size()},
                   {"passed", result.scores.passed()},
                   {"retrieval_heads", heads_from(heads, kRetrieval)},
                   {"strong_heads", heads_from(heads, kStrong)},
                   {"accuracy", OrderedJson::array()},
                   {"masks", OrderedJson::array()},
                   {"heads", heads_json(heads)},
                   {"cells", cells_json(result)}};
  for (std::size_t mask = 0; mask < result.masks.size(); ++mask) {
    const Accuracy accuracy = accuracy_of(result, mask);
    for (const auto& [cell, recalls] : accuracy.recalls) {
      json["accuracy"].push_back({{"mask", result.masks[mask].name()},
                                  {"context", cell.first},
                                  {"depth", cell.second},
                                  {"recall", mean_of(recalls)}});
    }
  }
  for (const MaskedAccuracy& found : masked_accuracies(result)) {
    json["masks"].push_back({{"masked", kind_of(*found.mask)},
                             {"heads", found.mask->count},
                             {"mode", std::string(to_string(found.mask->mode))},
                             {"draws", found.draws},
                             {"recall", found.recall.mean},
                             {"low", found.recall.low},
                             {"high", found.recall.high},
                             {"passed", found.passed}});
  }
  return json;
}

std::string niah_text(const NiahResult& result) {
  const std::vector<FoundHead> heads = found_heads(result);
  const std::size_t unmasked = samples_of(result, 0).size();
  std::string text =
      facts({{"model", result.model},
             {"prompts",
              fmt::format("{}; {} passed (ROUGE-1 recall > 50)", unmasked, result.scores.passed())},
             {"retrieval heads",
              heads.empty()
                  ? "none can be found: no prompt passed (a chat model may need --template chat)"
                  : fmt::format("{} of {} with a score of at least {}, {} of at least {}",
                                heads_from(heads, kRetrieval),
                                heads.size(),
                                kRetrieval,
                                heads_from(heads, kStrong),
                                kStrong)}});
  if (!result.ready) {
    text += "\nROUGE-1 recall by context and depth of the needle, percent\n" +
            accuracy_table(result, 0).text();
  }
  if (!heads.empty()) {
    text += "\nretrieval score: mean over passed prompts\n" + heads_table(result).text();
  }
  if (result.masks.size() > 1) {
    text += fmt::format("\nROUGE-1 recall with heads masked ({}), percent\n",
                        to_string(result.masks[1].mode)) +
            masks_table(result).text();
  }
  return text;
}

std::string published_scores(const NiahResult& result) {
  std::string text = "{";
  const RetrievalScores& scores = result.scores;
  for (std::int64_t place = 0; place < scores.layers * scores.heads; ++place) {
    const OrderedJson list = scores.of_head(static_cast<std::size_t>(place), ScoreForm::count);
    text += fmt::format("{}\"{}-{}\": {}",
                        place == 0 ? "" : ", ",
                        place / scores.heads,
                        place % scores.heads,
                        list.dump());
  }
  return text + "}\n";
}

HeatMap accuracy_map(const NiahResult& result, std::size_t mask) {
  const Accuracy accuracy = accuracy_of(result, mask);
  HeatMap map{.title = result.model + " · needle in a haystack",
              .subtitle = mask == 0
                              ? "ROUGE-1 recall, percent"
                              : "ROUGE-1 recall, percent; masked: " + result.masks[mask].name(),
              .values = {},
              .row_labels = {},
              .col_labels = {},
              .row_axis = "depth, %",
              .col_axis = "context, tokens",
              .value_name = "recall",
              .range = ValueRange{0, 100},
              .mask = Mask::absent};
  map.rows = static_cast<std::int64_t>(accuracy.depths.size());
  map.cols = static_cast<std::int64_t>(accuracy.contexts.size());
  for (const double depth : accuracy.depths) {
    map.row_labels.push_back(fmt::format("{:g}", depth));
    for (const std::int64_t context : accuracy.contexts) {
      const OrderedJson value = accuracy.at(context, depth);
      map.values.push_back(value.is_null() ? std::numeric_limits<float>::quiet_NaN()
                                           : value.get<float>());
    }
  }
  for (const std::int64_t context : accuracy.contexts) {
    map.col_labels.push_back(std::to_string(context));
  }
  return map;
}

HeatMap heads_map(const NiahResult& result) {
  const std::vector<double> means = result.scores.means(ScoreForm::count);
  HeatMap map{.title = result.model + " · retrieval score",
              .subtitle = fmt::format("mean over {} passed prompts", result.scores.passed()),
              .rows = result.scores.layers,
              .cols = result.scores.heads,
              .values = {means.begin(), means.end()},
              .row_labels = {},
              .col_labels = {},
              .row_axis = "layer",
              .col_axis = "head",
              .value_name = "score",
              .range = ValueRange{0, 1}};
  for (std::int64_t layer = 0; layer < map.rows; ++layer) {
    map.row_labels.push_back(std::to_string(layer));
  }
  for (std::int64_t head = 0; head < map.cols; ++head) {
    map.col_labels.push_back(std::to_string(head));
  }
  return map;
}

}  // namespace headscope
