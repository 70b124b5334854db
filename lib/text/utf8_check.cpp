#include "lib/text/utf8_check.h"

#include "lib/base/error.h"
#include "lib/text/unicode.h"

namespace headscope {

void check_utf8(std::string_view text, const std::string& where) {
  const std::size_t valid = valid_utf8_prefix(text);
  if (valid < text.size()) {
    throw DataError(
        "{}: byte {} (0x{:02x}) of the text is not UTF-8; convert it, for example with iconv",
        where,
        valid,
        static_cast<unsigned char>(text[valid]));
  }
}

}  // namespace headscope
