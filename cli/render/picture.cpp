#include "cli/render/picture.h"

#include "lib/base/error.h"

namespace headscope {
namespace {

template <typename Figure>
std::string as_picture(Figure& figure, const PictureOptions& options) {
  figure.scale = options.scale;
  if (options.max) {
    const bool signed_values = figure.color_map == ColorMap::diverging;
    figure.range = ValueRange{signed_values ? -*options.max : 0.0, *options.max};
  }
  if (options.format == "svg") {
    return to_svg(figure);
  }
  if (options.format == "pdf") {
    return to_pdf(figure);
  }
  if (options.format == "png") {
    return to_png(figure);
  }
  throw InternalError("{}: no format of pictures", options.format);
}

}  // namespace

bool is_picture_format(std::string_view format) {
  return format == "png" || format == "svg" || format == "pdf";
}

std::string picture(HeatMap map, const PictureOptions& options) {
  return as_picture(map, options);
}

std::string picture(SmallMultiples page, const PictureOptions& options) {
  return as_picture(page, options);
}

}  // namespace headscope
