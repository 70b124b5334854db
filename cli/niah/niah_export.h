// A result of niah (its .json) as a table, arrays and pictures.
#pragma once

#include <filesystem>
#include <vector>

#include "cli/trace/export_target.h"

namespace headscope {

// csv: a line a prompt and mask, with its context, depth, recall and response. png, svg, pdf:
// OUT/<name>.<format> is the recall by depth and context, a file a mask (.top-10 before the
// ending), and OUT/<name>.heads.<format> the retrieval scores of all heads. npy: those scores, f32
// [layer, head]. Throws UsageError for other formats and where several files come out and one is
// named; DataError for a file that is damaged.
std::vector<std::filesystem::path> export_niah(const std::filesystem::path& file,
                                               const ExportTarget& target);

}  // namespace headscope
