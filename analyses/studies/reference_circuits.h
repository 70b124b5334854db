// Circuits of heads that were found before, kept as data with how they were found: what methods
// that find circuits are judged by.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/base/head_id.h"
#include "lib/model/config.h"

namespace headscope {

struct ReferenceCircuit {
  std::string circuit;  // a Reproduction (analyses/circuit/reproductions.h): its task and metric
  std::string model;    // "SmolLM2-135M-Instruct"
  // What tells that model from others: heads are known by their numbers there alone.
  std::string family;  // ModelConfig::family
  std::int64_t n_layers = 0, n_heads = 0, d_model = 0;
  std::string found_by;  // the command, or the paper
  std::vector<HeadId> heads;
  // Published areas under the ROC curve of discrete codes for these heads, by nodes and by edges; 0
  // where none was.
  double codes_by_nodes = 0.0, codes_by_edges = 0.0;
};

std::span<const ReferenceCircuit> all_reference_circuits();

// Those of a model of that family and shape.
std::vector<ReferenceCircuit> reference_circuits_of(const ModelConfig& config);

}  // namespace headscope
