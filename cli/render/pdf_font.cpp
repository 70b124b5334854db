#include "cli/render/pdf_font.h"

#include <algorithm>

#include <fmt/format.h>

namespace headscope {
namespace {

constexpr std::size_t kCodes = 256;  // a simple font has one byte a character

std::string point(double x, double y) {
  return pdf_number(x) + " " + pdf_number(y) + " ";
}

// PDF has cubic curves only; a quadratic one is the cubic whose controls lie two thirds of the way
// to its own.
std::string curve(double from_x, double from_y, const GlyphOutline::Step& step) {
  const auto towards = [](double end, double control) { return end + (control - end) * 2 / 3; };
  return point(towards(from_x, step.control_x), towards(from_y, step.control_y)) +
         point(towards(step.x, step.control_x), towards(step.y, step.control_y)) +
         point(step.x, step.y) + "c\n";
}

struct GlyphBox {
  double left = 0;
  double bottom = 0;
  double right = 0;
  double top = 0;
};

// Holds the curves too: they lie between their ends and controls.
GlyphBox box_of(const GlyphOutline& outline) {
  GlyphBox box;
  const auto add = [&](double x, double y) {
    box = {std::min(box.left, x),
           std::min(box.bottom, y),
           std::max(box.right, x),
           std::max(box.top, y)};
  };
  for (const auto& step : outline.steps) {
    add(step.x, step.y);
    if (step.kind == GlyphOutline::Step::Kind::curve) {
      add(step.control_x, step.control_y);
    }
  }
  return box;
}

std::string glyph_procedure(const GlyphOutline& outline) {
  using Kind = GlyphOutline::Step::Kind;
  const GlyphBox box = box_of(outline);
  std::string text =
      point(outline.advance, 0) + point(box.left, box.bottom) + point(box.right, box.top) + "d1\n";
  double x = 0;
  double y = 0;
  for (const auto& step : outline.steps) {
    text += step.kind == Kind::curve
                ? curve(x, y, step)
                : point(step.x, step.y) + (step.kind == Kind::move ? "m\n" : "l\n");
    x = step.x;
    y = step.y;
  }
  return outline.steps.empty() ? text : text + "f\n";
}

// UTF-16, big-endian, in hexadecimal.
std::string utf16(int code) {
  const auto value = static_cast<unsigned>(std::max(code, 0));
  if (value < 0x10000) {
    return fmt::format("{:04X}", value);
  }
  return fmt::format(
      "{:04X}{:04X}", 0xD800 + ((value - 0x10000) >> 10), 0xDC00 + ((value - 0x10000) & 0x3FF));
}

std::string to_unicode(const std::vector<PlacedGlyph>& glyphs) {
  std::string text =
      "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
      "/CMapName /Headscope def\n/CMapType 2 def\n"
      "1 begincodespacerange\n<00> <FF>\nendcodespacerange\n";
  constexpr std::size_t kBlock = 100;  // entries that one block may have
  for (std::size_t first = 0; first < glyphs.size(); first += kBlock) {
    const std::size_t last = std::min(first + kBlock, glyphs.size());
    text += fmt::format("{} beginbfchar\n", last - first);
    for (std::size_t i = first; i < last; ++i) {
      text += fmt::format("<{:02X}> <{}>\n", i, utf16(glyphs[i].character));
    }
    text += "endbfchar\n";
  }
  return text + "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n";
}

}  // namespace

std::string PdfFont::show(std::string_view text, double size) {
  std::string out;
  std::size_t font = kCodes;  // none yet
  for (const PlacedGlyph& glyph : placed_glyphs(text)) {
    const auto [found, is_new] = at_.try_emplace({glyph.index, glyph.character}, glyphs_.size());
    if (is_new) {
      glyphs_.push_back(glyph);
    }
    if (found->second / kCodes != font) {
      out += font == kCodes ? "" : "> Tj ";
      font = found->second / kCodes;
      out += fmt::format("/F{} {} Tf <", font, pdf_number(size));
    }
    out += fmt::format("{:02X}", found->second % kCodes);
  }
  return out.empty() ? out : out + "> Tj";
}

std::string PdfFont::write(PdfFile& file) const {
  std::string entries;
  for (std::size_t first = 0; first < glyphs_.size(); first += kCodes) {
    entries += fmt::format("/F{} {} 0 R ", first / kCodes, write_one(file, first));
  }
  return entries;
}

int PdfFont::write_one(PdfFile& file, std::size_t first) const {
  const auto begin = glyphs_.begin() + static_cast<std::ptrdiff_t>(first);
  const auto count = std::min(kCodes, glyphs_.size() - first);
  const std::vector<PlacedGlyph> mine(begin, begin + static_cast<std::ptrdiff_t>(count));
  std::string procedures;
  std::string names;
  std::string widths;
  for (std::size_t i = 0; i < count; ++i) {
    const GlyphOutline outline = outline_of(mine[i].index);
    procedures += fmt::format("/g{} {} 0 R ", i, file.add_stream("", glyph_procedure(outline)));
    names += fmt::format("/g{} ", i);
    widths += pdf_number(outline.advance) + " ";
  }
  return file.add(fmt::format(
      "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 0 0] /FontMatrix [0.001 0 0 0.001 0 0] "
      "/Resources << >> /FirstChar 0 /LastChar {} /Widths [{}] /CharProcs << {}>> "
      "/Encoding << /Type /Encoding /Differences [0 {}] >> /ToUnicode {} 0 R >>",
      count - 1,
      widths,
      procedures,
      names,
      file.add_stream("", to_unicode(mine))));
}

}  // namespace headscope
