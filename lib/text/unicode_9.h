// Hugging Face normalises with the tables of Unicode 9 and knows the punctuation of Unicode 8:
// characters that came later are left as they are. Equal ids need the same.
#pragma once

namespace headscope {

// Does `value` take part in normalisation only since a version after Unicode 9?
bool normalises_since_unicode_9(char32_t value);

// Is `value` punctuation only since a version after Unicode 8?
bool punctuation_since_unicode_8(char32_t value);

// Was `value` punctuation in Unicode 8 and is none now?
bool punctuation_until_unicode_8(char32_t value);

}  // namespace headscope
