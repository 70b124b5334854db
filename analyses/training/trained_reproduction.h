// Published results about models trained on tasks made for the purpose: the same models trained
// here, smaller, and the same questions asked of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "analyses/head_detectors/published.h"
#include "analyses/training/train_run.h"

namespace headscope {

// The models of a reproduction, where they lie.
class TrainedModels {
 public:
  explicit TrainedModels(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // By the name of a spec of the program's own.
  [[nodiscard]] Model at_end(const std::string& spec) const;
  [[nodiscard]] Model at_step(const std::string& spec, std::int64_t step) const;
  [[nodiscard]] std::vector<TrainLine> log(const std::string& spec) const;
  [[nodiscard]] std::filesystem::path folder_of(const std::string& spec) const {
    return folder_ / spec;
  }

 private:
  std::filesystem::path folder_;
};

// Numbers over a number: panels below each other.
struct TrainedCurves {
  std::string caption;
  std::string x_axis;
  struct Panel {
    std::string y_axis;
    std::vector<std::pair<double, double>> points;
  };
  std::vector<Panel> panels;
};

struct TrainedFindings {
  std::vector<Measured> measured;
  std::vector<ResultTable> tables;
  std::vector<TrainedCurves> curves;
};

struct TrainedReproduction {
  std::string name;
  std::string title;
  std::string source;
  std::vector<std::string> specs;          // what is trained; empty: `measure` fits what it needs
  std::vector<PublishedNumber> published;  // what was said, and which quantity is the same here
  std::function<TrainedFindings(const TrainedModels&)> measure;
};

// The list, in trained_reproductions.cpp: bigram-backcopy, mqar, modular-addition, random-features.
std::span<const TrainedReproduction> all_trained_reproductions();
const TrainedReproduction* find_trained_reproduction(const std::string& name);  // null: none

TrainedReproduction backcopy_reproduction();
TrainedReproduction mqar_reproduction();
TrainedReproduction addition_reproduction();
TrainedReproduction random_features_reproduction();

struct TrainedResult {
  const TrainedReproduction* what = nullptr;
  TrainedFindings found;
};

struct TrainedRunOptions {
  std::filesystem::path folder;  // of the models; those finished or begun there are gone on with
  Device device;
  std::string command_line;
  std::function<void(const std::string& spec, std::int64_t done, std::int64_t total)> progress = {};
  std::function<bool()> stop = {};
};

// Trains what is not trained yet, then measures, on the CPU. Throws as train_model() does.
TrainedResult reproduce_trained(const TrainedReproduction& what, const TrainedRunOptions& options);

}  // namespace headscope
