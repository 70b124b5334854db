// headscope steer eval.
#include "analyses/steering/steer_eval.h"

#include <algorithm>

#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/progress.h"
#include "cli/render/table.h"
#include "cli/steer/steer_session.h"
#include "hooks/intervention_json.h"

namespace headscope {
namespace {

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

// Of one file of other edits: its name and what they did.
using NamedRival = std::pair<std::string, SteerRival>;

std::vector<NamedRival> rivals_of(const SteerOptions& options,
                                  const SteerSession& session,
                                  const SteerEval& eval,
                                  std::uint64_t seed) {
  std::vector<NamedRival> rivals;
  for (const std::string& file : options.against) {
    rivals.emplace_back(
        file,
        evaluate_rival(
            session.model, read_interventions(file), eval, session.task, session.neutral, seed));
  }
  return rivals;
}

std::string rivals_text(const std::vector<NamedRival>& rivals) {
  if (rivals.empty()) {
    return "";
  }
  Table table({{"against"},
               {"effect"},
               {"low"},
               {"high"},
               {"ours − theirs"},
               {"low"},
               {"high"},
               {"KL", 4}});
  for (const auto& [file, rival] : rivals) {
    table.row({file,
               cell_of(rival.effect.mean),
               cell_of(rival.effect.low),
               cell_of(rival.effect.high),
               cell_of(rival.more.mean),
               cell_of(rival.more.low),
               cell_of(rival.more.high),
               cell_of(rival.side.kl)});
  }
  return "\n" + table.text();
}

OrderedJson rivals_json(const std::vector<NamedRival>& rivals) {
  OrderedJson list = OrderedJson::array();
  for (const auto& [file, rival] : rivals) {
    OrderedJson one{{"edits", file}};
    one.update(to_json(rival));
    list.push_back(std::move(one));
  }
  return list;
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

}  // namespace

void steer_eval(const SteerOptions& options, const Invocation& invocation) {
  catch_interrupts();
  const SteerSession session = open_steer_session(options, invocation);
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
  const std::vector<NamedRival> rivals = rivals_of(options, session, eval, invocation.common.seed);
  if (!rivals.empty()) {
    json["against"] = rivals_json(rivals);
  }
  show(invocation, json, eval_text(eval, session.task.items.size()) + rivals_text(rivals));
}

}  // namespace headscope
