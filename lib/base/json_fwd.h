// The names of JSON documents, for headers that pass them on: a hundredth of what
// <nlohmann/json.hpp> costs to read. What builds, reads or holds a document includes
// lib/base/json.h.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace headscope {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;  // what we print: keys in the order we chose

}  // namespace headscope
