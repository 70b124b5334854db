// Questions about paths. The std::filesystem calls of the same meaning throw where a link leads in
// circles, a folder may not be entered or a name is too long; these say so as a DataError.
#pragma once

#include <filesystem>

namespace headscope {

// Does something lie there (links are followed)? Throws DataError naming the path and the reason if
// that cannot be told.
bool path_exists(const std::filesystem::path& path);

// Is it a folder? Errors as path_exists().
bool is_folder(const std::filesystem::path& path);

// To be asked of every output file before any work. A new file or a regular one in a folder that
// may be written or made is fine. Throws UsageError for a folder, a link, a device or a pipe, whose
// place an output must not take; DataError if the path leads nowhere (a circle of links, a name too
// long); ResourceError if the folder may not be written.
void check_output_file(const std::filesystem::path& path);

// The same of a folder that outputs are written into: one that is there, or that may be made.
void check_output_folder(const std::filesystem::path& path);

// Makes the folders above `path` that are missing. Failing is no error here: opening the file says
// what is wrong with its folder.
void make_parent_folders(const std::filesystem::path& path);

}  // namespace headscope
