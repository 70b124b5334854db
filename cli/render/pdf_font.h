// The letters of a PDF: glyphs of the compiled-in font as outlines (Type 3 fonts, ISO 32000-1,
// 9.6.5), only those that are used, with the characters they stand for.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/render/font.h"
#include "cli/render/pdf_file.h"

namespace headscope {

class PdfFont {
 public:
  // The operators that show `text` where the text matrix stands: "/F0 11 Tf <00010203> Tj".
  std::string show(std::string_view text, double size);

  // Writes the fonts; returns the entries of the page's font resources: "/F0 5 0 R".
  std::string write(PdfFile& file) const;

 private:
  [[nodiscard]] int write_one(PdfFile& file, std::size_t first) const;

  std::vector<PlacedGlyph> glyphs_;                // in the order of first use: 256 a font
  std::map<std::pair<int, int>, std::size_t> at_;  // where a glyph of a character lies in glyphs_
};

}  // namespace headscope
