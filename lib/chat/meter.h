// What a run of a template has cost so far, held against its limits.
#pragma once

#include <string>
#include <string_view>

#include "lib/chat/fault.h"
#include "lib/chat/limits.h"
#include "lib/chat/value.h"

namespace headscope::jinja {

class Meter {
 public:
  explicit Meter(const ChatLimits& limits) : limits_(limits), left_(limits.steps) {}

  void step(std::int64_t steps = 1) {
    left_ -= steps;
    if (left_ < 0) {
      throw Fault("it takes more than {} steps", limits_.steps);
    }
  }

  // Before a text of so many bytes is made.
  void text(std::size_t bytes) {
    if (bytes > limits_.text_bytes) {
      throw Fault("it makes a text of more than {} bytes", limits_.text_bytes);
    }
    step(static_cast<std::int64_t>(bytes / 32));
  }

  // A text made.
  Value made(std::string text) {
    this->text(text.size());
    return text;
  }

  // A list of parts made.
  Value made(std::vector<Value> items, Sequence::Kind kind = Sequence::Kind::list) {
    step(static_cast<std::int64_t>(items.size()));
    return make_sequence(std::move(items), kind);
  }

  [[nodiscard]] const ChatLimits& limits() const { return limits_; }

  // Held while something is evaluated inside of something else.
  class Nested {
   public:
    explicit Nested(Meter& meter) : meter_(meter) {
      if (++meter_.depth_ > meter_.limits_.depth) {
        --meter_.depth_;
        throw Fault("it goes more than {} evaluations deep", meter_.limits_.depth);
      }
    }
    ~Nested() { --meter_.depth_; }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;

   private:
    Meter& meter_;
  };

 private:
  ChatLimits limits_;
  std::int64_t left_;
  int depth_ = 0;
};

}  // namespace headscope::jinja
