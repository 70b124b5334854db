// Compresses a finished trace.
#pragma once

#include "hooks/trace/trace_file.h"

namespace headscope {

// Writes a compressed copy of a complete, uncompressed trace beside it and renames it over the
// original, so that a kill leaves one whole trace or the other. Returns the new file, locked.
// Throws ResourceError (the original is kept) naming the path.
PosixFile repack_trace(const PosixFile& file, const TraceContents& contents, int level);

}  // namespace headscope
