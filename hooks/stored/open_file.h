// Files of ours that exist already: opened to read, or locked to go on writing.
#pragma once

#include <filesystem>

#include "hooks/stored/if_exists.h"
#include "hooks/stored/posix_file.h"
#include "hooks/stored/seal.h"

namespace headscope {

// Throws DataError naming the path if it is missing, unreadable or no regular file.
PosixFile open_to_read(const std::filesystem::path& path, const FileKind& kind);

// The file to go on with, locked; not valid() where a new one is to be made. Throws UsageError if
// another process is writing it, if it exists (IfExists::fail), if it is no regular file, or if it
// is to be replaced and is none of this kind; ResourceError if it may not be written.
PosixFile open_to_resume(const std::filesystem::path& path,
                         const FileKind& kind,
                         IfExists if_exists);

// What open_to_resume() refuses of a file that is to be replaced, without locking it: for ranks
// that look at one file together. Throws UsageError.
void check_to_replace(const std::filesystem::path& path, const FileKind& kind);

}  // namespace headscope
