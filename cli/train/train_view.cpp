#include "cli/train/train_view.h"

#include <fmt/format.h>

#include "cli/render/page_policy.h"
#include "cli/render/report.h"

namespace headscope {
namespace {

DotChart::Dot dot_at(std::int64_t step, double value) {
  return {.x = static_cast<double>(step), .y = value};
}

}  // namespace

DotChart loss_chart(const std::string& title, const std::vector<TrainLine>& log) {
  DotChart chart{.title = title, .x_axis = "step", .panels = {{.y_axis = "loss", .dots = {}}}};
  const std::size_t groups = log.front().groups.size();
  for (std::size_t g = 0; g < groups; ++g) {
    const std::string& name = log.front().groups[g].group;
    chart.panels.push_back({.y_axis = "loss, " + name, .dots = {}});
    chart.panels.push_back({.y_axis = "right, " + name, .dots = {}});
  }
  for (const TrainLine& line : log) {
    chart.panels[0].dots.push_back(dot_at(line.step, line.loss));
    for (std::size_t g = 0; g < groups && g < line.groups.size(); ++g) {
      chart.panels[1 + 2 * g].dots.push_back(dot_at(line.step, line.groups[g].loss));
      chart.panels[2 + 2 * g].dots.push_back(dot_at(line.step, line.groups[g].accuracy));
    }
  }
  return chart;
}

Table last_losses(const TrainLine& line) {
  Table table({{"positions of"}, {"number"}, {"loss", 4}, {"right", 4}});
  for (const GroupLoss& group : line.groups) {
    table.row({group.group, group.positions, cell_of(group.loss), cell_of(group.accuracy)});
  }
  return table;
}

void write_train_page(const std::filesystem::path& folder,
                      const TrainSpec& spec,
                      const std::vector<TrainLine>& log,
                      const std::string& footer) {
  check_page_output(folder / "index.html");
  Report report(
      {.title = spec.name, .subtitle = "trained from scratch on " + spec.task, .footer = footer});
  report.table(last_losses(log.back()),
               fmt::format("Step {}, before it is taken. Loss in nats.", log.back().step));
  report.figure(to_svg(loss_chart("Loss", log)),
                "Of the rows of a step, before it is taken; \"right\": how often the largest "
                "logit is the label's.");
  report.text("The spec:\n\n```\n" + spec.json.dump(1) + "\n```\n");
  report.write(folder / "index.html");
}

}  // namespace headscope
