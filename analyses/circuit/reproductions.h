// Published circuits as data: how each is looked for, and what was found in the model it was
// published for.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "analyses/circuit/discover.h"

namespace headscope {

struct PublishedCircuit {
  std::string model;   // "GPT-2 small"
  std::string family;  // ModelConfig::family
  std::int64_t n_layers = 0;
  std::int64_t n_heads = 0;
  std::int64_t d_model = 0;
  struct Class {
    std::string name;  // of the stage it belongs to
    std::vector<HeadId> heads;
  };
  std::vector<Class> classes;
  struct Number {
    std::string what;
    double value;
  };
  std::vector<Number> numbers;
};

struct Reproduction {
  std::string name;  // "ioi"
  std::string title;
  std::string source;
  std::string task;  // a maker (analyses/task/maker.h)
  std::string corruption;
  std::string metric;
  std::vector<DiscoveryStage> stages;
  std::vector<std::string> copied;    // spans whose tokens the first stage's heads may copy
  std::vector<std::string> looks_at;  // spans of the attention table
  PublishedCircuit published;
};

std::span<const Reproduction> all_reproductions();
const Reproduction& find_reproduction(const std::string& name);  // UsageError with what there is

// True if `config` is of the size of the published model: heads can be compared by number.
bool is_published_model(const PublishedCircuit& published, const ModelConfig& config);

}  // namespace headscope
