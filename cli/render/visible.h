// Text made fit to be seen: token pieces are raw bytes that may be blank, invisible or no UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace headscope {

// Whether spaces are drawn as ␣ (tokens, where a leading space matters) or kept (running text).
enum class Spaces { shown, kept };

// `bytes` → valid, printable UTF-8 on one line. Newline ↵, tab ⇥, other controls as their Unicode
// pictures (␀), invalid bytes as <0xE2>, invisible or unassigned code points (bidi controls,
// no-break spaces) as <U+202E>; a leading combining mark sits on ◌. Empty input gives "∅".
std::string visible(std::string_view bytes, Spaces spaces = Spaces::shown);

// Terminal columns that valid UTF-8 takes (East Asian wide and emoji 2, combining 0).
int display_width(std::string_view utf8);

// The longest prefix of `utf8` within `columns`, ending in … where something was cut off.
std::string shorten(std::string_view utf8, int columns);

// Decodes the code point at `utf8[position]` and moves past it; −1 (and one byte on) if invalid.
int next_code_point(std::string_view utf8, std::size_t& position);

}  // namespace headscope
