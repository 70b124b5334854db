// Normal forms are those of Unicode 9, whatever utf8proc knows: what came later is left alone, and
// nothing joins across it.
#include "lib/text/unicode_normal_form.h"

#include "lib/text/unicode.h"
#include "lib/text/unicode_9.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

std::string spelt(std::initializer_list<char32_t> points) {
  std::string text;
  for (const char32_t point : points) {
    append_utf8(text, point);
  }
  return text;
}

std::string nfc(std::initializer_list<char32_t> points) {
  return to_normal_form(spelt(points), {.compose = true});
}

}  // namespace

TEST_CASE("no accent joins its letter across a character that came after Unicode 9") {
  CHECK(nfc({'e', 0x327, 0x301}) == spelt({0x229, 0x301}));
  int later = 0;
  for (char32_t point = 0x80; point < 0x20000; ++point) {
    if (normalises_since_unicode_9(point)) {
      ++later;
      CAPTURE(static_cast<std::uint32_t>(point));
      CHECK(nfc({'e', point, 0x301}) == spelt({'e', point, 0x301}));
      CHECK(nfc({'e', 0x301, point, 'o', 0x302}) == spelt({0xE9, point, 0xF4}));
    }
  }
  CHECK(later > 100);
}
