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
    // Of what the dot is held against, a pale bar behind it; NaN: none.
    double other_low = std::numeric_limits<double>::quiet_NaN();
    double other_high = std::numeric_limits<double>::quiet_NaN();
  };
  enum class Scale { linear, log };  // log: only numbers above 0 have a dot
  struct Panel {
    std::string y_axis;
    std::vector<Dot> dots;
    Scale scale = Scale::linear;
    // A line across, with its name at its end; NaN: none.
    double reference = std::numeric_limits<double>::quiet_NaN();
    std::string reference_name{};
  };
  std::string title;
  std::string subtitle{};
  std::string x_axis;
  std::vector<Panel> panels;
};

// The y axis of a linear panel begins or ends at 0 where its numbers do not lie on both sides of
// it; that of a logarithmic one spans a factor of two at least. Throws UsageError for a chart
// without a dot.
std::string to_svg(const DotChart& chart);
std::string to_png(const DotChart& chart, double scale = 2);

}  // namespace headscope
