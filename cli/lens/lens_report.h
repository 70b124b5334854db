// What a lens read, as people and programs take it.
#pragma once

#include <string>
#include <vector>

#include "analyses/lens/lens.h"
#include "lib/base/json.h"
#include "lib/model/model.h"

namespace headscope {

struct LensReport {
  const Model& model;
  std::vector<LensRow> rows;
  std::vector<LensQuestion> questions;
  std::vector<LensAnswer> answers;  // one a question
  Json provenance;
  std::string task;   // the file the questions are from; "" for prompts
  std::string tuned;  // the tuned lens; "" for the plain one
};

// A table a position of a single prompt; of several prompts one at their last tokens: the median
// rank, how often it is 1, the mean probability.
std::string lens_text(const LensReport& report);

// {"format": "headscope-lens", "version": 1, "provenance", "rows": [{"part", "layer", "head"}],
// "prompts": [{"id", "tokens", "positions", "asked", "rank", "logit", "probability", "top"}]}, the
// last four [row][position].
OrderedJson lens_json(const LensReport& report);

// One line a reading: prompt, position, part, layer, head, asked, rank, probability, logit, top.
std::string lens_csv(const LensReport& report);

// An offline page: layers down, tokens across, each cell the likeliest token there, coloured by the
// right one's rank or probability.
std::string lens_page(const LensReport& report);

}  // namespace headscope
