#include <fmt/format.h>

#include "cli/render/canvas.h"
#include "cli/render/font.h"
#include "cli/render/pdf_file.h"
#include "cli/render/pdf_font.h"

namespace headscope {
namespace {

constexpr double kPointsAUnit = 0.75;  // 96 units and 72 points are an inch
constexpr double kOverlap = 0.25;      // of a cell and the next: no light shows between them

class PdfCanvas final : public ShapeCanvas {
 public:
  PdfCanvas(double width, double height, std::int64_t max_rects)
      : ShapeCanvas(max_rects), width_(width), height_(height) {
    page_ = fmt::format("{0} 0 0 {0} 0 0 cm\n", kPointsAUnit);
    rect({0, 0, width, height}, {255, 255, 255});
  }

  void rect(const Box& box, Rgb fill) override { page_ += color(fill, "rg") + path(box) + "f\n"; }

  void outline(const Box& box, Rgb stroke) override {
    page_ += color(stroke, "RG") + "1 w " +
             path({box.x + 0.5, box.y + 0.5, box.width - 1, box.height - 1}) + "S\n";
  }

  void text(double x, double y, const std::string& text, const TextStyle& style) override {
    const double down = text_middle(style.size);
    const double share = style.anchor == Anchor::start    ? 0
                         : style.anchor == Anchor::middle ? 0.5
                                                          : 1;
    const double along = share * text_width(text, style.size);
    const bool up = style.direction == Direction::up;
    const std::string place =
        up ? fmt::format("0 1 -1 0 {} {}", pdf_number(x + down), pdf_number(height_ - y - along))
           : fmt::format("1 0 0 1 {} {}", pdf_number(x - along), pdf_number(height_ - y - down));
    page_ += color(style.color, "rg") +
             fmt::format("BT {} Tm {} ET\n", place, font_.show(text, style.size));
  }

  std::string finish() override {
    const int content = file_.add_stream("", page_);
    const std::string fonts = font_.write(file_);
    const int pages = file_.reserve();
    const int page = file_.add(
        fmt::format("<< /Type /Page /Parent {} 0 R /MediaBox [0 0 {} {}] /Contents {} 0 R "
                    "/Resources << /Font << {}>> /XObject << {}>> >> >>",
                    pages,
                    pdf_number(width_ * kPointsAUnit),
                    pdf_number(height_ * kPointsAUnit),
                    content,
                    fonts,
                    pictures_));
    file_.put(pages, fmt::format("<< /Type /Pages /Kids [{} 0 R] /Count 1 >>", page));
    return file_.finish(file_.add(fmt::format("<< /Type /Catalog /Pages {} 0 R >>", pages)));
  }

 private:
  static std::string color(Rgb rgb, const char* op) {
    return fmt::format("{} {} {} {} ",
                       pdf_number(rgb.r / 255.0),
                       pdf_number(rgb.g / 255.0),
                       pdf_number(rgb.b / 255.0),
                       op);
  }

  [[nodiscard]] std::string path(const Box& box) const {
    return fmt::format("{} {} {} {} re ",
                       pdf_number(box.x),
                       pdf_number(height_ - box.y - box.height),
                       pdf_number(box.width),
                       pdf_number(box.height));
  }

  // A cell reaches a little under those to its right and below, which are drawn after it.
  void rectangles(const CellGrid& grid) override {
    const double width = grid.box.width / static_cast<double>(grid.cols);
    const double height = grid.box.height / static_cast<double>(grid.rows);
    const auto shown = [&](std::int64_t row, std::int64_t col) {
      return row < grid.rows && col < grid.cols &&
             grid.colors[static_cast<std::size_t>(row * grid.cols + col)].has_value();
    };
    for (std::int64_t row = 0; row < grid.rows; ++row) {
      for (std::int64_t col = 0; col < grid.cols; ++col) {
        if (shown(row, col)) {
          rect({grid.box.x + width * static_cast<double>(col),
                grid.box.y + height * static_cast<double>(row),
                width + (shown(row, col + 1) ? kOverlap : 0),
                height + (shown(row + 1, col) ? kOverlap : 0)},
               *grid.colors[static_cast<std::size_t>(row * grid.cols + col)]);
        }
      }
    }
  }

  // One pixel a cell, as in SVG.
  void picture(const CellGrid& grid) override {
    std::string pixels;
    pixels.reserve(grid.colors.size() * 3);
    for (const auto& cell : grid.colors) {
      const Rgb rgb = cell.value_or(Rgb{255, 255, 255});
      pixels += {static_cast<char>(rgb.r), static_cast<char>(rgb.g), static_cast<char>(rgb.b)};
    }
    const int image = file_.add_stream(
        fmt::format("/Type /XObject /Subtype /Image /Width {} /Height {} /ColorSpace /DeviceRGB "
                    "/BitsPerComponent 8",
                    grid.cols,
                    grid.rows),
        pixels);
    pictures_ += fmt::format("/I{0} {0} 0 R ", image);
    page_ += fmt::format("q {} 0 0 {} {} {} cm /I{} Do Q\n",
                         pdf_number(grid.box.width),
                         pdf_number(grid.box.height),
                         pdf_number(grid.box.x),
                         pdf_number(height_ - grid.box.y - grid.box.height),
                         image);
  }

  double width_;
  double height_;
  PdfFile file_;
  PdfFont font_;
  std::string page_;      // the operators of the page
  std::string pictures_;  // entries of its resources
};

}  // namespace

std::unique_ptr<Canvas> pdf_canvas(double width, double height, std::int64_t max_rects) {
  return std::make_unique<PdfCanvas>(width, height, max_rects);
}

}  // namespace headscope
