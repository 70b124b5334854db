#include <fmt/format.h>

#include "cli/render/canvas.h"
#include "cli/render/font.h"
#include "cli/render/text_codes.h"

namespace headscope {
namespace {

constexpr const char* kFonts =
    "DejaVu Sans, Verdana, Noto Sans, Noto Sans CJK SC, Noto Color Emoji, sans-serif";

std::string hex(Rgb color) {
  return fmt::format("#{:02x}{:02x}{:02x}", color.r, color.g, color.b);
}

// Shortest form with at most two decimals.
std::string number(double value) {
  std::string text = fmt::format("{:.2f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') {
    text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

std::string position(const Box& box) {
  return fmt::format("x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
                     number(box.x),
                     number(box.y),
                     number(box.width),
                     number(box.height));
}

class SvgCanvas final : public ShapeCanvas {
 public:
  SvgCanvas(double width, double height, std::int64_t max_rects) : ShapeCanvas(max_rects) {
    out_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
        "{1}\" "
        "font-family=\"{2}\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n",
        number(width),
        number(height),
        kFonts);
  }

  void rect(const Box& box, Rgb fill) override {
    out_ += fmt::format("<rect {} fill=\"{}\"/>\n", position(box), hex(fill));
  }

  void outline(const Box& box, Rgb stroke) override {
    const Box middle{box.x + 0.5, box.y + 0.5, box.width - 1, box.height - 1};
    out_ += fmt::format("<rect {} fill=\"none\" stroke=\"{}\"/>\n", position(middle), hex(stroke));
  }

  void text(double x, double y, const std::string& text, const TextStyle& style) override {
    constexpr const char* kAnchors[] = {"start", "middle", "end"};
    const double down = text_middle(style.size);
    const bool up = style.direction == Direction::up;
    const std::string place =
        up ? fmt::format("transform=\"translate({} {}) rotate(-90)\"", number(x + down), number(y))
           : fmt::format("x=\"{}\" y=\"{}\"", number(x), number(y + down));
    out_ += fmt::format(
        "<text {} font-size=\"{}\" text-anchor=\"{}\" fill=\"{}\" "
        "xml:space=\"preserve\">{}</text>\n",
        place,
        number(style.size),
        kAnchors[static_cast<int>(style.anchor)],
        hex(style.color),
        escaped(text));
  }

  std::string finish() override { return out_ + "</svg>\n"; }

 private:
  void rectangles(const CellGrid& grid) override {
    const double width = grid.box.width / static_cast<double>(grid.cols);
    const double height = grid.box.height / static_cast<double>(grid.rows);
    out_ += "<g class=\"cells\" shape-rendering=\"crispEdges\">\n";
    for (std::int64_t i = 0; i < grid.rows * grid.cols; ++i) {
      const auto& color = grid.colors[static_cast<std::size_t>(i)];
      if (color) {
        const Box cell{grid.box.x + width * static_cast<double>(i % grid.cols),
                       grid.box.y + height * static_cast<double>(i / grid.cols),
                       width,
                       height};
        rect(cell, *color);
      }
    }
    out_ += "</g>\n";
  }

  // One pixel a cell: 262,144 rectangles of a 512-token pattern would take 20 MB and choke editors.
  void picture(const CellGrid& grid) override {
    std::vector<Rgb> pixels;
    pixels.reserve(grid.colors.size());
    for (const auto& color : grid.colors) {
      pixels.push_back(color.value_or(Rgb{255, 255, 255}));
    }
    out_ += fmt::format(
        "<image {} preserveAspectRatio=\"none\" image-rendering=\"pixelated\" "
        "href=\"data:image/png;base64,{}\"/>\n",
        position(grid.box),
        base64(encode_png(grid.cols, grid.rows, pixels)));
  }

  std::string out_;
};

}  // namespace

std::unique_ptr<Canvas> svg_canvas(double width, double height, std::int64_t max_rects) {
  return std::make_unique<SvgCanvas>(width, height, max_rects);
}

}  // namespace headscope
