// The functions every template has: raise_exception, strftime_now, range, namespace and dict.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "lib/chat/meter.h"
#include "lib/chat/value.h"

namespace headscope::jinja {

using Variables = std::map<std::string, Value>;

// `now` is what strftime_now() tells, as local time.
Variables global_functions(Meter& meter, std::chrono::system_clock::time_point now);

// Names that Jinja has and headscope does not: reading one is a fault, not an undefined value.
bool is_unknown_global(const std::string& name);

// strftime() of local time, as Python's datetime.now().
std::string local_time(const std::string& format, std::chrono::system_clock::time_point now);

}  // namespace headscope::jinja
