// Regular expressions of tokenizer files: Oniguruma's syntax, run by PCRE2 with its JIT.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace headscope {

struct Match {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// A compiled pattern over valid UTF-8; immutable, thread-safe, cheap to copy.
class Pattern {
 public:
  // `regex` as Oniguruma (Hugging Face's engine) reads it. Throws DataError, opened by `where`, for
  // a construct that PCRE2 would read differently, or a malformed one.
  static Pattern regex(std::string_view regex, const std::string& where);

  // Matches exactly `text`.
  static Pattern literal(std::string_view text, const std::string& where);

  struct Code;

 private:
  friend class Matcher;
  explicit Pattern(std::shared_ptr<const Code> code);
  std::shared_ptr<const Code> code_;
};

// Walks the matches of one pattern in one subject from left to right. An empty match right after
// the previous match does not count. Throws DataError if a match costs beyond all reason.
class Matcher {
 public:
  // `subject` must be valid UTF-8 and outlive the matcher, as must `pattern`.
  explicit Matcher(const Pattern& pattern);
  ~Matcher();
  Matcher(const Matcher&) = delete;
  Matcher& operator=(const Matcher&) = delete;

  void start(std::string_view subject);
  std::optional<Match> next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace headscope
