#include "hooks/edits.h"

#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {

Edits::Edits(const std::vector<Intervention>& interventions,
             NamedValues values,
             std::optional<Tokenizer> tokenizer)
    : values_(std::move(values)), tokenizer_(std::move(tokenizer)) {
  for (const Intervention& what : interventions) {
    steps_.push_back({what});
  }
}

Edits::Place::Place(Edits& edits, std::string pattern, Selection selection)
    : edits_(edits), pattern_(std::move(pattern)), selection_(std::move(selection)) {}

void Edits::Place::push(Intervention what) {
  what.site = pattern_;
  what.where = selection_;
  edits_.steps_.push_back({std::move(what)});
}

void Edits::Place::push(Intervention what, const Tensor& values) {
  what.values.name = fmt::format("values {}", edits_.values_.size());
  edits_.values_[what.values.name] = values;
  push(std::move(what));
}

void Edits::Place::apply(Function function) {
  edits_.steps_.push_back({{.site = pattern_, .where = selection_}, std::move(function)});
}

void Edits::Place::scale(double factor) {
  push({.site = {}, .op = Op::scale, .factor = factor});
}

void Edits::Place::zero() {
  push({.site = {}, .op = Op::zero});
}

void Edits::Place::add(const Tensor& values, double factor) {
  push({.site = {}, .op = Op::add, .factor = factor}, values);
}

void Edits::Place::replace(const Tensor& values) {
  push({.site = {}, .op = Op::replace}, values);
}

void Edits::Place::project_out(const Tensor& direction) {
  push({.site = {}, .op = Op::project_out}, direction);
}

void Edits::Place::clamp(std::optional<double> low, std::optional<double> high) {
  push({.site = {}, .op = Op::clamp, .low = low, .high = high});
}

void Edits::Place::mask() {
  push({.site = {}, .op = Op::mask});
}

void Edits::Place::bias(double add) {
  push({.site = {}, .op = Op::bias, .factor = add});
}

void Edits::Place::low_rank(const Tensor& directions) {
  push({.site = {}, .op = Op::low_rank}, directions);
}

void Edits::Place::temperature(double of) {
  push({.site = {}, .op = Op::temperature, .factor = of});
}

void Edits::Place::renormalize(double factor) {
  push({.site = {}, .op = Op::renormalize, .factor = factor});
}

void Edits::Place::top_k(std::int64_t k) {
  push({.site = {}, .op = Op::top_k, .k = k});
}

void Edits::Place::set_row(const Tensor& weights) {
  push({.site = {}, .op = Op::set_row}, weights);
}

void Edits::Place::calibrate_sinks(double threshold, double factor) {
  push({.site = {}, .op = Op::calibrate_sinks, .factor = factor, .threshold = threshold});
}

void Edits::Place::uniform() {
  push({.site = {}, .op = Op::uniform});
}

Edits::Place Edits::at(std::string pattern, Selection selection) {
  return {*this, std::move(pattern), std::move(selection)};
}

std::vector<Intervention> Edits::interventions() const {
  std::vector<Intervention> list;
  for (const EditStep& step : steps_) {
    if (step.function) {
      throw UsageError("{}: a function of C++ is no data; use one of the ops", step.what.site);
    }
    list.push_back(step.what);
    const auto found = values_.find(step.what.values.name);
    if (found != values_.end()) {  // a file knows no names of ours: the numbers themselves
      InterventionValues& values = list.back().values;
      const Tensor numbers = found->second.to(at::kCPU, at::kDouble).contiguous();
      values = {};
      values.shape = numbers.sizes().vec();
      values.numbers.assign(numbers.const_data_ptr<double>(),
                            numbers.const_data_ptr<double>() + numbers.numel());
    }
  }
  return list;
}

std::int64_t Edits::fired(std::size_t index) const {
  return plan_ == nullptr ? 0 : plan_->fired(index);
}

void Edits::begin(const ModelConfig& config) {
  plan_ =
      std::make_shared<const InterventionPlan>(steps_, values_, config, std::string(), tokenizer_);
  tap_.emplace(plan_);
  tap_->begin(config);
  firing_.expect(plan_->points());
  first_ = true;
}

void Edits::end() {
  firing_.check();
  if (whole_) {
    plan_->check_fired();
  }
}

void Edits::meet(const Visit& visit) {
  firing_.count(visit.point);
  if (first_) {
    first_ = false;
    whole_ = visit.layout.past == 0 && visit.layout.prompts.empty();
  }
}

Tensor Edits::visit(const Visit& visit, const Tensor& value) {
  meet(visit);
  return tap_->visit(visit, value);
}

void Edits::change_scores(const Visit& visit, AttentionInputs& in) {
  meet(visit);
  tap_->change_scores(visit, in);
}

}  // namespace headscope
