// The typed values of GGUF's key–value section.
#pragma once

#include <cstdint>

#include "lib/base/json_fwd.h"
#include "lib/weights/byte_cursor.h"

namespace headscope {

// Reads one value of the GGUF value type `type`: numbers, bools, strings (their bytes as they are)
// and arrays, which may nest. Throws DataError for a type nobody has defined, a bool that is
// neither 0 nor 1, or anything that leaves the file.
Json read_gguf_value(ByteCursor& cursor, std::uint32_t type);

}  // namespace headscope
