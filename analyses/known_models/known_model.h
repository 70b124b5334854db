// Models whose circuit is known, because their weights were written to have it: on them a method
// that finds circuits can be held to the truth.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyses/task/task.h"
#include "lib/base/json_fwd.h"
#include "lib/model/config.h"
#include "lib/model/weights.h"

namespace headscope {

// A pair of prompts in words, without the one that begins every prompt.
struct KnownItem {
  std::vector<std::string> clean;
  std::vector<std::string> corrupted;
  std::string answer;  // what the model says to `clean`
  std::string wrong;   // what it is measured against
  std::string kind;    // what differs between the two
};

// Edges by the names of graph files: "input->a0.h1<k>", "a0.h1->logits".
struct KnownTruth {
  // What tells the clean prompts of the task from the corrupted ones on its way to the answer.
  std::vector<std::string> edges;
  // What the computation needs too, but holds the same values in both runs (positions, classes of
  // words): a method that puts corrupted values in their place cannot see them.
  std::vector<std::string> constant_edges;
  // Methods that cannot find all of `edges`, and why.
  std::map<std::string, std::string> not_found_by;
};

struct KnownModelParts {
  ModelConfig config;
  Weights weights;
  std::vector<std::string> words;  // the vocabulary; the first begins every prompt
  std::vector<KnownItem> items;
  KnownTruth truth;
};

struct KnownModel {
  std::string_view name;
  std::string_view summary;
  std::string_view mechanism;  // which part does what
  KnownModelParts (*make)();
};

// The list; a new model is a file in models/ and a line here (all.cpp).
std::span<const KnownModel> all_known_models();

// UsageError naming near ones.
const KnownModel& known_model(std::string_view name);

// Its items as a task, tokenised by the words' places.
Task known_task(const KnownModel& model, const KnownModelParts& parts);

// data/TRUTH_FORMAT.md: nodes and edges of the circuit.
OrderedJson truth_json(const KnownModel& model, const KnownModelParts& parts);

// Writes config.json, model.safetensors, tokenizer.json, tokenizer_config.json, task.jsonl and
// truth.json: a directory that load_model() reads. The same bytes every time.
void write_known_model(const KnownModel& model, const std::filesystem::path& directory);

}  // namespace headscope
