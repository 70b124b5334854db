// Numbers as texts that lose no bit, NaN and −0 neither: what ranks tell each other is compared,
// and taken over, bit for bit.
#pragma once

#include <string>
#include <vector>

namespace headscope {

// 16 hexadecimal digits a number.
std::string bits_text(const std::vector<double>& values);

// The numbers again. Throws DataError for a text that bits_text() never made.
std::vector<double> values_of_bits(const std::string& text);

}  // namespace headscope
