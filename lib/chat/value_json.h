// JSON in, and what transformers' filter `tojson` makes of a value: Python's json.dumps().
#pragma once

#include <optional>
#include <string>

#include "lib/base/json_fwd.h"
#include "lib/chat/value.h"

namespace headscope::jinja {

// Fault for numbers that Python holds exactly and headscope does not, and for text that is no
// UTF-8.
Value from_json(const OrderedJson& json);

struct DumpOptions {
  bool ensure_ascii = false;          // "\u00e4" instead of "ä"
  std::optional<std::string> indent;  // what a level is indented by; nothing: all on one line
  std::string item_separator = ", ";  // "," where there is an indent
  std::string key_separator = ": ";
  bool sort_keys = false;
  std::size_t most_bytes = std::size_t{64} << 20;  // Fault beyond
};

// Fault for what has no JSON: undefined, iterators, views of dicts.
std::string dump_json(const Value& value, const DumpOptions& options);

}  // namespace headscope::jinja
