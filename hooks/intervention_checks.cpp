#include "hooks/intervention_checks.h"

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

bool needs_values(Op op) {
  return op == Op::mean || op == Op::resample || op == Op::add || op == Op::replace ||
         op == Op::project_out || op == Op::low_rank || op == Op::set_row;
}

// What op "sae" brings, before its file is read.
void check_sae_change(const Intervention& what) {
  const SaeChange& sae = *what.sae;
  const std::string_view act = to_string(sae.act);
  const bool attaches = sae.act == SaeChange::Do::attach;
  if (attaches == !sae.features.empty()) {
    throw UsageError(
        "{}: op \"sae\": {}",
        what.site,
        attaches
            ? "\"features\" without \"do\"; say what becomes of them: ablate, clamp, scale, steer "
              "or patch"
            : fmt::format("\"do\": \"{}\" needs \"features\", their numbers", act));
  }
  const bool has_value = sae.act == SaeChange::Do::clamp || sae.act == SaeChange::Do::scale ||
                         sae.act == SaeChange::Do::steer;
  if (has_value == sae.value.empty()) {
    throw UsageError("{}: op \"sae\": \"do\": \"{}\" {} \"value\"",
                     what.site,
                     act,
                     has_value ? "needs" : "takes no");
  }
  if (sae.value.size() > 1 && sae.value.size() != sae.features.size()) {
    throw UsageError("{}: op \"sae\": {} values for {} features; give one for all, or one each",
                     what.site,
                     sae.value.size(),
                     sae.features.size());
  }
  if (what.where.heads || what.where.kv_heads || what.when) {
    throw UsageError(
        "{}: op \"sae\": a feature is of all heads together; leave \"heads\" and \"when\" "
        "out",
        what.site);
  }
}

// Numbers that an op has a range for.
void check_ranges(const Intervention& what) {
  const auto refuse = [&](const char* name, const std::string& range) {
    throw UsageError("{}: op \"{}\": {} is not {}", what.site, to_string(what.op), name, range);
  };
  const StrengthSchedule* schedule = what.schedule ? &*what.schedule : nullptr;
  const bool linear = schedule != nullptr && schedule->kind == StrengthSchedule::Kind::linear;
  const bool positive = schedule == nullptr ? what.factor > 0
                        : linear            ? schedule->from > 0 && schedule->to > 0
                                            : schedule->from > 0 && schedule->rate > 0;
  if ((what.op == Op::temperature || what.op == Op::renormalize) && !positive) {
    refuse(what.op == Op::temperature ? "temperature" : "factor", "above 0");
  }
  if (what.op == Op::calibrate_sinks && (what.factor < 0 || what.factor > 1)) {
    refuse("factor", "the share of a sink's weight that stays, from 0 to 1");
  }
  if (what.op == Op::top_k && what.k < 1) {
    refuse("k", "at least 1");
  }
}

bool has_strength(Op op) {
  return op == Op::scale || op == Op::add || op == Op::bias || op == Op::renormalize;
}

// Of what a query does with all the keys it sees.
bool is_of_rows(Op op) {
  return op == Op::temperature || op == Op::top_k || op == Op::set_row || op == Op::calibrate_sinks;
}

bool is_of_patterns(Op op) {
  return op == Op::uniform || op == Op::top_k || op == Op::set_row || op == Op::calibrate_sinks;
}

// "batch×pos×4 (head)×8 (d_head)"
std::string shape_words(const std::vector<Axis>& axes, const ModelConfig& config) {
  std::vector<std::string> words;
  for (const Axis axis : axes) {
    const auto size = axis_size(axis, config);
    words.push_back(size ? fmt::format("{} ({})", *size, to_string(axis))
                         : std::string(to_string(axis)));
  }
  return fmt::format("{}", fmt::join(words, "×"));
}

}  // namespace

