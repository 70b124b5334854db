#include "analyses/studies/reference_circuits.h"

namespace headscope {
namespace {

ReferenceCircuit of_smollm2(std::string circuit, std::string found_by, std::vector<HeadId> heads) {
  return {.circuit = std::move(circuit),
          .model = "SmolLM2-135M-Instruct",
          .family = "llama",
          .n_layers = 30,
          .n_heads = 9,
          .d_model = 576,
          .found_by = std::move(found_by),
          .heads = std::move(heads)};
}

ReferenceCircuit of_gpt2_small(std::string circuit,
                               std::vector<HeadId> heads,
                               double by_nodes,
                               double by_edges) {
  return {.circuit = std::move(circuit),
          .model = "GPT-2 small",
          .family = "gpt2",
          .n_layers = 12,
          .n_heads = 12,
          .d_model = 768,
          .found_by = "O'Neill & Bui 2024, arXiv:2405.12522: the heads its curves are of",
          .heads = std::move(heads),
          .codes_by_nodes = by_nodes,
          .codes_by_edges = by_edges};
}

// With its 11.3, where Wang et al. 2022 have 9.0.
ReferenceCircuit ioi_of_gpt2_small() {
  return of_gpt2_small(
      "ioi",
      {{2, 2},   {4, 11}, {0, 1},  {3, 0},  {0, 10}, {5, 5},   {6, 9},  {5, 8}, {5, 9},
       {7, 3},   {7, 9},  {8, 6},  {8, 10}, {10, 7}, {11, 10}, {9, 9},  {9, 6}, {10, 0},
       {10, 10}, {10, 6}, {10, 2}, {10, 1}, {11, 2}, {11, 9},  {11, 3}, {9, 7}},
      0.868,
      0.840);
}

ReferenceCircuit greater_than_of_gpt2_small() {
  return of_gpt2_small("greater-than",
                       {{0, 3}, {0, 5}, {0, 1}, {5, 5}, {6, 1}, {6, 9}, {7, 10}, {8, 11}, {9, 1}},
                       0.855,
                       0.873);
}

// An attention-only model of four layers, as its authors' files give it.
ReferenceCircuit docstring_of_attn_only_4l() {
  return {.circuit = "docstring",
          .model = "attn-only-4l",
          .family = "hooked_transformer",
          .n_layers = 4,
          .n_heads = 8,
          .d_model = 512,
          .found_by = "O'Neill & Bui 2024, arXiv:2405.12522: the heads its curves are of",
          .heads = {{0, 5}, {1, 0}, {1, 4}, {2, 0}, {3, 0}, {3, 6}},
          .codes_by_nodes = 0.869,
          .codes_by_edges = 0.896};
}

}  // namespace

std::span<const ReferenceCircuit> all_reference_circuits() {
  static const std::vector<ReferenceCircuit> all{
      of_smollm2("ioi",
                 "headscope reproduce ioi: twelve of 18 heads, those named by what they do",
                 {{8, 1},
                  {16, 0},
                  {17, 4},
                  {18, 6},
                  {19, 2},
                  {20, 0},
                  {23, 0},
                  {23, 1},
                  {23, 2},
                  {23, 3},
                  {23, 7},
                  {24, 4}}),
      of_smollm2("greater-than",
                 "headscope reproduce greater-than -n 8: keeps 0.81 of the metric alone",
                 {{6, 0}, {18, 6}, {20, 8}, {23, 3}}),
      of_smollm2("docstring",
                 "headscope reproduce docstring -n 6: heads whose paths matter, not enough alone",
                 {{15, 6},
                  {15, 7},
                  {16, 0},
                  {16, 2},
                  {17, 8},
                  {18, 6},
                  {18, 7},
                  {20, 5},
                  {21, 8},
                  {23, 0},
                  {24, 6},
                  {29, 1}}),
      ioi_of_gpt2_small(),
      greater_than_of_gpt2_small(),
      docstring_of_attn_only_4l()};
  return all;
}

std::vector<ReferenceCircuit> reference_circuits_of(const ModelConfig& config) {
  std::vector<ReferenceCircuit> found;
  for (const ReferenceCircuit& each : all_reference_circuits()) {
    if (config.family == each.family && config.n_layers == each.n_layers &&
        config.n_heads == each.n_heads && config.d_model == each.d_model) {
      found.push_back(each);
    }
  }
  return found;
}

}  // namespace headscope
