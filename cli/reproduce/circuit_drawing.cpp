#include "cli/reproduce/circuit_drawing.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "cli/render/text_codes.h"

namespace headscope {
namespace {

constexpr double kClassColumn = 150.0;  // from one class to the next
constexpr double kLayerRow = 44.0;      // from one layer that has heads to the next
constexpr double kHeadBeside = 46.0;    // from one head of a class and layer to the next
constexpr double kDrawingLeft = 60.0;
constexpr double kDrawingTop = 70.0;
constexpr double kWidestEdge = 5.0;

struct DrawnAt {
  double x = 0.0;
  double y = 0.0;
};

struct DrawingPlan {
  std::map<HeadId, DrawnAt> heads;
  std::vector<std::int64_t> layers;  // that have heads, the last one first
  DrawnAt logits;
  double width = 0.0;
  double height = 0.0;
};

DrawingPlan plan_drawing(const HeadCircuit& classes) {
  DrawingPlan plan;
  std::set<std::int64_t, std::greater<>> layers;
  for (const HeadId& head : classes.heads()) {
    layers.insert(head.layer);
  }
  plan.layers.assign(layers.begin(), layers.end());
  double x = kDrawingLeft;
  for (const HeadClass& each : classes.classes) {
    std::map<std::int64_t, int> of_layer;
    double widest = 0.0;
    for (const HeadId& head : each.heads) {
      const auto row = std::find(plan.layers.begin(), plan.layers.end(), head.layer);
      const double along = kHeadBeside * of_layer[head.layer]++;
      const double y = kDrawingTop + kLayerRow * static_cast<double>(row - plan.layers.begin() + 1);
      plan.heads.try_emplace(head, DrawnAt{x + along + 24, y});
      widest = std::max(widest, along);
    }
    x += std::max(kClassColumn, widest + kHeadBeside + 40);
  }
  plan.width = x + 10;
  plan.height = kDrawingTop + kLayerRow * static_cast<double>(plan.layers.size() + 1);
  plan.logits = {plan.width / 2, kDrawingTop - 8};
  return plan;
}

// What losing a head's paths did in the stage that found them, and in none 0.
double sender_effect(const Discovery& found, const HeadId& head) {
  double strongest = 0.0;
  for (const HeadClass& each : found.circuit.classes) {
    const auto effect = each.effects.find(head);
    if (effect != each.effects.end() && std::abs(effect->second.mean) > std::abs(strongest)) {
      strongest = effect->second.mean;
    }
  }
  return strongest;
}

std::string path_svg(const DrawingPlan& plan, const Edge& edge, double effect, double most) {
  const auto from = plan.heads.find({edge.from.layer, edge.from.head});
  const auto to = plan.heads.find({edge.to.layer, edge.to.head});
  const bool ends = edge.to.kind == Node::Kind::logits;
  if (from == plan.heads.end() || (!ends && to == plan.heads.end())) {
    return "";
  }
  const DrawnAt end = ends ? plan.logits : to->second;
  const double start_y = from->second.y - 11;
  const double end_y = end.y + (ends ? 12 : 11);
  const double width =
      most > 0 ? std::max(0.6, kWidestEdge * std::sqrt(std::abs(effect) / most)) : 1.0;
  return fmt::format(
      "<path d=\"M{0:.1f} {1:.1f}C{0:.1f} {2:.1f} {3:.1f} {4:.1f} {3:.1f} {5:.1f}\" fill=\"none\" "
      "stroke=\"{6}\" stroke-width=\"{7:.2f}\" stroke-opacity=\"0.6\"><title>{8}: {9:+.3f}"
      "</title></path>\n",
      from->second.x,
      start_y,
      start_y - 16,
      end.x,
      end_y + 16,
      end_y,
      effect < 0 ? "#2b5bd7" : "#d9741a",
      width,
      to_string(edge),
      effect);
}

std::string edges_svg(const Discovery& found, const DrawingPlan& plan) {
  const std::vector<Edge> edges = edges_of(found);
  double most = 0.0;
  for (const Edge& edge : edges) {
    most = std::max(most, std::abs(sender_effect(found, {edge.from.layer, edge.from.head})));
  }
  std::string text;
  for (const Edge& edge : edges) {
    text += path_svg(plan, edge, sender_effect(found, {edge.from.layer, edge.from.head}), most);
  }
  return text;
}

std::string label_svg(const DrawnAt& at, const std::string& text, double width) {
  return fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"22\" rx=\"6\" fill=\"#f0f0f4\" "
      "stroke=\"#8a8b96\"/><text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"11.5\" "
      "text-anchor=\"middle\" fill=\"#1d1e22\">{}</text>\n",
      at.x - width / 2,
      at.y - 11,
      width,
      at.x,
      at.y + 4,
      escaped(text));
}

std::string class_names_svg(const HeadCircuit& classes, const DrawingPlan& plan) {
  std::string text;
  for (const HeadClass& each : classes.classes) {
    double x = plan.width;
    for (const HeadId& head : each.heads) {
      x = std::min(x, plan.heads.at(head).x);
    }
    if (!each.heads.empty()) {
      text += fmt::format(
          "<text x=\"{:.1f}\" y=\"22\" font-size=\"12\" fill=\"#1d1e22\">{}</text>\n"
          "<text x=\"{:.1f}\" y=\"38\" font-size=\"11\" fill=\"#6e6e76\">at {}</text>\n",
          x - 22,
          escaped(each.name),
          x - 22,
          escaped(each.at));
    }
  }
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    text += fmt::format(
        "<text x=\"8\" y=\"{:.1f}\" font-size=\"11\" fill=\"#6e6e76\">layer {}</text>\n",
        kDrawingTop + kLayerRow * static_cast<double>(i + 1) + 4,
        plan.layers[i]);
  }
  return text;
}

}  // namespace

std::string circuit_drawing(const Discovery& found, const HeadCircuit& classes) {
  const DrawingPlan plan = plan_drawing(classes);
  if (plan.heads.empty()) {
    return "";
  }
  std::string heads = label_svg(plan.logits, "logits", 60);
  for (const auto& [head, spot] : plan.heads) {
    heads += label_svg(spot, to_string(head), 42);
  }
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 "
      "0 {0:.0f} {1:.0f}\" font-family=\"DejaVu Sans, Verdana, sans-serif\">\n<rect "
      "width=\"{0:.0f}\" height=\"{1:.0f}\" fill=\"#ffffff\"/>\n{2}{3}{4}</svg>\n",
      plan.width,
      plan.height,
      edges_svg(found, plan),
      heads,
      class_names_svg(classes, plan));
}

}  // namespace headscope
