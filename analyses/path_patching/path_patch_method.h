// Path patching as a request: what each sender does through its direct paths to receivers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "analyses/path_patching/path_runner.h"
#include "analyses/sweep/sweep_method.h"

namespace headscope {

class PathPatchMethod final : public SweepMethod {
 public:
  [[nodiscard]] std::string kind() const override { return "path-patch"; }
  RequestFields fields() override;
  void open() override;
  [[nodiscard]] std::string title() const override;
  [[nodiscard]] Json identity() const override;
  SweepSpec spec(const Model& model, const Task& task) override;

 private:
  [[nodiscard]] PathOptions path_options(const ModelConfig& config) const;
  [[nodiscard]] std::string receivers_text() const;
  [[nodiscard]] Run into() const { return other_run(parse_run(from_)); }

  std::vector<std::string> receivers_;
  std::string senders_ = "heads,mlps";
  std::string freeze_mlps_ = "no";
  std::string receiver_positions_ = "all";
  std::string from_ = "corrupted";
  std::unique_ptr<const OtherRun> source_;
  std::unique_ptr<const Paths> paths_;
};

}  // namespace headscope
