// What a figure is drawn on: one drawing routine gives SVG, PNG and PDF alike.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/render/color.h"

namespace headscope {

// Figure units: one CSS pixel of an SVG, `scale` pixels of a PNG. y grows downwards.
struct Box {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
};

enum class Anchor { start, middle, end };
enum class Direction { across, up };  // up: turned by 90°, read from below

struct TextStyle {
  double size = 11;  // font size in units
  Anchor anchor = Anchor::start;
  Direction direction = Direction::across;
  Rgb color{38, 38, 43};
};

// A matrix of coloured cells; a cell without a colour is left as it is (masked).
struct CellGrid {
  Box box;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::vector<std::optional<Rgb>> colors;  // [rows, cols]
};

class Canvas {
 public:
  virtual ~Canvas() = default;
  virtual void rect(const Box& box, Rgb fill) = 0;
  virtual void outline(const Box& box, Rgb stroke) = 0;  // one unit wide, inside the box's edge
  // (x, y) is the text's anchor on its middle line: the centre of lower-case letters. `text` is
  // valid UTF-8.
  virtual void text(double x, double y, const std::string& text, const TextStyle& style) = 0;
  virtual void cells(const CellGrid& grid) = 0;
  virtual std::string finish() = 0;  // the file's bytes
};

// One that is kept as shapes: cells are drawn one by one until there are more than `max_rects` of a
// figure, then as a picture of one pixel a cell.
class ShapeCanvas : public Canvas {
 public:
  explicit ShapeCanvas(std::int64_t max_rects) : max_rects_(max_rects) {}

  void cells(const CellGrid& grid) final {
    const std::int64_t more = grid.rows * grid.cols;
    if (rects_ + more > max_rects_) {
      picture(grid);
    } else {
      rects_ += more;
      rectangles(grid);
    }
  }

 protected:
  virtual void rectangles(const CellGrid& grid) = 0;
  virtual void picture(const CellGrid& grid) = 0;

 private:
  std::int64_t max_rects_;
  std::int64_t rects_ = 0;
};

// SVG with cells as rectangles, or as an embedded picture for matrices of more than `max_rects`.
std::unique_ptr<Canvas> svg_canvas(double width, double height, std::int64_t max_rects = 20000);

// PNG, truecolour, `scale` pixels a unit. Throws UsageError beyond 400 million pixels.
std::unique_ptr<Canvas> png_canvas(double width, double height, double scale);

// PDF 1.4 of one page, 4/3 units a point: cells as in SVG, letters as outlines with their
// characters, so that text can be searched and copied. The same figure gives the same bytes.
std::unique_ptr<Canvas> pdf_canvas(double width, double height, std::int64_t max_rects = 20000);

// 8-bit RGB pixels [height, width, 3] → PNG bytes.
std::string encode_png(std::int64_t width, std::int64_t height, const std::vector<Rgb>& pixels);

}  // namespace headscope
