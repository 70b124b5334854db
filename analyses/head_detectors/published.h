// Published results about kinds of heads, and the same questions asked of the model at hand.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "analyses/head_detectors/atlas.h"

namespace headscope {

// A number of a paper, and the model it is of.
struct PublishedNumber {
  std::string what;        // "heads with a score of at least 0.1, %"
  std::string model;       // "Llama-2-7B-80K"
  std::string published;   // "3.2"
  std::string quantity{};  // what `measure` calls the same of any model; empty: not measured here
  // The shape that tells that model; a loaded one of another shape leaves its column empty.
  std::string family{};
  std::int64_t n_layers = 0, n_heads = 0, d_model = 0;
};
bool is_published_model(const PublishedNumber& number, const ModelConfig& config);

struct Measured {
  std::string quantity;
  double value = 0.0;
};

struct ResultTable {
  std::string caption;
  std::vector<std::string> columns;
  std::vector<std::vector<OrderedJson>> rows;
};

struct HeadRunOptions {
  std::vector<std::uint64_t> seeds{0, 1, 2};
  std::size_t confirm_heads = 5;
  int draws = 3;
  std::function<bool()> stop = {};
  std::function<void(const std::string& step, double part)> progress = {};
};

// A published result: which detectors ask its question, and what else is measured.
struct HeadReproduction {
  std::string name;
  std::string title;
  std::string source;
  std::vector<std::string> detectors;  // the first is the one the paper is about
  std::vector<PublishedNumber> numbers;
  std::function<std::vector<Measured>(const Model&, const Atlas&, const HeadRunOptions&)> measure;
  // Experiments beyond the detectors; empty: none.
  std::function<std::vector<ResultTable>(const Model&, const Atlas&, const HeadRunOptions&)> more{};
};

// induction, sinks, successor, retrieval.
std::span<const HeadReproduction> all_head_reproductions();
const HeadReproduction* find_head_reproduction(const std::string& name);  // null: none

struct HeadResult {
  const HeadReproduction* what = nullptr;
  Atlas atlas;  // its detectors' findings, confirmed
  std::vector<Measured> measured;
  std::vector<ResultTable> tables;
  bool stopped = false;
};

HeadResult reproduce_heads(const Model& model,
                           const HeadReproduction& what,
                           const HeadRunOptions& options);

}  // namespace headscope
