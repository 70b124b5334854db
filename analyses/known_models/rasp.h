// A small compiler of RASP programs (Weiss et al. 2021, arXiv:2106.06981; Lindner et al. 2023,
// arXiv:2301.05062) to transformers: every variable of the program has a space of the residual
// stream, every selector is a head's scores, every function a layer of neurons. An edge of the
// circuit is where one part writes a space that another reads.
//
// A program computes one number of each variable at each position behind the first, which begins
// the prompt and has none. Variables are categories 0 … size − 1, one-hot in the stream, or shares
// between 0 and 1.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "analyses/known_models/known_model.h"

namespace headscope {

class RaspProgram {
 public:
  using Variable = std::size_t;
  using Select = std::function<bool(std::int64_t key, std::int64_t query)>;

  struct Shape {
    std::vector<std::string> words;  // the first begins every prompt
    std::int64_t n_ctx = 1;
    Visibility visibility = Visibility::full;
  };
  explicit RaspProgram(Shape shape);

  [[nodiscard]] Variable tokens() const { return 0; }   // a word's place
  [[nodiscard]] Variable indices() const { return 1; }  // 1, 2, … behind the beginning

  // f of one or two categories; a layer of neurons looks it up.
  Variable map(Variable a, std::int64_t size, std::function<std::int64_t(std::int64_t)> f);
  Variable map(Variable a,
               Variable b,
               std::int64_t size,
               std::function<std::int64_t(std::int64_t, std::int64_t)> f);

  // How many positions the query selects: a head, and neurons that read its share of attention.
  Variable width(Variable keys, Variable queries, Select select);

  // The category of the one position that the query selects.
  Variable aggregate(Variable keys, Variable queries, Select select, Variable values);

  // The share of the selected positions that have `category`.
  Variable share(
      Variable keys, Variable queries, Select select, Variable values, std::int64_t category);

  // How many of `thresholds`, ascending, a share is above.
  Variable steps(Variable share, std::vector<double> thresholds);

  // What is said at a position: the word of each category of `output`.
  void say(Variable output, std::vector<std::string> words);

  // The program itself, straight from the definitions: the word at the last position.
  [[nodiscard]] std::string run(const std::vector<std::string>& prompt) const;

  // The same as a model, and its circuit. `items` must be filled by the caller.
  [[nodiscard]] KnownModelParts compile() const;

 private:
  enum class Op { input, map, select_width, select_one, select_share, steps };
  struct Node {
    Op op = Op::input;
    std::int64_t size = 1;  // categories; 0: a share
    std::vector<Variable> reads{};
    std::function<std::int64_t(std::int64_t, std::int64_t)> f{};
    Select select{};
    std::int64_t category = 0;
    std::vector<double> thresholds{};
    bool varies = true;  // with the words, not only with their number
  };
  Variable add(Node node);
  [[nodiscard]] double value_at(Variable variable,
                                const std::vector<std::vector<double>>& values,
                                std::size_t at) const;
  [[nodiscard]] std::int64_t word_id(const std::string& word) const;

  friend class RaspCompiler;
  Shape shape_;
  std::vector<Node> nodes_;
  Variable output_ = 0;
  std::vector<std::string> said_;
};

}  // namespace headscope
