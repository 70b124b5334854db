// What a user should know though the work goes on: a file that says one thing twice, for example.
#pragma once

#include <functional>
#include <string>

namespace headscope {

// Tells the user `text`, one line, once a process however often it is said. It goes to the standard
// error stream unless set_warning_sink() was called. Thread-safe.
void warn(const std::string& text);

// From now on warnings go to `sink`, each time they are said; an empty function brings the standard
// error stream back. For tests and for programs with a log of their own.
void set_warning_sink(std::function<void(const std::string&)> sink);

}  // namespace headscope
