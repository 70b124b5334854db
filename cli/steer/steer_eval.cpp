// headscope steer eval and sweep.
#include "analyses/steering/steer_eval.h"

#include <algorithm>
#include <filesystem>

#include "analyses/steering/steer_sweep.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/progress.h"
#include "cli/render/table.h"
#include "cli/steer/steer_chart.h"
#include "cli/steer/steer_options.h"
#include "hooks/intervention_json.h"
#include "hooks/provenance.h"
#include "hooks/standing_interventions.h"
#include "hooks/stored/writer_claim.h"
#include "lib/base/error.h"
#include "lib/base/output_file.h"
#include "lib/base/paths.h"
#include "lib/base/replaced_file.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

struct SteerSession {
  Model model;
  std::vector<Intervention> edits;
  SteerData task;
  NeutralText neutral;
};

SteerData of_run(SteerData task, const std::string& run) {
  for (SteerItem& item : task.items) {
    if (run == "corrupted" && !item.corrupted) {
      throw UsageError("{}: --run corrupted is of a task, whose items have two prompts", task.path);
    }
    if (run == "corrupted") {
      item.prompt = *item.corrupted;
    }
  }
  return task;
}

SteerSession open_session(const SteerOptions& options, const Invocation& invocation) {
  if (options.words.size() != 1 || options.edits.empty() || options.task.empty()) {
    throw UsageError("steer {} MODEL --edits edits.json --task FILE", options.what);
  }
  const std::vector<Intervention> edits = read_interventions(options.edits);
  const Model model = load_model(
      options.words[0], {.device = invocation.common.device, .dtype = invocation.common.dtype});
  return {model,
          edits,
          of_run(read_steer_data(options.task, model, options.bos), options.run),
          NeutralText(model, options.text, options.text_tokens)};
}

std::string interval(double mean, double low, double high) {
  return fmt::format("{} [{}, {}]", format_number(mean), format_number(low), format_number(high));
}

std::string verdict(const SteerEval& eval) {
  if (eval.random.size() < 2) {
    return "no random counterparts to judge by";
  }
  return eval.works() ? "the effect lies outside what random ones do"
                      : "no effect beyond what random ones do";
}

std::string eval_text(const SteerEval& eval, std::size_t items) {
  std::string random;
  std::string random_kl;
  if (eval.random.size() > 1) {
    random = fmt::format("{}, {} draws: {}",
                         eval.control,
                         eval.random.size(),
                         interval(mean_of(eval.random), eval.random_low, eval.random_high));
    random_kl = format_number(mean_of(eval.random_kl), 4);
  }
  return facts(
      {{"items", std::to_string(items)},
       {"score before", format_number(eval.before.score.mean)},
       {"score after", format_number(eval.after.score.mean)},
       {"preferred",
        fmt::format(
            "{} → {}", format_number(eval.before.preferred), format_number(eval.after.preferred))},
       {"effect", interval(eval.effect.mean, eval.effect.low, eval.effect.high)},
       {"random effect", random},
       {"KL on neutral text", format_number(eval.side.kl, 4)},
       {"KL of random ones", random_kl},
       {"perplexity",
        fmt::format(
            "{} → {}", format_number(eval.perplexity_before), format_number(eval.side.perplexity))},
       {"verdict", verdict(eval)}});
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

std::string sweep_table(const std::vector<Json>& lines) {
  Table table({{"strength", 2},
               {"effect"},
               {"95 % low"},
               {"95 % high"},
               {"preferred"},
               {"KL", 4},
               {"perplexity", 2}});
  for (const Json& line : lines) {
    table.row({line["strength"],
               line["effect"]["mean"],
               line["effect"]["low"],
               line["effect"]["high"],
               line["after"]["preferred"],
               line["kl"],
               line["perplexity"]});
  }
  return table.text();
}

std::vector<Json> by_strength(std::vector<Json> lines) {
  std::stable_sort(lines.begin(), lines.end(), [](const auto& a, const auto& b) {
    return a["strength"].template get<double>() < b["strength"].template get<double>();
  });
  return lines;
}

}  // namespace

void steer_eval(const SteerOptions& options, const Invocation& invocation) {
  catch_interrupts();
  const SteerSession session = open_session(options, invocation);
  const std::int64_t draws = options.draws < 0 ? 10 : options.draws;
  Progress bar(std::max<std::int64_t>(draws, 1), {.label = "steer eval", .unit = "draws"});
  const SteerEval eval = evaluate_edits(session.model,
                                        session.edits,
                                        {},
                                        session.task,
                                        session.neutral,
                                        {.draws = draws,
                                         .seed = invocation.common.seed,
                                         .progress = [&](double) { bar.add(); },
                                         .stop = interrupted});
  OrderedJson json{{"model", options.words[0]},
                   {"edits", options.edits},
                   {"task", options.task},
                   {"items", session.task.items.size()}};
  json.update(to_json(eval));
  show(invocation, json, eval_text(eval, session.task.items.size()));
}

void steer_sweep(const SteerOptions& options, const Invocation& invocation) {
  const std::vector<double> strengths = parse_strengths(options.strengths);
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
  const SteerSession session = open_session(options, invocation);
  SteerSweepLog log(options.out, sweep_identity(options, invocation, session), if_exists);
  Progress bar(std::ssize(strengths), {.label = "steer sweep", .unit = "strengths"});
  for (const double strength : strengths) {
    if (!log.has(strength)) {
      log.add(strength,
              evaluate_edits(session.model,
                             at_strength(session.edits, strength),
                             {},
                             session.task,
                             session.neutral,
                             {.draws = std::max<std::int64_t>(options.draws, 0),
                              .seed = invocation.common.seed,
                              .stop = interrupted}));
    }
    bar.add();
    if (interrupted()) {
      throw Interrupted();
    }
  }
  const std::vector<Json> lines = by_strength(log.lines());
  if (!chart.empty()) {
    write_file(chart, steer_chart_svg(lines));
  }
  show(invocation, {{"strengths", lines}}, sweep_table(lines));
}

}  // namespace headscope
