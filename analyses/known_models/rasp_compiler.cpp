// From variables to spaces, heads and neurons.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "analyses/known_models/hand_made.h"
#include "analyses/known_models/rasp.h"

namespace headscope {
namespace {

constexpr double kSelected = 20.0;   // e^−20 of attention is nowhere to be seen
constexpr double kSteepness = 1000;  // a step is 1/1000 wide
constexpr double kSilence = 1e5;     // keeps neurons at 0 at the beginning of the prompt

}  // namespace

class RaspCompiler {
 public:
  explicit RaspCompiler(const RaspProgram& program) : program_(program) { place(); }

  KnownModelParts parts() {
    HandMadeModel model({.n_layers = n_layers_,
                         .n_heads = n_heads_,
                         .n_ctx = program_.shape_.n_ctx,
                         .visibility = program_.shape_.visibility},
                        program_.nodes_[0].size);
    spaces_ = {model.tokens(), model.positions()};
    for (std::size_t v = 2; v < program_.nodes_.size(); ++v) {
      spaces_.push_back(model.space(std::max<std::int64_t>(1, program_.nodes_[v].size)));
    }
    for (std::size_t v = 2; v < program_.nodes_.size(); ++v) {
      is_head(v) ? write_head(model, v) : write_neurons(model, v);
    }
    Relabelling said;
    for (std::size_t category = 0; category < program_.said_.size(); ++category) {
      said.emplace_back(static_cast<std::int64_t>(category),
                        program_.word_id(program_.said_[category]));
    }
    model.unembed(spaces_[program_.output_], said, 10.0);
    connect(program_.output_, "logits");
    KnownModelParts parts{model.config(), model.weights(), program_.shape_.words, {}, {}};
    parts.truth.edges = {edges_.begin(), edges_.end()};
    for (const std::string& edge : constant_) {
      if (!edges_.contains(edge)) {
        parts.truth.constant_edges.push_back(edge);
      }
    }
    return parts;
  }

 private:
  using Op = RaspProgram::Op;

  [[nodiscard]] bool is_head(std::size_t v) const {
    const Op op = program_.nodes_[v].op;
    return op == Op::select_width || op == Op::select_one || op == Op::select_share;
  }

  // A variable is there for attention of layer l from 2 l on, for its MLP from 2 l + 1 on.
  void place() {
    std::vector<std::int64_t> there(2, 0);
    layer_.assign(2, 0);
    head_.assign(2, 0);
    std::map<std::int64_t, std::int64_t> heads;
    for (std::size_t v = 2; v < program_.nodes_.size(); ++v) {
      std::int64_t from = 0;
      for (const std::size_t read : program_.nodes_[v].reads) {
        from = std::max(from, there[read]);
      }
      const std::int64_t layer = is_head(v) ? (from + 1) / 2 : from / 2;
      layer_.push_back(layer);
      head_.push_back(is_head(v) ? heads[layer]++ : 0);
      there.push_back(2 * layer + (is_head(v) ? 1 : 2));
      n_layers_ = std::max(n_layers_, layer + 1);
      n_heads_ = std::max(n_heads_, heads[layer]);
    }
  }

  [[nodiscard]] std::string writer(std::size_t v) const {
    return v < 2        ? "input"
           : is_head(v) ? fmt::format("a{}.h{}", layer_[v], head_[v])
                        : fmt::format("m{}", layer_[v]);
  }

  void connect(std::size_t variable, const std::string& reader) {
    const std::string from = writer(variable);
    if (from != reader) {  // a variable of the same layer's neurons is never read by them
      (program_.nodes_[variable].varies ? edges_ : constant_)
          .insert(fmt::format("{}->{}", from, reader));
    }
  }

