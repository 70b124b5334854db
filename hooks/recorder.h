// Keeps what it is told to watch, in memory.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "hooks/firing.h"
#include "lib/model/tap.h"

namespace headscope {

class Recorder final : public Tap {
 public:
  // Hook names, aliases or globs (hooks/address.h), resolved when a pass begins.
  explicit Recorder(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {}
  Recorder(std::initializer_list<const char*> patterns)
      : patterns_(patterns.begin(), patterns.end()) {}

  // −1: keep the axis.
  struct Index {
    std::int64_t prompt = -1;  // padding is cut off too
    std::int64_t head = -1;
  };

  // The value of the latest pass, axes as info(site).axes says, where its layer lies. Chunks of
  // one pass are joined. UsageError, with the nearest names, if it was not recorded; for an index
  // out of range; for a head of a point without heads.
  [[nodiscard]] Tensor at(const std::string& name, Index index) const;
  [[nodiscard]] Tensor at(const std::string& name) const { return at(name, Index{}); }

  [[nodiscard]] std::vector<std::string> names() const;  // in forward order

  void begin(const ModelConfig& config) override;
  void end() override { firing_.check(); }
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return firing_.expects(point) ? Interest::observe : Interest::none;
  }
  Tensor visit(const Visit& visit, const Tensor& value) override;

 private:
  struct Recorded {
    HookPoint point;
    std::vector<Tensor> chunks;
  };
  [[nodiscard]] const Recorded& find(const std::string& name) const;

  std::vector<std::string> patterns_;
  std::vector<HookPoint> points_;
  Firing firing_;
  std::map<std::string, Recorded> values_;
  std::vector<std::int64_t> pads_;
};

}  // namespace headscope
