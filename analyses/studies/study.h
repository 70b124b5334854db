// A published result that tables and curves tell, asked again of the model at hand: a list of
// steps, each remembered as it is finished, and what is made of them. Results about one circuit are
// those of analyses/circuit, about kinds of heads those of analyses/head_detectors/published.h.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/json.h"
#include "lib/model/model.h"

namespace headscope {

struct StudyOptions {
  std::vector<std::string> tasks{};  // of those a study has; empty: all
  std::int64_t items = 50;           // prompts of a task
  std::int64_t slow_items = 8;       // the first of them: what exact patching and ACDC see
  std::int64_t test_items = 24;      // prompts of another seed, that circuits are evaluated on
  std::int64_t seeds = 10;           // draws of prompts and of initial weights
  std::int64_t patch_seeds = 1;      // the first of them that exact patching runs on; 0: none
  std::int64_t acdc_seeds = 0;       // likewise of ACDC, which takes hours on a CPU
  std::int64_t exact = 200;          // edges that are cut to hold estimates to
  std::uint64_t seed = 0;            // of the first draw
  std::int64_t memory = 0;           // bytes beside the weights
  std::function<bool()> stop = {};
};

struct StudyTable {
  std::string key;  // in JSON
  std::string caption;
  std::vector<std::string> columns;
  std::vector<std::vector<OrderedJson>> rows;  // null where something is undefined
};

struct StudyCurves {
  std::string caption;
  std::string x_axis;
  struct Curve {
    std::string name;  // of its y axis
    std::vector<std::pair<double, double>> points;
  };
  std::vector<Curve> curves;
};

struct StudyResult {
  std::string verdict;  // in a sentence or two: what was found
  std::vector<StudyTable> tables;
  std::vector<StudyCurves> curves;
};

// What a step found, by its key.
using StudyFindings = std::map<std::string, Json>;

struct StudyStep {
  std::string key;            // "ioi/3/eap": names it in the log, so that a stopped study goes on
  std::string told;           // what a progress bar says
  std::function<Json()> run;  // throws Interrupted if StudyOptions::stop ended it
};

struct Study {
  std::string name;  // "sae-circuits"
  std::string title;
  std::string source;
  std::vector<StudyTable> published;  // the papers' numbers
  // Steps in order, which may keep `model` and `options`: both outlive them. Throws UsageError for
  // options that name what is not there.
  std::vector<StudyStep> (*steps)(const Model& model, const StudyOptions& options);
  StudyResult (*result)(const Model& model,
                        const StudyOptions& options,
                        const StudyFindings& found);
};

std::span<const Study> all_studies();
const Study* find_study(const std::string& name);  // null: none

}  // namespace headscope
