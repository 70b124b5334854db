#include "analyses/steering/steer_sweep.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "hooks/stored_values.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr FileKind kSweepLog{.format = "headscope-steer-sweep",
                             .version = 1,
                             .noun = "sweep of steer",
                             .source = "`headscope steer sweep` makes one; choose another -o",
                             .again = "start again with --overwrite",
                             .form = FileKind::Form::lines};
constexpr std::size_t kMostStrengths = 1000;

std::vector<double> numbers_of(const std::string& text, char separator) {
  std::vector<double> numbers;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    double number = 0.0;
    const auto [stop, error] = std::from_chars(text.data() + at, text.data() + end, number);
    if (error != std::errc() || stop != text.data() + end || !std::isfinite(number)) {
      throw UsageError(
          "--strength {}: give FIRST:LAST:STEP, for example -2:2:0.5, or numbers with "
          "commas between",
          text);
    }
    numbers.push_back(number);
    at = end + 1;
  }
  return numbers;
}

OrderedJson line_of(const std::string& over, double place, const SteerEval& eval) {
  OrderedJson line{{over, place}};
  line.update(to_json(eval));
  return line;
}

// The same keys with values of the same kinds; null stands for a number that is not finite.
bool is_like(const Json& found, const Json& form) {
  const auto numeric = [](const Json& json) { return json.is_number() || json.is_null(); };
  if (!form.is_object()) {
    return numeric(form) ? numeric(found) : found.type() == form.type();
  }
  if (!found.is_object() || found.size() != form.size()) {
    return false;
  }
  for (const auto& [key, value] : form.items()) {
    if (!found.contains(key) || !is_like(found.at(key), value)) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::vector<Intervention> at_strength(const std::vector<Intervention>& edits, double strength) {
  std::vector<Intervention> out = edits;
  for (Intervention& edit : out) {
    switch (edit.op) {
      case Op::add:
      case Op::bias:
        edit.factor *= strength;
        break;
      case Op::temperature:
      case Op::renormalize:
        edit.factor = std::pow(edit.factor, strength);
        break;
      case Op::scale:
      case Op::calibrate_sinks:
        edit.factor = 1.0 + strength * (edit.factor - 1.0);
        break;
      case Op::zero:
        edit.op = Op::scale;
        edit.factor = 1.0 - strength;
        break;
      default:
        throw UsageError(
            "{}: op \"{}\" has no strength; add, bias, scale, zero, temperature, "
            "renormalize and calibrate_sinks have one",
            edit.site,
            to_string(edit.op));
    }
  }
  return out;
}

std::vector<double> parse_strengths(const std::string& text) {
  if (text.find(':') == std::string::npos) {
    return numbers_of(text, ',');
  }
  const std::vector<double> range = numbers_of(text, ':');
  const double steps = range.size() == 3 ? (range[1] - range[0]) / range[2] : -1.0;
  if (!(steps >= 0.0) || !(steps < static_cast<double>(kMostStrengths))) {
    throw UsageError("--strength {}: FIRST:LAST:STEP, a step towards LAST and at most {} of them",
                     text,
                     kMostStrengths);
  }
  std::vector<double> strengths;
  for (int i = 0; i <= static_cast<int>(steps + 1e-9); ++i) {
    strengths.push_back(range[0] + i * range[2]);
  }
  return strengths;
}

ControlEdits at_rank(const Model& model,
                     const std::vector<Intervention>& edits,
                     std::int64_t rank) {
  ControlEdits out;
  for (const Intervention& edit : edits) {
    if (edit.op != Op::low_rank) {
      throw UsageError(
          "{}: op \"{}\" has no rank; low_rank has one", edit.site, to_string(edit.op));
    }
    for (const HookPoint point : edited_points(edit, model.config())) {
      const Tensor all = resolved_values(edit, point, {}, model.source().weights_hash).values;
      if (all.dim() < 2 || rank > all.size(-2)) {
        throw UsageError(
            "{}: --rank {}: the edits hold {} directions; fit them with a larger --rank",
            edit.site,
            rank,
            all.dim() < 2 ? 1 : all.size(-2));
      }
      Intervention here = edit;
      here.site = hook_name(point.site, point.layer);
      here.layers.reset();
      here.values = InterventionValues();
      here.values.name = here.site + " " + std::to_string(out.edits.size());
      out.named[here.values.name] = all.narrow(-2, 0, rank);
      out.edits.push_back(std::move(here));
    }
  }
  return out;
}

SteerSweepLog::SteerSweepLog(const std::filesystem::path& path,
                             const Json& identity,
                             const Options& options)
    : over_(options.over) {
  if (path.empty()) {
    return;
  }
  Json own = identity;
  if (over_ != "strength") {
    own["over"] = over_;
  }
  log_.emplace(path, kSweepLog, own, options.if_exists);
  const Json form = Json::parse(line_of(over_, 0.0, {}).dump());
  for (const Json& line : log_->found()) {
    if (!is_like(line, form) || !line.at(over_).is_number()) {
      log_->refuse_line(lines_.size());
    }
    lines_.push_back(line);
  }
}

bool SteerSweepLog::has(double place) const {
  return std::any_of(lines_.begin(), lines_.end(), [&](const Json& line) {
    return line.at(over_).get<double>() == place;
  });
}

void SteerSweepLog::add(double place, const SteerEval& eval) {
  lines_.push_back(Json::parse(line_of(over_, place, eval).dump()));
  if (log_) {
    log_->add(lines_.back());
  }
}

}  // namespace headscope
