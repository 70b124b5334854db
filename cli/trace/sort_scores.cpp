#include "cli/trace/sort_scores.h"

#include <cmath>
#include <filesystem>

#include "analyses/head_detectors/atlas_list.h"
#include "analyses/results/result_store.h"
#include "analyses/sweep/effects.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

ViewerData::OwnScores scores_of_result(const std::string& where) {
  const Result result = read_result(where);
  const auto& axes = result.header.axes;
  if (axes.size() != 2 || axes[0].name != "layer" || axes[1].name != "head") {
    throw UsageError(
        "--sort-by {}: a result over layers and heads tells heads apart; this one is "
        "over others",
        where);
  }
  ViewerData::OwnScores scores{.name =
                                   "effect in " + std::filesystem::path(where).filename().string()};
  for (const CellEffect& cell : effects_of(result).cells) {
    scores.of_heads[{std::stoll(cell.labels[0]), std::stoll(cell.labels[1])}] =
        std::abs(cell.effect.mean);
  }
  return scores;
}

}  // namespace

ViewerData::OwnScores sort_scores(const std::string& where) {
  if (is_result_file(where)) {
    return scores_of_result(where);
  }
  const HeadList list = read_any_head_list(where);
  ViewerData::OwnScores scores{.name =
                                   "score in " + std::filesystem::path(where).filename().string()};
  for (const HeadId& head : list.scores.heads()) {
    scores.of_heads[{head.layer, head.head}] = list.scores[head];
  }
  return scores;
}

}  // namespace headscope
