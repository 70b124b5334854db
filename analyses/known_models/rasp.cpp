#include "analyses/known_models/rasp.h"

#include <algorithm>

#include "lib/base/error.h"

namespace headscope {

RaspProgram::RaspProgram(Shape shape) : shape_(std::move(shape)) {
  nodes_.push_back({.size = static_cast<std::int64_t>(shape_.words.size())});
  nodes_.push_back({.size = shape_.n_ctx, .varies = false});
}

RaspProgram::Variable RaspProgram::add(Node node) {
  node.varies = std::any_of(
      node.reads.begin(), node.reads.end(), [&](Variable read) { return nodes_.at(read).varies; });
  nodes_.push_back(std::move(node));
  return nodes_.size() - 1;
}

RaspProgram::Variable RaspProgram::map(Variable a,
                                       std::int64_t size,
                                       std::function<std::int64_t(std::int64_t)> f) {
  return add({.op = Op::map,
              .size = size,
              .reads = {a},
              .f = [f = std::move(f)](std::int64_t x, std::int64_t) { return f(x); }});
}

RaspProgram::Variable RaspProgram::map(Variable a,
                                       Variable b,
                                       std::int64_t size,
                                       std::function<std::int64_t(std::int64_t, std::int64_t)> f) {
  return add({.op = Op::map, .size = size, .reads = {a, b}, .f = std::move(f)});
}

RaspProgram::Variable RaspProgram::width(Variable keys, Variable queries, Select select) {
  const Variable share = add(
      {.op = Op::select_width, .size = 0, .reads = {keys, queries}, .select = std::move(select)});
  std::vector<double> between;  // of 1 / (1 + width), ascending
  for (std::int64_t width = shape_.n_ctx - 1; width > 0; --width) {
    const auto w = static_cast<double>(width);
    between.push_back((1.0 / (1.0 + w) + 1.0 / w) / 2.0);
  }
  const std::int64_t most = shape_.n_ctx - 1;
  const Variable wide = steps(share, between);
  nodes_[wide].f = [most](std::int64_t above, std::int64_t) { return most - above; };
  return wide;
}

RaspProgram::Variable RaspProgram::aggregate(Variable keys,
                                             Variable queries,
                                             Select select,
                                             Variable values) {
  return add({.op = Op::select_one,
              .size = nodes_.at(values).size,
              .reads = {keys, queries, values},
              .select = std::move(select)});
}

RaspProgram::Variable RaspProgram::share(
    Variable keys, Variable queries, Select select, Variable values, std::int64_t category) {
  return add({.op = Op::select_share,
              .size = 0,
              .reads = {keys, queries, values},
              .select = std::move(select),
              .category = category});
}

RaspProgram::Variable RaspProgram::steps(Variable share, std::vector<double> thresholds) {
  const auto size = static_cast<std::int64_t>(thresholds.size()) + 1;
  return add({.op = Op::steps,
              .size = size,
              .reads = {share},
              .f = [](std::int64_t above, std::int64_t) { return above; },
              .thresholds = std::move(thresholds)});
}

void RaspProgram::say(Variable output, std::vector<std::string> words) {
  output_ = output;
  said_ = std::move(words);
}

std::int64_t RaspProgram::word_id(const std::string& word) const {
  const auto found = std::find(shape_.words.begin(), shape_.words.end(), word);
  if (found == shape_.words.end()) {
    throw InternalError("a program's vocabulary lacks the word '{}'", word);
  }
  return found - shape_.words.begin();
}

double RaspProgram::value_at(Variable variable,
                             const std::vector<std::vector<double>>& values,
                             std::size_t at) const {
  const Node& node = nodes_[variable];
  const auto read = [&](std::size_t which, std::size_t position) {
    return static_cast<std::int64_t>(values[node.reads[which]][position]);
  };
  if (node.op == Op::map) {
    return static_cast<double>(node.f(read(0, at), read(node.reads.size() - 1, at)));
  }
  if (node.op == Op::steps) {
    const double share = values[node.reads[0]][at];
    const auto above = std::count_if(node.thresholds.begin(),
                                     node.thresholds.end(),
                                     [&](double threshold) { return share > threshold; });
    return static_cast<double>(node.f(above, 0));
  }
  double selected = 0, of_category = 0, sum = 0;
  const std::size_t end = shape_.visibility == Visibility::causal ? at + 1 : values[0].size();
  for (std::size_t key = 1; key < end; ++key) {
    if (node.select(read(0, key), read(1, at))) {
      selected += 1;
      sum += node.op == Op::select_width ? 0.0 : values[node.reads[2]][key];
      of_category += node.op == Op::select_share && read(2, key) == node.category;
    }
  }
  return node.op == Op::select_width ? 1.0 / (1.0 + selected)
         : node.op == Op::select_one ? sum / selected
                                     : of_category / selected;
}

std::string RaspProgram::run(const std::vector<std::string>& prompt) const {
  const std::size_t length = prompt.size() + 1;
  std::vector<std::vector<double>> values(nodes_.size(), std::vector<double>(length, 0.0));
  for (std::size_t at = 1; at < length; ++at) {
    values[0][at] = static_cast<double>(word_id(prompt[at - 1]));
    values[1][at] = static_cast<double>(at);
  }
  for (Variable variable = 2; variable < nodes_.size(); ++variable) {
    for (std::size_t at = 1; at < length; ++at) {
      values[variable][at] = value_at(variable, values, at);
    }
  }
  return said_.at(static_cast<std::size_t>(values[output_].back()));
}

}  // namespace headscope
