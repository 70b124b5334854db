// NFC, NFD, NFKC and NFKD over utf8proc's tables.
#pragma once

#include <string>
#include <string_view>

namespace headscope {

struct NormalForm {
  bool compatibility = false;  // the K of NFKC and NFKD
  bool compose = false;        // the C
};

// `text` must be valid UTF-8. O(n log n) even for a megabyte of combining marks, on which
// utf8proc's own reordering is quadratic.
std::string to_normal_form(std::string text, NormalForm form);

}  // namespace headscope
