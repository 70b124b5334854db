#include "analyses/circuit/reproductions.h"

#include <algorithm>

#include "lib/base/named.h"
namespace headscope {
namespace {

Reproduction ioi() {
  return {
      .name = "ioi",
      .title = "Indirect object identification",
      .source = "Wang et al. 2022, arXiv:2211.00593",
      .task = "ioi",
      .corruption = "abc",
      .metric = "logit_diff",
      .stages =
          {{"name mover", "negative mover", "", HeadInput::q, "end", "end"},
           {"S-inhibition", "", "name mover", HeadInput::q, "end", "end"},
           {"induction or duplicate token", "", "S-inhibition", HeadInput::v, "S2", "S2"},
           {"previous token", "", "induction or duplicate token", HeadInput::k, "S1+1", "S1+1"}},
      .copied = {"IO", "S1"},
      .looks_at = {"IO", "S1", "S1+1", "S2", "end"},
      .published = {.model = "GPT-2 small",
                    .family = "gpt2",
                    .n_layers = 12,
                    .n_heads = 12,
                    .d_model = 768,
                    .classes = {{"name mover",
                                 {{9, 9},
                                  {10, 0},
                                  {9, 6},
                                  {10, 10},
                                  {10, 6},
                                  {10, 2},
                                  {10, 1},
                                  {11, 2},
                                  {9, 7},
                                  {9, 0},
                                  {11, 9}}},
                                {"negative mover", {{10, 7}, {11, 10}}},
                                {"S-inhibition", {{7, 3}, {7, 9}, {8, 6}, {8, 10}}},
                                {"induction or duplicate token",
                                 {{5, 5}, {5, 8}, {5, 9}, {6, 9}, {0, 1}, {0, 10}, {3, 0}}},
                                {"previous token", {{2, 2}, {4, 11}}}},
                    .numbers = {{"logit difference", 3.56},
                                {"prompts with the right name ahead of the wrong one", 0.993},
                                {"faithfulness of the 26-head circuit", 0.87},
                                {"copy score of a name mover, at least", 0.95},
                                {"attention of name movers to IO", 0.59},
                                {"attention of S-inhibition heads to S2", 0.51}}}};
}

Reproduction greater_than() {
  return {
      .name = "greater-than",
      .title = "Greater-than",
      .source = "Hanna et al. 2023, arXiv:2305.00586",
      .task = "greater_than",
      .corruption = "low",
      .metric = "prob_diff",
      .stages = {{"greater-than", "opposing", "", HeadInput::q, "end", "end"},
                 {"year", "", "greater-than", HeadInput::v, "YY", "YY"}},
      .copied = {},
      .looks_at = {"CC", "YY", "end"},
      .published = {
          .model = "GPT-2 small",
          .family = "gpt2",
          .n_layers = 12,
          .n_heads = 12,
          .d_model = 768,
          .classes = {{"greater-than", {{5, 1}, {5, 5}, {6, 9}, {7, 10}, {8, 8}, {8, 11}, {9, 1}}},
                      {"year", {{0, 1}, {0, 3}, {0, 5}}}},
          .numbers = {{"probability difference", 0.817}, {"faithfulness of the circuit", 0.895}}}};
}

Reproduction docstring() {
  return {.name = "docstring",
          .title = "Docstring arguments",
          .source =
              "Heimersheim & Janiak 2023, A circuit for Python docstrings in a 4-layer "
              "attention-only transformer",
          .task = "docstring",
          .corruption = "random_random",
          .metric = "logit_margin",
          .stages = {{"argument mover", "opposing", "", HeadInput::q, "end", "end"},
                     {"query of the mover", "", "argument mover", HeadInput::q, "end", "end"},
                     {"key of the mover", "", "argument mover", HeadInput::k, "C_def", "C_def"},
                     {"value at B in the documentation",
                      "",
                      "query of the mover",
                      HeadInput::v,
                      "B_doc",
                      "B_doc"}},
          .copied = {"A_def", "B_def", "C_def"},
          .looks_at = {"A_def", "B_def", "C_def", "A_doc", "B_doc", "end"},
          .published = {.model = "attn-only-4l",
                        .family = "attn-only",
                        .n_layers = 4,
                        .n_heads = 8,
                        .d_model = 512,
                        .classes = {{"argument mover", {{3, 0}, {3, 6}}},
                                    {"query of the mover", {{1, 4}}},
                                    {"key of the mover", {{1, 2}, {2, 0}, {0, 5}}}},
                        .numbers = {{"prompts with the right argument ahead", 0.56},
                                    {"the same of the 8-head circuit", 0.42}}}};
}

Reproduction colored_objects() {
  return {
      .name = "colored-objects",
      .title = "Coloured objects",
      .source = "Merullo et al. 2023, arXiv:2310.08744",
      .task = "colored_objects",
      .corruption = "object",
      .metric = "logit_diff",
      .stages = {{"mover", "negative mover", "", HeadInput::q, "end", "end"},
                 {"content gatherer or inhibition", "", "mover", HeadInput::q, "end", "end"},
                 {"induction or duplicate token",
                  "",
                  "content gatherer or inhibition",
                  HeadInput::v,
                  "ASKED",
                  "ASKED"}},
      .copied = {"C1", "C2", "C3"},
      .looks_at = {"C1", "O1", "C2", "O2", "C3", "O3", "ASKED", "end"},
      .published = {.model = "GPT-2 medium",
                    .family = "gpt2",
                    .n_layers = 24,
                    .n_heads = 16,
                    .d_model = 1024,
                    .classes = {{"mover", {{15, 14}, {16, 15}, {17, 4}, {18, 5}, {19, 15}}},
                                {"content gatherer or inhibition", {{11, 6}, {11, 7}, {12, 15}}},
                                {"induction or duplicate token", {{9, 3}, {6, 4}}}},
                    .numbers = {{"accuracy", 0.496},
                                {"share of the circuit's heads that IOI uses too", 0.78}}}};
}

}  // namespace

std::span<const Reproduction> all_reproductions() {
  static const std::vector<Reproduction> all{ioi(), greater_than(), docstring(), colored_objects()};
  return all;
}

const Reproduction& find_reproduction(const std::string& name) {
  return find_named(all_reproductions(), name, name + ": nothing of that name to reproduce");
}

bool is_published_model(const PublishedCircuit& published, const ModelConfig& config) {
  return config.family == published.family && published.n_layers == config.n_layers &&
         published.n_heads == config.n_heads && published.d_model == config.d_model;
}

}  // namespace headscope
