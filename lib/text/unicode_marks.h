// Marks and control characters of the Unicode versions that Hugging Face's normalisers know.
#pragma once

namespace headscope {

// General_Category Mn, as BertNormalizer has it (Unicode 8).
bool is_nonspacing_mark(char32_t value);

// General_Category M*, as StripAccents has it (Unicode 9).
bool is_combining_mark(char32_t value);

// General_Category Cc, Cf or Co, as BertNormalizer has it (Unicode 8).
bool is_control_or_format(char32_t value);

}  // namespace headscope
