// Plain text as prompts for training and judging sparse autoencoders.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "lib/model/model.h"
#include "lib/text/prompt.h"

namespace headscope {

// The text cut into windows of at most `context` tokens, each beginning with the model's BOS where
// it has one; a last one shorter than 2 tokens is left out. No files: the texts compiled into the
// program (data/haystack), one after another. DataError for a file that cannot be read or gives no
// window.
std::vector<Prompt> text_windows(const Model& model,
                                 const std::vector<std::filesystem::path>& files,
                                 std::int64_t context,
                                 PrependBos bos);

}  // namespace headscope
