#include "lib/text/unicode_normal_form.h"

#include <algorithm>
#include <vector>

#include <utf8proc.h>

#include "lib/base/error.h"
#include "lib/text/unicode.h"
#include "lib/text/unicode_9.h"

namespace headscope {
namespace {

using Points = std::vector<utf8proc_int32_t>;

bool came_later(utf8proc_int32_t point) {
  return normalises_since_unicode_9(static_cast<char32_t>(point));
}

utf8proc_propval_t combining_class(utf8proc_int32_t point) {
  const auto known = utf8proc_get_property(point)->combining_class;
  return known != 0 && came_later(point) ? 0 : known;
}

void decompose(char32_t value, int options, Points& out) {
  constexpr utf8proc_ssize_t kRoom = 32;  // U+FDFA, the longest, gives 18
  utf8proc_int32_t buffer[kRoom];
  int boundary = 0;
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(value),
                                             buffer,
                                             kRoom,
                                             static_cast<utf8proc_option_t>(options),
                                             &boundary);
  if (count < 0 || count > kRoom) {
    throw InternalError("utf8proc cannot decompose U+{:04X}", static_cast<std::uint32_t>(value));
  }
  out.insert(out.end(), buffer, buffer + count);
}

// Canonical ordering: each run of marks, sorted by combining class, equals in their order.
void reorder(Points& points) {
  const auto by_class = [](auto a, auto b) { return combining_class(a) < combining_class(b); };
  for (auto at = points.begin(); at != points.end();) {
    if (combining_class(*at) == 0) {
      ++at;
      continue;
    }
    const auto end = std::find_if(at, points.end(), [](auto p) { return combining_class(p) == 0; });
    if (!std::is_sorted(at, end, by_class)) {
      std::stable_sort(at, end, by_class);
    }
    at = end;
  }
}

// Characters that came later join nothing and, without a combining class, let nothing join across
// them: what lies between them is composed by itself.
void compose_points(Points& points) {
  constexpr auto kOptions = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
  auto out = points.begin();
  for (auto at = points.begin(); at != points.end();) {
    const auto end = std::find_if(at, points.end(), came_later);
    const auto count = utf8proc_normalize_utf32(&*at, end - at, kOptions);
    out = std::copy(at, at + count, out);
    at = end;
    for (; at != points.end() && came_later(*at); ++at) {
      *out++ = *at;
    }
  }
  points.erase(out, points.end());
}

}  // namespace

std::string to_normal_form(std::string text, NormalForm form) {
  if (std::all_of(
          text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) >= 0; })) {
    return text;  // ASCII is in every normal form
  }
  const int options = UTF8PROC_DECOMPOSE | (form.compatibility ? UTF8PROC_COMPAT : 0);
  Points points;
  points.reserve(text.size() + 1);
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    if (point.value < 0x80 || normalises_since_unicode_9(point.value)) {
      points.push_back(static_cast<utf8proc_int32_t>(point.value));
    } else {
      decompose(point.value, options, points);
    }
    at += point.length;
  }
  reorder(points);
  if (form.compose) {
    compose_points(points);
  }
  std::string out;
  out.reserve(text.size());
  for (const utf8proc_int32_t point : points) {
    append_utf8(out, static_cast<char32_t>(point));
  }
  return out;
}

}  // namespace headscope
