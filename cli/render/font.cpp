#include "cli/render/font.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <fmt/format.h>

#define STB_TRUETYPE_IMPLEMENTATION
#define STBTT_STATIC
#include <stb_truetype.h>

#include "cli/render/assets.h"
#include "cli/render/visible.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr double kXHeight = 0.547;  // of DejaVu Sans, in font sizes

const stbtt_fontinfo& font() {
  static const stbtt_fontinfo kFont = [] {
    stbtt_fontinfo info;
    const auto* bytes = reinterpret_cast<const unsigned char*>(asset_font().data());
    if (stbtt_InitFont(&info, bytes, stbtt_GetFontOffsetForIndex(bytes, 0)) == 0) {
      throw InternalError("the embedded font cannot be read");
    }
    return info;
  }();
  return kFont;
}

double advance(int glyph, double scale) {
  int width = 0;
  int bearing = 0;
  stbtt_GetGlyphHMetrics(&font(), glyph, &width, &bearing);
  return width * scale;
}

float em_scale(double size) {
  return stbtt_ScaleForMappingEmToPixels(&font(), static_cast<float>(size));
}

// Draws one glyph with its origin at (x, baseline); overlapping coverage keeps the larger.
void draw_glyph(TextBitmap& out, int glyph, double x, float scale) {
  const auto whole = static_cast<int>(std::floor(x));
  const auto part = static_cast<float>(x - whole);
  int width = 0;
  int height = 0;
  int left = 0;
  int top = 0;
  unsigned char* bitmap = stbtt_GetGlyphBitmapSubpixel(
      &font(), scale, scale, part, 0, glyph, &width, &height, &left, &top);
  for (int row = 0; row < height; ++row) {
    for (int col = 0; col < width; ++col) {
      const int px = whole + left + col;
      const int py = out.baseline + top + row;
      if (px >= 0 && px < out.width && py >= 0 && py < out.height) {
        auto& pixel = out.coverage[static_cast<std::size_t>(py) * out.width + px];
        pixel = std::max(pixel, bitmap[row * width + col]);
      }
    }
  }
  stbtt_FreeBitmap(bitmap, nullptr);
}

GlyphOutline::Step step_of(const stbtt_vertex& vertex, double scale) {
  using Kind = GlyphOutline::Step::Kind;
  const Kind kind = vertex.type == STBTT_vmove   ? Kind::move
                    : vertex.type == STBTT_vline ? Kind::line
                                                 : Kind::curve;
  return {kind, vertex.x * scale, vertex.y * scale, vertex.cx * scale, vertex.cy * scale};
}

}  // namespace

std::vector<PlacedGlyph> placed_glyphs(std::string_view text) {
  std::vector<PlacedGlyph> list;
  for (std::size_t at = 0; at < text.size();) {
    const int code = next_code_point(text, at);
    const int glyph = stbtt_FindGlyphIndex(&font(), code);
    if (glyph != 0 || code < 0) {
      list.push_back({glyph, code});
      continue;
    }
    for (const char c : fmt::format("u{:04X}", code)) {
      list.push_back({stbtt_FindGlyphIndex(&font(), c), c});
    }
  }
  return list;
}

GlyphOutline outline_of(int glyph) {
  const double scale = em_scale(1000);
  GlyphOutline outline{.advance = advance(glyph, scale), .steps = {}};
  stbtt_vertex* vertices = nullptr;
  const int count = stbtt_GetGlyphShape(&font(), glyph, &vertices);
  for (int i = 0; i < count; ++i) {
    outline.steps.push_back(step_of(vertices[i], scale));
  }
  stbtt_FreeShape(&font(), vertices);
  return outline;
}

double text_width(std::string_view text, double size) {
  double width = 0;
  for (const auto& glyph : placed_glyphs(text)) {
    width += advance(glyph.index, em_scale(size));
  }
  return width;
}

TextBitmap draw_text(std::string_view text, double size) {
  const float scale = em_scale(size);
  TextBitmap out;
  out.width = static_cast<int>(std::ceil(text_width(text, size))) + 2;
  out.baseline = static_cast<int>(std::ceil(size * 1.05));
  out.height = out.baseline + static_cast<int>(std::ceil(size * 0.35));
  out.coverage.resize(static_cast<std::size_t>(out.width) * out.height);
  double x = 1;
  for (const auto& glyph : placed_glyphs(text)) {
    draw_glyph(out, glyph.index, x, scale);
    x += advance(glyph.index, scale);
  }
  return out;
}

std::string fit_text(std::string_view text, double size, double width) {
  if (text_width(text, size) <= width) {
    return std::string(text);
  }
  const double room = width - text_width("…", size);
  std::size_t kept = 0;
  for (std::size_t at = 0; at < text.size(); kept = at) {
    next_code_point(text, at);
    if (text_width(text.substr(0, at), size) > room) {
      break;
    }
  }
  return std::string(text.substr(0, kept)) + "…";
}

double text_middle(double size) {
  return size * kXHeight / 2;
}

}  // namespace headscope
