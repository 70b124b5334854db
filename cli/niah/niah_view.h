// What `headscope niah` found, as tables, JSON and pictures.
#pragma once

#include <string>

#include "analyses/retrieval/niah_result.h"
#include "cli/render/heat_map.h"
#include "lib/base/replaced_file.h"

namespace headscope {

OrderedJson niah_json(const NiahResult& result, const Json& provenance);
std::string niah_text(const NiahResult& result);

// {"layer-head": [score a passed sample, …]} in the count form, as Retrieval_Head publishes it.
std::string published_scores(const NiahResult& result);

// Files that hold what niah_json() and published_scores() give, so that nothing else is replaced.
inline constexpr TextKind kNiahJson{.noun = "result of niah", .is = [](std::string_view text) {
                                      return begins_as_json(text, R"({"format":"headscope-niah")");
                                    }};
inline constexpr TextKind kPublishedScores{
    .noun = "list of scores (.heads.json)",
    .is = [](std::string_view text) { return begins_as_json(text, R"({"0-0":[)"); }};

// `masked`: the mask's name, "none" for none.
HeatMap accuracy_map(const Accuracy& accuracy, const std::string& model, const std::string& masked);
// Mean scores of all heads over so many passed prompts.
HeatMap retrieval_map(const HeadScores& means, const std::string& model, std::int64_t passed);

}  // namespace headscope
