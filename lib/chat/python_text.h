// What Python's str methods do, on valid UTF-8. Lengths and places count code points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headscope::jinja {

class Value;

std::int64_t text_length(std::string_view text);

// Every character as a str of its own.
std::vector<Value> characters(std::string_view text);

// str.isspace() of one character: Unicode's white space and the four separators U+001C to U+001F.
bool is_python_space(char32_t value);
bool all_space(std::string_view text);  // of no character too

enum class Side { left, right, both };

// strip(), lstrip() and rstrip(): white space, or the characters of `set`.
std::string_view strip(std::string_view text, Side side, const std::string* set = nullptr);

// split() and rsplit(): at runs of white space, or at `separator`, which must not be empty; at most
// `most` times if that is not negative, counted from the left or the right.
struct Split {
  const std::string* separator = nullptr;
  std::int64_t most = -1;
  Side from = Side::left;
};
std::vector<std::string> split(std::string_view text, const Split& options);

// splitlines(): without their ends, at every line boundary Python knows ("\r\n", U+2028, …).
std::vector<std::string> split_lines(std::string_view text);

// replace(): at most `most` times if that is not negative; an empty `old` is found between all
// characters.
std::string replace_text(std::string_view text,
                         std::string_view old,
                         std::string_view with,
                         std::int64_t most);

// find() and rfind(), −1 if `part` is not there; count().
std::int64_t find_text(std::string_view text, std::string_view part, Side from);
std::int64_t count_text(std::string_view text, std::string_view part);

// markupsafe's escape().
std::string escape_html(std::string_view text);

}  // namespace headscope::jinja
