// Text as pixels, with the font compiled into the program.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace headscope {

// Coverage 0–255, row-major; `baseline` is the row letters stand on.
struct TextBitmap {
  int width = 0;
  int height = 0;
  int baseline = 0;
  std::vector<std::uint8_t> coverage;
};

// The width of UTF-8 `text` at font size `size`, in the unit of `size`. Characters the font lacks
// are drawn as their code (u4E2D) and measured so.
double text_width(std::string_view text, double size);

TextBitmap draw_text(std::string_view text, double size);

// A text as glyphs of the font, in order; a character the font lacks gives those of its code.
struct PlacedGlyph {
  int index = 0;      // in the font
  int character = 0;  // the code point it stands for
};
std::vector<PlacedGlyph> placed_glyphs(std::string_view text);

// A glyph's outline in thousandths of the font size, y upwards: closed paths of lines and quadratic
// curves, filled where they wind about a point.
struct GlyphOutline {
  struct Step {
    enum class Kind { move, line, curve };
    Kind kind = Kind::move;
    double x = 0;
    double y = 0;
    double control_x = 0;  // of a curve
    double control_y = 0;
  };
  double advance = 0;
  std::vector<Step> steps;
};
GlyphOutline outline_of(int glyph);

// Text cut with … to at most `width`.
std::string fit_text(std::string_view text, double size, double width);

// Half the height of lower-case letters: from the baseline up to a text's middle line.
double text_middle(double size);

}  // namespace headscope
