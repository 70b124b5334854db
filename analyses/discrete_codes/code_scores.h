// Heads and pairs of heads scored by the codes they take on in one kind of prompt and never in the
// other (O'Neill & Bui 2024, arXiv:2405.12522, sections 3.2 and 3.3). Free of Torch.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/head_scores.h"

namespace headscope {

// The code of every head for every prompt, prompt by prompt: `codes` of a grid's size each.
struct HeadCodes {
  HeadGrid grid;
  std::int64_t n_codes = 0;  // each is below it
  std::vector<std::vector<std::int32_t>> positive;
  std::vector<std::vector<std::int32_t>> negative;
};

// count: of codes seen in positive prompts alone; share: divided by how many were seen in either.
enum class CodeNormalise { count, share };

// How many codes a head has in positive prompts and in no negative one.
HeadScores code_node_scores(const HeadCodes& codes, CodeNormalise normalise);

struct CodeEdge {
  HeadId first;   // of the two, the one that comes first in the forward pass
  HeadId second;  // in the same layer or a later one
  double score = 0.0;
};

// For each pair of heads how many pairs of their codes stand in one positive prompt and in no
// negative one; the highest first, equal ones in order of their heads. The published count takes
// both orders of a pair, which have the same score.
std::vector<CodeEdge> code_edge_scores(const HeadCodes& codes, CodeNormalise normalise);

// How often a head is an end of the best pairs: of their list, both orders of a pair counted, the
// first ⌊heads² / 2⌋ ends. What the published curves of edges are made of.
HeadScores heads_of_edges(const HeadGrid& grid, const std::vector<CodeEdge>& edges);

}  // namespace headscope
