// value.name, value[key] and value[a:b] as Jinja's sandbox looks them up.
#pragma once

#include <string>

#include "lib/chat/meter.h"
#include "lib/chat/slice.h"
#include "lib/chat/value.h"

namespace headscope::jinja {

// A method or attribute of Python's type before an entry of a dict; undefined if there is neither.
// Fault on what is undefined, for what Python has and headscope's Jinja does not, and for names
// that reach into Python ("__class__").
Value get_attribute(Meter& meter, const Value& value, const std::string& name);

// An entry or element before a method; undefined if there is none.
Value get_item(Meter& meter, const Value& value, const Value& key);

Value get_slice(Meter& meter, const Value& value, const Slice& slice);

// "a.b.0" as the filters' `attribute` reads it: item by item.
Value get_path(Meter& meter, Value value, const Value& path);

}  // namespace headscope::jinja
