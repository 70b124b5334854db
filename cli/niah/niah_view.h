// What `headscope niah` found, as tables, JSON and pictures.
#pragma once

#include <string>

#include "analyses/retrieval/niah_result.h"
#include "cli/render/heat_map.h"

namespace headscope {

OrderedJson niah_json(const NiahResult& result, const Json& provenance);
std::string niah_text(const NiahResult& result);

// {"layer-head": [score a passed sample, …]} in the count form, as Retrieval_Head publishes it.
std::string published_scores(const NiahResult& result);

HeatMap accuracy_map(const NiahResult& result, std::size_t mask);
HeatMap heads_map(const NiahResult& result);

}  // namespace headscope
