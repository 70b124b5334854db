// Numbers over a number: dots with intervals, panels below each other that share the x axis.
#pragma once

#include <limits>
#include <string>
#include <vector>

namespace headscope {

struct DotChart {
  struct Dot {
    double x = 0.0;
    double y = std::numeric_limits<double>::quiet_NaN();    // NaN or infinite: no dot
    double low = std::numeric_limits<double>::quiet_NaN();  // of an interval; NaN: none
    double high = std::numeric_limits<double>::quiet_NaN();
  };
  struct Panel {
    std::string y_axis;
    std::vector<Dot> dots;
  };
  std::string title;
  std::string subtitle{};
  std::string x_axis;
  std::vector<Panel> panels;
};

// Each panel's y axis begins or ends at 0 where its numbers do not lie on both sides of it. Throws
// UsageError for a chart without a dot.
std::string to_svg(const DotChart& chart);
std::string to_png(const DotChart& chart, double scale = 2);

}  // namespace headscope
