#include <fmt/format.h>

#include "cli/niah/niah_view.h"
#include "cli/render/table.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

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

OrderedJson heads_json(const std::vector<RetrievalHead>& heads) {
  OrderedJson json = OrderedJson::array();
  for (const RetrievalHead& head : heads) {
    json.push_back({{"layer", head.head.layer},
                    {"head", head.head.head},
                    {"score", head.score.mean},
                    {"low", cell_of(head.score.low)},
                    {"high", cell_of(head.score.high)},
                    {"set", head.set},
                    {"active", head.active}});
  }
  return json;
}

}  // namespace

OrderedJson niah_json(const NiahResult& result, const Json& provenance) {
  const std::vector<RetrievalHead> heads = retrieval_heads(result);
  OrderedJson json{{"format", "headscope-niah"},
                   {"version", 1},
                   {"provenance", provenance},
                   {"n_layers", result.scores.grid.n_layers},
                   {"n_heads", result.scores.grid.n_heads},
                   {"prompts", result.prompts.size()},
                   {"passed", result.scores.passed()},
                   {"retrieval_heads", heads_from(heads, kRetrievalHead)},
                   {"strong_heads", heads_from(heads, kStrongHead)},
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
                             {"low", cell_of(found.recall.low)},
                             {"high", cell_of(found.recall.high)},
                             {"passed", found.passed}});
  }
  return json;
}

std::string published_scores(const NiahResult& result) {
  std::string text = "{";
  const RetrievalScores& scores = result.scores;
  for (const HeadId& head : scores.grid.heads()) {
    const OrderedJson list = scores.of_head(head, ScoreForm::count);
    const char* comma = head == HeadId{} ? "" : ", ";
    text += fmt::format("{}\"{}-{}\": {}", comma, head.layer, head.head, list.dump());
  }
  return text + "}\n";
}

}  // namespace headscope
