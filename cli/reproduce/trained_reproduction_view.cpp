#include "cli/reproduce/trained_reproduction_view.h"

#include <algorithm>
#include <filesystem>
#include <memory>

#include <fmt/ranges.h>

#include "analyses/training/trained_reproduction.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/dot_chart.h"
#include "cli/render/page_policy.h"
#include "cli/render/progress.h"
#include "cli/render/report.h"
#include "lib/base/error.h"
#include "lib/base/output_file.h"
#include "lib/base/paths.h"
#include "lib/base/version.h"
#include "lib/tensor/backend.h"

namespace headscope {
namespace {

Table trained_table(const ResultTable& from) {
  std::vector<Table::Column> columns;
  for (const std::string& name : from.columns) {
    columns.push_back({name, 3});
  }
  Table table(columns);
  for (const auto& row : from.rows) {
    table.row(row);
  }
  return table;
}

Table trained_numbers(const TrainedResult& result) {
  Table table({{"published"}, {"of"}, {"there"}, {"here", 3}});
  for (const PublishedNumber& number : result.what->published) {
    OrderedJson here;
    for (const Measured& each : result.found.measured) {
      if (each.quantity == number.quantity) {
        here = each.value;
      }
    }
    table.row({number.what, number.model, number.published, here});
  }
  return table;
}

OrderedJson trained_json(const TrainedResult& result) {
  OrderedJson json{{"name", result.what->name},
                   {"title", result.what->title},
                   {"source", result.what->source},
                   {"published", trained_numbers(result).json()},
                   {"measured", OrderedJson::object()},
                   {"tables", OrderedJson::array()},
                   {"curves", OrderedJson::array()}};
  for (const Measured& each : result.found.measured) {
    json["measured"][each.quantity] = cell_of(each.value);
  }
  for (const ResultTable& each : result.found.tables) {
    json["tables"].push_back({{"caption", each.caption}, {"rows", trained_table(each).json()}});
  }
  for (const TrainedCurves& each : result.found.curves) {
    OrderedJson panels = OrderedJson::object();
    for (const auto& panel : each.panels) {
      OrderedJson points = OrderedJson::array();
      for (const auto& [x, y] : panel.points) {
        points.push_back({cell_of(x), cell_of(y)});
      }
      panels[panel.y_axis] = points;
    }
    json["curves"].push_back(
        {{"caption", each.caption}, {"x", each.x_axis}, {"panels", std::move(panels)}});
  }
  return json;
}

DotChart trained_chart(const TrainedCurves& curves) {
  DotChart chart{.title = curves.caption, .x_axis = curves.x_axis, .panels = {}};
  for (const auto& panel : curves.panels) {
    DotChart::Panel drawn{.y_axis = panel.y_axis, .dots = {}};
    for (const auto& [x, y] : panel.points) {
      drawn.dots.push_back({.x = x, .y = y});
    }
    chart.panels.push_back(std::move(drawn));
  }
  return chart;
}

void add_trained(Report& report, const TrainedResult& result) {
  report.text(fmt::format(
      "## {}\n*{}*\n\nTrained here from scratch, smaller than the published "
      "models: {}.",
      result.what->title,
      result.what->source,
      result.what->specs.empty() ? "values fitted in closed form"
                                 : fmt::format("{}", fmt::join(result.what->specs, ", "))));
  report.table(trained_numbers(result), "What was published, and the same measured here.");
  for (const ResultTable& each : result.found.tables) {
    report.table(trained_table(each), each.caption);
  }
  for (const TrainedCurves& each : result.found.curves) {
    report.figure(to_svg(trained_chart(each)), each.caption);
  }
}

std::string trained_text(const TrainedResult& result) {
  std::string text = fmt::format(
      "{}\n{}\n\n{}", result.what->title, result.what->source, trained_numbers(result).text());
  for (const ResultTable& each : result.found.tables) {
    text += "\n" + each.caption + "\n" + trained_table(each).text();
  }
  return text + "\n";
}

TrainedResult run_trained(const TrainedReproduction& what,
                          const std::filesystem::path& folder,
                          const Invocation& invocation) {
  std::unique_ptr<Progress> bar;
  std::string drawn_spec;
  std::int64_t drawn = 0;
  TrainedRunOptions options{.folder = folder / "models",
                            .device = invocation.common.device,
                            .command_line = invocation.command_line};
  options.stop = interrupted;
  options.progress = [&](const std::string& spec, std::int64_t done, std::int64_t total) {
    if (spec != drawn_spec) {
      bar = std::make_unique<Progress>(total, Progress::Options{.label = spec, .unit = "steps"});
      bar->begin_at(done);
      drawn_spec = spec;
    } else {
      bar->add(done - drawn);
    }
    drawn = done;
  };
  return reproduce_trained(what, options);
}

}  // namespace

void run_trained_reproductions(const std::vector<std::string>& names,
                               const std::string& folder,
                               const Invocation& invocation) {
  const std::filesystem::path out = folder;
  check_output_folder(out);
  check_page_output(out / "index.html");
  check_output_file(out / "trained.json");
  use_backend(invocation.common.device);
  catch_interrupts();
  Report report({.title = "Trained models",
                 .subtitle = "Published results, asked of small models trained from scratch",
                 .footer = fmt::format("{} · headscope {}", invocation.command_line, kVersion)});
  OrderedJson json{
      {"provenance", {{"command_line", invocation.command_line}, {"headscope_version", kVersion}}},
      {"trained", OrderedJson::array()}};
  std::string text;
  for (const std::string& name : names) {
    const TrainedResult result = run_trained(*find_trained_reproduction(name), out, invocation);
    add_trained(report, result);
    json["trained"].push_back(trained_json(result));
    text += trained_text(result);
  }
  write_file(out / "trained.json", json.dump(1) + "\n");
  report.write(out / "index.html");
  show(invocation,
       json,
       text + fmt::format("{}   the page: open it in a browser\n",
                          std::filesystem::absolute(out / "index.html").string()));
}

}  // namespace headscope
