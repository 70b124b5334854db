// headscope steer sweep.
#include "analyses/steering/steer_sweep.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/progress.h"
#include "cli/render/table.h"
#include "cli/steer/steer_chart.h"
#include "cli/steer/steer_session.h"
#include "hooks/provenance.h"
#include "hooks/standing_interventions.h"
#include "hooks/stored/writer_claim.h"
#include "lib/base/error.h"
#include "lib/base/output_file.h"
#include "lib/base/paths.h"
#include "lib/base/replaced_file.h"

namespace headscope {
namespace {

// What the sweep goes over: strengths, or ranks.
struct SweepAxis {
  std::string name;
  std::vector<double> places;
};

SweepAxis sweep_axis(const SteerOptions& options) {
  if (options.rank.empty()) {
    return {"strength", parse_strengths(options.strengths)};
  }
  return {"rank", {options.rank.begin(), options.rank.end()}};
}

ControlEdits edits_at(const SteerSession& session, const SweepAxis& axis, double place) {
  if (axis.name == "rank") {
    return at_rank(session.model, session.edits, std::llround(place));
  }
  return {at_strength(session.edits, place), {}};
}

// What a sweep is of: another model, file of edits, task or text is another sweep.
Json sweep_identity(const SteerOptions& options,
                    const Invocation& invocation,
                    const SteerSession& session) {
  Json identity =
      provenance(session.model,
                 {.command_line = "", .seed = invocation.common.seed, .prepend_bos = options.bos})
          .at("identity");
  identity["edits_hash"] = standing_interventions(session.model, options.edits)->hash();
  identity["task_hash"] = session.task.hash;
  identity["run"] = options.run;
  identity["perplexity_before"] = session.neutral.perplexity();
  identity["draws"] = options.draws;
  return identity;
}

std::string sweep_table(const std::vector<Json>& lines, const SweepAxis& axis) {
  const bool drawn = std::any_of(lines.begin(), lines.end(), [](const Json& line) {
    return line.at("random_low").is_number();
  });
  std::vector<Table::Column> columns{
      {axis.name, axis.name == "rank" ? 0 : 2}, {"effect"}, {"95 % low"}, {"95 % high"}};
  if (drawn) {
    columns.insert(columns.end(), {{"random low"}, {"random high"}});
  }
  columns.insert(columns.end(), {{"preferred"}, {"KL", 4}, {"perplexity", 2}});
  Table table(columns);
  for (const Json& line : lines) {
    std::vector<OrderedJson> cells{
        line[axis.name], line["effect"]["mean"], line["effect"]["low"], line["effect"]["high"]};
    if (drawn) {
      cells.insert(cells.end(), {line["random_low"], line["random_high"]});
    }
    cells.insert(cells.end(), {line["after"]["preferred"], line["kl"], line["perplexity"]});
    table.row(std::move(cells));
  }
  return table.text();
}

std::vector<Json> by_place(std::vector<Json> lines, const std::string& over) {
  std::stable_sort(lines.begin(), lines.end(), [&](const Json& a, const Json& b) {
    return a[over].get<double>() < b[over].get<double>();
  });
  return lines;
}

void measure_at(double place,
                const SweepAxis& axis,
                const SteerSession& session,
                const SteerEvalOptions& options,
                SteerSweepLog& log) {
  if (log.has(place)) {
    return;
  }
  const ControlEdits here = edits_at(session, axis, place);
  log.add(place,
          evaluate_edits(
              session.model, here.edits, here.named, session.task, session.neutral, options));
}

}  // namespace

void steer_sweep(const SteerOptions& options, const Invocation& invocation) {
  const SweepAxis axis = sweep_axis(options);
  const IfExists if_exists = options.resume      ? IfExists::resume
                             : options.overwrite ? IfExists::replace
                                                 : IfExists::fail;
  const std::string chart =
      options.out.empty() ? ""
                          : std::filesystem::path(options.out).replace_extension(".svg").string();
  if (!chart.empty()) {
    check_output_file(options.out);
    check_output_file(chart);
    check_replaceable(chart, kSvgPicture);
  }
  const WriterClaim claim(options.out);
  catch_interrupts();
  const SteerSession session = open_steer_session(options, invocation);
  SteerSweepLog log(
      options.out, sweep_identity(options, invocation, session), {if_exists, axis.name});
  Progress bar(std::ssize(axis.places), {.label = "steer sweep", .unit = axis.name + "s"});
  const SteerEvalOptions each{.draws = std::max<std::int64_t>(options.draws, 0),
                              .seed = invocation.common.seed,
                              .stop = interrupted};
  for (const double place : axis.places) {
    measure_at(place, axis, session, each, log);
    bar.add();
    if (interrupted()) {
      throw Interrupted();
    }
  }
  const std::vector<Json> lines = by_place(log.lines(), axis.name);
  if (!chart.empty()) {
    write_file(chart,
               steer_chart_svg(lines,
                               {.over = axis.name,
                                .model = options.words[0],
                                .edits = options.edits,
                                .task = options.task,
                                .items = session.task.items.size()}));
  }
  show(invocation, {{axis.name + "s", lines}}, sweep_table(lines, axis));
}

}  // namespace headscope
