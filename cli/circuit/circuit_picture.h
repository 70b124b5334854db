// A circuit as a picture, a page, or Graphviz's text.
#pragma once

#include <string>

#include "cli/circuit/circuit_layout.h"

namespace headscope {

// Edges blue into queries, green into keys, orange into values, grey into MLPs and logits; dashed
// where cutting one helps; as wide as their scores are large.
std::string circuit_svg(const CircuitLayout& layout, const std::string& title);

// Graphviz: a rank a row.
std::string circuit_dot(const CircuitLayout& layout);

// A page that needs nothing from elsewhere: the picture, how many edges are shown, which inputs and
// signs, a search for nodes, what an edge or a node is under the pointer, and a table.
std::string circuit_page(const CircuitLayout& layout,
                         const std::string& title,
                         const std::string& footer);

}  // namespace headscope
