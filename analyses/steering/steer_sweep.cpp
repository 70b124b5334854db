#include "analyses/steering/steer_sweep.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr FileKind kSweepLog{.format = "headscope-steer-sweep",
                             .version = 1,
                             .noun = "sweep over strengths",
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

SteerSweepLog::SteerSweepLog(const std::filesystem::path& path,
                             const Json& identity,
                             IfExists if_exists) {
  if (path.empty()) {
    return;
  }
  log_.emplace(path, kSweepLog, identity, if_exists);
  for (const Json& line : log_->found()) {
    if (!line.contains("strength") || !line["strength"].is_number()) {
      log_->refuse_line(lines_.size());
    }
    lines_.push_back(line);
  }
}

bool SteerSweepLog::has(double strength) const {
  return std::any_of(lines_.begin(), lines_.end(), [&](const Json& line) {
    return line.at("strength").get<double>() == strength;
  });
}

void SteerSweepLog::add(double strength, const SteerEval& eval) {
  OrderedJson line{{"strength", strength}};
  line.update(to_json(eval));
  lines_.push_back(Json::parse(line.dump()));
  if (log_) {
    log_->add(lines_.back());
  }
}

}  // namespace headscope
