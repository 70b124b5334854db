// The filters templates use, as Jinja and transformers define them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "lib/chat/meter.h"
#include "lib/chat/value.h"

namespace headscope::jinja {

bool is_filter(const std::string& name);

// value | name(arguments). Fault for a filter headscope's Jinja does not know.
Value call_filter(Meter& meter,
                  const std::string& name,
                  const Value& value,
                  const Arguments& arguments);

// A filter: its work, by name. The lists are put together in filters.cpp.
struct Filter {
  std::string_view name;
  Value (*call)(Meter&, const Value&, const Arguments&);
};

std::span<const Filter> text_filters();      // text_filters.cpp
std::span<const Filter> sequence_filters();  // sequence_filters.cpp
std::span<const Filter> choice_filters();    // choice_filters.cpp: map, select and the like
std::span<const Filter> value_filters();     // value_filters.cpp: tojson, int, default …

}  // namespace headscope::jinja
