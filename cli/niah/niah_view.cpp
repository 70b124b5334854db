#include "cli/niah/niah_view.h"

#include <algorithm>

#include "cli/output.h"
#include "cli/render/table.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

constexpr std::size_t kListed = 20;

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
  for (const RetrievalHead& head : retrieval_heads(result)) {
    if (table.size() == kListed || head.score.mean <= 0) {
      break;
    }
    table.row({to_string(head.head),
               head.score.mean,
               cell_of(head.score.low),
               cell_of(head.score.high),
               head.set,
               head.active,
               head.score.mean >= kStrongHead      ? "strong"
               : head.score.mean >= kRetrievalHead ? "retrieval"
                                                   : ""});
  }
  return table;
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
               cell_of(found.recall.low),
               cell_of(found.recall.high),
               found.passed});
  }
  return table;
}

}  // namespace

std::string niah_text(const NiahResult& result) {
  const std::vector<RetrievalHead> heads = retrieval_heads(result);
  const std::size_t unmasked = result.prompts.size();
  std::string text =
      facts({{"model", result.model},
             {"prompts",
              fmt::format("{}; {} passed (ROUGE-1 recall > 50)", unmasked, result.scores.passed())},
             {"retrieval heads",
              heads.empty()
                  ? "none can be found: no prompt passed (a chat model may need --template chat)"
                  : fmt::format("{} of {} with a score of at least {}, {} of at least {}",
                                heads_from(heads, kRetrievalHead),
                                heads.size(),
                                kRetrievalHead,
                                heads_from(heads, kStrongHead),
                                kStrongHead)}});
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

}  // namespace headscope
