#include "hooks/intervention_words.h"

#include <set>

#include <fmt/ranges.h>

#include "lib/base/error.h"

namespace headscope {
namespace {

std::string values_words(const InterventionValues& values) {
  if (values.file) {
    return fmt::format("the values of {}", values.file->path.string());
  }
  if (!values.trace.empty()) {
    return values.prompt ? fmt::format("what prompt \"{}\" of {} has at the same position",
                                       *values.prompt,
                                       values.trace.string())
                         : fmt::format("the mean over {}", values.trace.string());
  }
  return values.name.empty() ? fmt::format("{} numbers", fmt::join(values.shape, "×"))
                             : fmt::format("the values \"{}\"", values.name);
}

std::string strength_words(const Intervention& what) {
  if (!what.schedule) {
    return fmt::format("{}", what.factor);
  }
  const StrengthSchedule& schedule = *what.schedule;
  return schedule.kind == StrengthSchedule::Kind::decay
             ? fmt::format("{} · {}^step", schedule.from, schedule.rate)
             : fmt::format(
                   "{}, which becomes {} in {} steps", schedule.from, schedule.to, schedule.steps);
}

std::string bounds_words(const Intervention& what) {
  return what.low && what.high ? fmt::format("{} to {}", *what.low, *what.high)
         : what.low            ? fmt::format("at least {}", *what.low)
                               : fmt::format("at most {}", *what.high);
}

std::string sae_words(const Intervention& what) {
  const SaeChange& sae = *what.sae;
  const std::string attached =
      fmt::format("attaches the sparse autoencoder {} to {}{}",
                  sae.folder.string(),
                  what.site,
                  sae.error_term ? " with its error term" : "; what it does not explain is lost");
  const std::string codes = fmt::format("the codes of feature{} {}",
                                        sae.features.size() == 1 ? "" : "s",
                                        fmt::join(sae.features, ", "));
  const std::string value = fmt::format("{}", fmt::join(sae.value, ", "));
  switch (sae.act) {
    case SaeChange::Do::attach:
      return attached;
    case SaeChange::Do::ablate:
      return fmt::format("{}; sets {} to 0", attached, codes);
    case SaeChange::Do::clamp:
      return fmt::format("{}; sets {} to {}", attached, codes, value);
    case SaeChange::Do::scale:
      return fmt::format("{}; multiplies {} by {}", attached, codes, value);
    case SaeChange::Do::steer:
      return fmt::format("{}; adds {} to {}", attached, value, codes);
    case SaeChange::Do::patch:
      return fmt::format("{}; sets {} to those of {}", attached, codes, values_words(what.values));
  }
  throw InternalError("a change of codes without words");
}

// Of ops of attention scores and patterns; empty for others.
std::string attention_words(const Intervention& what) {
  const std::string& site = what.site;
  switch (what.op) {
    case Op::mask:
      return fmt::format("hides keys from queries at {}", site);
    case Op::bias:
      return fmt::format("adds {} to {}", strength_words(what), site);
    case Op::temperature:
      return fmt::format("divides {} by the temperature {}", site, what.factor);
    case Op::renormalize:
      return fmt::format("multiplies the weights behind {} by {} and renormalises them",
                         site,
                         strength_words(what));
    case Op::top_k:
      return fmt::format("keeps the {} largest weights of a query at {}", what.k, site);
    case Op::set_row:
      return fmt::format("sets a query's weights at {} to {}", site, values_words(what.values));
    case Op::calibrate_sinks:
      return fmt::format(
          "leaves sinks at {}, above a mean weight of {}, {} of their weight but for "
          "the first",
          site,
          what.threshold,
          what.factor);
    case Op::uniform:
      return fmt::format("lets queries attend alike to all keys they see at {}", site);
    default:
      return {};
  }
}

std::string does_words(const Intervention& what) {
  const std::string& site = what.site;
  switch (what.op) {
    case Op::zero:
      return fmt::format("sets {} to 0", site);
    case Op::mean:
    case Op::resample:
    case Op::replace:
      return fmt::format("puts {} in place of {}", values_words(what.values), site);
    case Op::scale:
      return fmt::format("multiplies {} by {}", site, strength_words(what));
    case Op::add:
      return fmt::format(
          "adds {} × ({}) to {}", values_words(what.values), strength_words(what), site);
    case Op::project_out:
      return fmt::format("takes the direction of {} out of {}", values_words(what.values), site);
    case Op::low_rank:
      return fmt::format("keeps of {} what lies along {}", site, values_words(what.values));
    case Op::clamp:
      return fmt::format("bounds {} to {}", site, bounds_words(what));
    case Op::sae:
      return sae_words(what);
    default:
      break;
  }
  std::string words = attention_words(what);
  if (words.empty()) {
    throw InternalError("an op without words");
  }
  return words;
}

std::string range_words(const IndexRange& range) {
  return range.to ? fmt::format("{} to before {}", range.from, *range.to)
                  : fmt::format("{} and on", range.from);
}

std::string set_words(const TokenSet& set) {
  std::vector<std::string> words;
  if (!set.positions.empty()) {
    words.push_back(fmt::format("at {}", fmt::join(set.positions, ", ")));
  }
  for (const IndexRange& range : set.ranges) {
    words.push_back("from " + range_words(range));
  }
  for (const std::string& span : set.spans) {
    words.push_back(fmt::format("of the span \"{}\"", span));
  }
  for (const std::string& text : set.texts) {
    words.push_back(fmt::format("of the text \"{}\"", text));
  }
  if (!set.tokens.empty()) {
    words.push_back(fmt::format("with the ids {}", fmt::join(set.tokens, ", ")));
  }
  return fmt::format("{}", fmt::join(words, " or "));
}

// "tokens of the prompt from 1 and on, except at 2"
std::string choice_words(const TokenChoice& choice, const char* things) {
  if (choice.everything()) {
    return {};
  }
  std::string words = fmt::format("{}{}",
                                  things,
                                  choice.phase == Phase::prefill  ? " of the prompt"
                                  : choice.phase == Phase::decode ? " that the model writes"
                                                                  : "");
  if (choice.steps) {
    words += fmt::format(" in steps {}", range_words(*choice.steps));
  }
  if (choice.positions) {
    words += " " + set_words(*choice.positions);
  }
  if (choice.except) {
    words += ", except " + set_words(*choice.except);
  }
  return words;
}

std::string pair_words(const AttentionPair& pair) {
  const auto end = [](const std::optional<std::int64_t>& at) {
    return at ? std::to_string(*at) : std::string("all");
  };
  return fmt::format("{}→{}", end(pair.query), end(pair.key));
}

std::string where_words(const Selection& where) {
  std::vector<std::string> words;
  const auto add = [&](const char* name, const std::optional<std::vector<std::int64_t>>& list) {
    if (list) {
      words.push_back(fmt::format("{} {}", name, fmt::join(*list, ", ")));
    }
  };
  add("heads", where.heads);
  add("KV heads", where.kv_heads);
  add("prompts", where.prompts);
  add("positions", where.positions);
  if (where.pairs) {
    std::vector<std::string> pairs;
    for (const AttentionPair& pair : *where.pairs) {
      pairs.push_back(pair_words(pair));
    }
    words.push_back(fmt::format("pairs {}", fmt::join(pairs, ", ")));
  }
  for (const std::string& more :
       {choice_words(where.apply, "tokens"), choice_words(where.keys, "keys")}) {
    if (!more.empty()) {
      words.push_back(more);
    }
  }
  return fmt::format("{}", fmt::join(words, "; "));
}

std::string condition_words(const HeadCondition& condition) {
  const std::string name(to_string(condition.statistic));
  return fmt::format(
      "where {}{}{}",
      name,
      condition.above ? fmt::format(" is above {}", *condition.above) : "",
      condition.below
          ? fmt::format("{} is below {}", condition.above ? " and" : "", *condition.below)
          : "");
}

std::string points_words(std::size_t count, const std::set<std::int64_t>& layers) {
  const std::string points = fmt::format("{} hook point{}", count, count == 1 ? "" : "s");
  return layers.empty() ? points
                        : fmt::format("{}, layer{} {}",
                                      points,
                                      layers.size() == 1 ? "" : "s",
                                      fmt::join(layers, ", "));
}

}  // namespace

std::vector<InterventionWords> in_words(const InterventionPlan& plan) {
  std::vector<InterventionWords> all;
  for (std::size_t step = 0; step < plan.size(); ++step) {
    const Intervention& what = plan.step(step).what;
    std::set<std::int64_t> layers;
    const std::vector<HookPoint> points = plan.points(step);
    InterventionWords words{
        .does = does_words(what), .where = where_words(what.where), .points = {}};
    for (const HookPoint point : points) {
      if (point.layer != kNoLayer) {
        layers.insert(point.layer);
      }
      if ((point.site == Site::attn_scores && !plan.changes_scores_fused(point.layer)) ||
          point.site == Site::pattern) {
        words.forms_scores.push_back(point.layer);
      } else if (point.site == Site::result) {
        words.forms_results.push_back(point.layer);
      }
    }
    if (what.when) {
      words.where += (words.where.empty() ? "" : "; ") + condition_words(*what.when);
    }
    words.points = points_words(points.size(), layers);
    all.push_back(std::move(words));
  }
  return all;
}

}  // namespace headscope
