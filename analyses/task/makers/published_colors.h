// The published prompts of colored objects (Merullo et al. 2023): two files of [prompt, answer],
// cobjs_data_42.json and its twin cobjs_mindiff_data_42.json, which asks for another object.
#pragma once

#include "analyses/task/maker.h"

namespace headscope {

// The two files as {"pairs": [[prompt, answer, corrupted, its answer], …]}. The twin is looked for
// beside `path`; DataError if it is not there or of another length. Other files as they are.
Json published_colors(const Json& file, const std::filesystem::path& path);

// The pairs in a random order, each once; spans are found in the question's text.
DrawDraft draw_published_colors(const MakerContext& context);

}  // namespace headscope
