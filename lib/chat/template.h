// A template in the subset of Jinja that chat templates use, as transformers sets Jinja up:
// sandboxed values, trim_blocks and lstrip_blocks, {% break %}, {% continue %}, {% generation %}
// and transformers' `tojson`. What the subset lacks is an error that names it and its line.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/json_fwd.h"
#include "lib/chat/limits.h"

namespace headscope::jinja {

// Immutable and cheap to copy; render() may run in several threads.
class Template {
 public:
  // Throws DataError, opened by `where` and naming the line, for a source that is malformed, too
  // large, or uses what the subset lacks.
  Template(std::string_view source, const std::string& where, const ChatLimits& limits = {});

  // `variables` is an object: what the template is given by name. `now` is what strftime_now()
  // tells. Throws DataError, naming the line, where the template raises or exceeds the limits.
  [[nodiscard]] std::string render(
      const OrderedJson& variables,
      std::chrono::system_clock::time_point now = std::chrono::system_clock::now()) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace headscope::jinja
