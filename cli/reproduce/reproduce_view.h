// What a reproduction found, as tables, JSON and a page.
#pragma once

#include <string>
#include <vector>

#include "analyses/circuit/reproduce.h"
#include "cli/render/heat_map.h"
#include "cli/render/table.h"

namespace headscope {

// Every head of the circuit: its class, effect, and, where heads can be compared by number, whether
// it was published.
Table circuit_table(const Reproduced& result, const ModelConfig& config);

// The writers' copy scores, and the average head's.
Table copying_table(const Reproduced& result);

Table attention_table(const Reproduced& result, const AttentionTable& attention);

// F(M), F(C), F(M \ C), F(∅) and faithfulness of each test, and over all.
Table tests_table(const Reproduced& result);

Table numbers_table(const Reproduced& result);

// What was published, for a model of that family and size to be compared with.
Table published_table(const Reproduced& result);

// Heads two circuits share, for every pair.
Table overlap_table(const std::vector<Reproduced>& results);
OrderedJson overlap_json(const std::vector<Reproduced>& results);

HeatMap stage_map(const Reproduced& result, const StageResult& stage, const std::string& model);

// In one sentence each: what was found, and whether the model does the task at all.
std::string verdict(const Reproduced& result);

std::string reproduction_text(const Reproduced& result, const ModelConfig& config);
OrderedJson reproduction_json(const Reproduced& result, const ModelConfig& config);

}  // namespace headscope