void check_op(const Intervention& what) {
  if ((what.op == Op::sae) != what.sae.has_value()) {
    throw UsageError("{}: op \"{}\" {} a sparse autoencoder",
                     what.site,
                     to_string(what.op),
                     what.sae ? "takes no" : "needs");
  }
  if (what.sae) {
    check_sae_change(what);
  }
  const std::string_view op = to_string(what.op);
  const InterventionValues& values = what.values;
  const bool needs = needs_values(what.op) || (what.sae && what.sae->act == SaeChange::Do::patch);
  if (needs && values.empty()) {
    throw UsageError("{}: op \"{}\" needs values", what.site, op);
  }
  if (!needs && !values.empty()) {
    throw UsageError("{}: op \"{}\" takes no values", what.site, op);
  }
  if (what.op == Op::mean && (values.prompt || values.file || !values.numbers.empty())) {
    throw UsageError(
        "{}: op \"mean\" takes the mean of a trace; for one prompt's value use "
        "\"resample\", for numbers or a file of them \"replace\"",
        what.site);
  }
  if (what.op == Op::resample && !values.prompt && values.name.empty()) {
    throw UsageError("{}: op \"resample\" needs a trace and the id of a prompt in it", what.site);
  }
  if (what.op == Op::clamp && !what.low && !what.high) {
    throw UsageError("{}: op \"clamp\" needs low, high or both", what.site);
  }
  if (what.op == Op::clamp && what.low && what.high && *what.low > *what.high) {
    throw UsageError("{}: op \"clamp\": low {} is above high {}", what.site, *what.low, *what.high);
  }
  if (what.schedule && !has_strength(what.op)) {
    throw UsageError("{}: op \"{}\" has no strength", what.site, op);
  }
  check_ranges(what);
}

void check_op_at(const Intervention& what, HookPoint point) {
  if (what.when && point.site != Site::z && point.site != Site::result &&
      point.site != Site::pattern) {
    throw UsageError(
        "{}: \"when\" is of what a head attends to at each query: its sites are hook_z, "
        "hook_result "
        "and hook_pattern",
        hook_name(point.site, point.layer));
  }
  if (what.schedule && token_axis(point.site) < 0) {
    throw UsageError("{}: has no position axis, so its strength cannot change with the step",
                     hook_name(point.site, point.layer));
  }
  const std::string name = hook_name(point.site, point.layer);
  if (changes_scores_fused(what.op) && point.site != Site::attn_scores) {
    throw UsageError(
        "{}: op \"{}\" is of pairs of query and key before the softmax: its site is "
        "hook_attn_scores",
        name,
        to_string(what.op));
  }
  if (is_of_patterns(what.op) && point.site != Site::pattern) {
    throw UsageError("{}: op \"{}\" is of what a query attends to: its site is hook_pattern",
                     name,
                     to_string(what.op));
  }
  if (is_of_rows(what.op) && (what.where.pairs || !what.where.keys.everything())) {
    throw UsageError(
        "{}: op \"{}\" is of all keys that a query sees; choose queries by \"apply\", no pairs and "
        "no "
        "keys",
        name,
        to_string(what.op));
  }
  if (holds_numbers(point.site)) {
    throw UsageError("{}: its values are numbers of things, which no op changes",
                     hook_name(point.site, point.layer));
  }
}

void check_values_fit(const Intervention& what,
                      HookPoint point,
                      const ResolvedValues& stored,
                      const ModelConfig& config) {
  if (what.op == Op::set_row) {  // weights of as many tokens as are given
    return;
  }
  const std::vector<Axis>& axes = info(point.site).axes;
  const bool by_position = stored.along == ResolvedValues::Along::positions;
  auto have = stored.values.sizes().vec();
  if (by_position) {  // [position, …]: what follows is that of one position
    have.erase(have.begin());
  } else if (what.op == Op::low_rank) {  // a projection [(heads,) d, d]
    have.pop_back();
  }
  const std::size_t room = axes.size() - (by_position ? 2 : 0);
  bool fits = by_position ? have.size() == room : have.size() <= room;
  for (std::size_t i = 1; fits && i <= have.size(); ++i) {
    const std::int64_t size = have[have.size() - i];
    const auto wanted = axis_size(axes[axes.size() - i], config);
    fits = !wanted || size == *wanted || (!by_position && size == 1 && what.op != Op::low_rank);
  }
  if (!fits) {
    throw UsageError("{}: op \"{}\": values of shape {}{} do not fit {}",
                     hook_name(point.site, point.layer),
                     to_string(what.op),
                     fmt::join(have, "×"),
                     by_position ? " a position" : "",
                     shape_words(axes, config));
  }
}

}  // namespace headscope