  void write_head(HandMadeModel& model, std::size_t v) {
    const RaspProgram::Node& node = program_.nodes_[v];
    HandMadeHead& head = model.head(layer_[v], head_[v]);
    const std::string name = writer(v);
    const std::size_t keys = node.reads[0], queries = node.reads[1];
    for (std::int64_t query = 0; query < program_.nodes_[queries].size; ++query) {
      std::vector<std::int64_t> selected;
      for (std::int64_t key = keys < 2 ? 1 : 0; key < program_.nodes_[keys].size; ++key) {
        if (node.select(key, query)) {
          selected.push_back(spaces_[keys].at(key));
        }
      }
      head.seek_any(spaces_[queries].at(query), selected, kSelected);
    }
    head.prefer(0, node.op == Op::select_width ? kSelected : kSelected / 2);  // the beginning
    connect(keys, name + "<k>");
    connect(queries, name + "<q>");
    constant_.insert("input->" + name + "<k>");
    if (node.op == Op::select_width) {
      head.move(model.tokens().part(0, 1), spaces_[v]);
      constant_.insert("input->" + name + "<v>");
      return;
    }
    const std::size_t values = node.reads[2];
    connect(values, name + "<v>");
    if (node.op == Op::select_share) {
      head.move(spaces_[values].part(node.category, 1), spaces_[v]);
    } else {
      head.move(spaces_[values], spaces_[v]);
    }
  }

  void write_neurons(HandMadeModel& model, std::size_t v) {
    const RaspProgram::Node& node = program_.nodes_[v];
    for (const std::size_t read : node.reads) {
      connect(read, writer(v));
    }
    node.op == Op::steps ? write_steps(model, v) : write_lookup(model, v);
  }

  // A neuron for each category, or pair of them, that a position behind the first can have.
  void write_lookup(HandMadeModel& model, std::size_t v) {
    const RaspProgram::Node& node = program_.nodes_[v];
    const std::size_t a = node.reads.front(), b = node.reads.back();
    const bool two = node.reads.size() == 2;
    for (std::int64_t x = a < 2 ? 1 : 0; x < program_.nodes_[a].size; ++x) {
      for (std::int64_t y = b < 2 ? 1 : 0; y < (two ? program_.nodes_[b].size : 2); ++y) {
        const std::int64_t made = node.f(x, y);
        if (made < 0 || made >= node.size) {
          continue;  // no prompt has this pair
        }
        HandMadeNeuron neuron{.read = {{spaces_[a].at(x), 1.0}},
                              .bias = two ? -1.0 : 0.0,
                              .write = {{spaces_[v].at(made), 1.0}}};
        if (two) {
          neuron.read.emplace_back(spaces_[b].at(y), 1.0);
        }
        model.neuron(layer_[v], neuron);
        if (!two) {
          break;
        }
      }
    }
  }

  // Above a threshold the two neurons of a step differ by 1; the first step is always taken.
  void write_steps(HandMadeModel& model, std::size_t v) {
    const RaspProgram::Node& node = program_.nodes_[v];
    const std::int64_t share = spaces_[node.reads[0]].first;
    for (std::size_t step = 0; step <= node.thresholds.size(); ++step) {
      const auto category = static_cast<std::int64_t>(step);
      std::vector<std::pair<std::int64_t, double>> up{{spaces_[v].at(node.f(category, 0)), 1.0}};
      if (step > 0) {
        up.emplace_back(spaces_[v].at(node.f(category - 1, 0)), -1.0);
      }
      std::vector<std::pair<std::int64_t, double>> down = up;
      for (auto& [direction, weight] : down) {
        weight = -weight;
      }
      const double at = step == 0 ? -1.0 : node.thresholds[step - 1];
      for (const auto& [write, half] : {std::pair{up, 0.5}, {down, -0.5}}) {
        model.neuron(layer_[v],
                     {.read = {{share, kSteepness}, {0, -kSilence}},
                      .bias = -kSteepness * at + half,
                      .write = write});
      }
    }
  }

  const RaspProgram& program_;
  std::int64_t n_layers_ = 1, n_heads_ = 1;
  std::vector<std::int64_t> layer_, head_;
  std::vector<Space> spaces_;
  std::set<std::string> edges_, constant_;
};

KnownModelParts RaspProgram::compile() const {
  return RaspCompiler(*this).parts();
}

}  // namespace headscope
