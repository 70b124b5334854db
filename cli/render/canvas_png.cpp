#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include <zlib.h>

#include "cli/render/canvas.h"
#include "cli/render/font.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

// stb_image_write's own compressor is weak; zlib halves the files.
unsigned char* zlib_deflate(unsigned char* data, int size, int* out_size, int /*quality*/) {
  uLongf room = compressBound(static_cast<uLong>(size));
  auto* out = static_cast<unsigned char*>(std::malloc(room));
  if (out == nullptr || compress2(out, &room, data, static_cast<uLong>(size), 6) != Z_OK) {
    std::free(out);
    return nullptr;
  }
  *out_size = static_cast<int>(room);
  return out;
}

}  // namespace
}  // namespace headscope

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#define STBIW_ZLIB_COMPRESS headscope::zlib_deflate
#include <stb_image_write.h>

namespace headscope {
namespace {

constexpr double kMaxPixels = 4e8;

struct PixelRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

class PngCanvas final : public Canvas {
 public:
  PngCanvas(double width, double height, double scale)
      : scale_(scale),
        width_(std::llround(std::ceil(width * scale))),
        height_(std::llround(std::ceil(height * scale))),
        pixels_(static_cast<std::size_t>(width_ * height_), Rgb{255, 255, 255}) {}

  void rect(const Box& box, Rgb fill) override {
    this->fill(range(box.x, box.width, width_), range(box.y, box.height, height_), fill);
  }

  void outline(const Box& box, Rgb stroke) override {
    const double far_x = box.x + box.width - 1;
    const double far_y = box.y + box.height - 1;
    rect({box.x, box.y, box.width, 1}, stroke);
    rect({box.x, far_y, box.width, 1}, stroke);
    rect({box.x, box.y, 1, box.height}, stroke);
    rect({far_x, box.y, 1, box.height}, stroke);
  }

  void text(double x, double y, const std::string& text, const TextStyle& style) override {
    const TextBitmap bitmap = draw_text(text, style.size * scale_);
    const double share = style.anchor == Anchor::start    ? 0
                         : style.anchor == Anchor::middle ? 0.5
                                                          : 1;
    const auto along = std::llround(bitmap.width * share);
    const auto above = bitmap.baseline - std::llround(text_middle(style.size * scale_));
    const auto at_x = std::llround(x * scale_);
    const auto at_y = std::llround(y * scale_);
    for (int row = 0; row < bitmap.height; ++row) {
      for (int col = 0; col < bitmap.width; ++col) {
        const auto ink = bitmap.coverage[static_cast<std::size_t>(row) * bitmap.width + col];
        if (style.direction == Direction::across) {
          blend(at_x - along + col, at_y - above + row, style.color, ink);
        } else {
          blend(at_x - above + row, at_y + along - col, style.color, ink);
        }
      }
    }
  }

  void cells(const CellGrid& grid) override {
    const double cell_w = grid.box.width / static_cast<double>(grid.cols);
    const double cell_h = grid.box.height / static_cast<double>(grid.rows);
    for (std::int64_t row = 0; row < grid.rows; ++row) {
      const auto ys = range(grid.box.y + cell_h * static_cast<double>(row), cell_h, height_);
      for (std::int64_t col = 0; col < grid.cols; ++col) {
        const auto& color = grid.colors[static_cast<std::size_t>(row * grid.cols + col)];
        if (color) {
          fill(range(grid.box.x + cell_w * static_cast<double>(col), cell_w, width_), ys, *color);
        }
      }
    }
  }

  std::string finish() override { return encode_png(width_, height_, pixels_); }

 private:
  // Pixels whose centres lie on [at, at + length) units.
  [[nodiscard]] PixelRange range(double at, double length, std::int64_t limit) const {
    const auto clip = [&](double unit) {
      return std::clamp<std::int64_t>(std::llround(unit * scale_), 0, limit);
    };
    return {clip(at), clip(at + length)};
  }

  void fill(PixelRange xs, PixelRange ys, Rgb color) {
    for (auto y = ys.begin; y < ys.end; ++y) {
      std::fill(
          pixels_.begin() + y * width_ + xs.begin, pixels_.begin() + y * width_ + xs.end, color);
    }
  }

  void blend(std::int64_t x, std::int64_t y, Rgb color, std::uint8_t ink) {
    if (ink == 0 || x < 0 || y < 0 || x >= width_ || y >= height_) {
      return;
    }
    Rgb& under = pixels_[static_cast<std::size_t>(y * width_ + x)];
    const auto mix = [ink](int below, int above) {
      return static_cast<std::uint8_t>((below * (255 - ink) + above * ink + 127) / 255);
    };
    under = {mix(under.r, color.r), mix(under.g, color.g), mix(under.b, color.b)};
  }

  double scale_;
  std::int64_t width_;
  std::int64_t height_;
  std::vector<Rgb> pixels_;
};

void append(void* out, void* data, int size) {
  static_cast<std::string*>(out)->append(static_cast<const char*>(data),
                                         static_cast<std::size_t>(size));
}

}  // namespace

std::string encode_png(std::int64_t width, std::int64_t height, const std::vector<Rgb>& pixels) {
  static_assert(sizeof(Rgb) == 3);
  std::string png;
  const int ok = stbi_write_png_to_func(append,
                                        &png,
                                        static_cast<int>(width),
                                        static_cast<int>(height),
                                        3,
                                        pixels.data(),
                                        static_cast<int>(width * 3));
  if (ok == 0) {
    throw ResourceError("not enough memory to encode a picture of {} × {} pixels", width, height);
  }
  return png;
}

std::unique_ptr<Canvas> png_canvas(double width, double height, double scale) {
  if (width * height * scale * scale > kMaxPixels) {
    throw UsageError("a picture of {:.0f} × {:.0f} pixels is too large; export npy or html instead",
                     width * scale,
                     height * scale);
  }
  return std::make_unique<PngCanvas>(width, height, scale);
}

}  // namespace headscope
