// Changes to a running model: replace, add, scale or zero values at any hook point, for some heads,
// positions or prompts.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hooks/firing.h"
#include "hooks/selection.h"
#include "lib/model/tap.h"

namespace headscope {

class Edits final : public Tap {
 public:
  // The whole value of a point (axes as info(site).axes says) → the edited one, of the same shape.
  using Function = std::function<Tensor(const Visit& visit, const Tensor& value)>;

  // What is done at the points one `at` names. Of the value returned or made, only the selected
  // part is taken; the rest stays bit for bit.
  class Place {
   public:
    void scale(double factor);
    void zero();
    // `values` broadcast against the point's axes, trailing axes aligned: [d_head] fits every head
    // and position of hook_z. A shape that does not fit is a UsageError naming both.
    void add(const Tensor& values);
    void replace(const Tensor& values);
    void apply(Function function);

   private:
    friend class Edits;
    Place(Edits& edits, std::string pattern, Selection selection);
    Edits& edits_;
    std::string pattern_;
    Selection selection_;
  };

  // Points by name, alias or glob (hooks/address.h). A pattern that names nothing, a head out of
  // range, or heads of a point without heads is a UsageError when the pass begins; a position
  // beyond a prompt when it is reached.
  Place at(std::string pattern, Selection selection = {});

  void begin(const ModelConfig& config) override;
  void end() override { firing_.check(); }
  [[nodiscard]] Interest wants(HookPoint point) const override {
    return firing_.expects(point) ? Interest::edit : Interest::none;
  }
  Tensor visit(const Visit& visit, const Tensor& value) override;

 private:
  struct Edit {
    std::string pattern;
    Selection selection;
    Function function;
    std::vector<HookPoint> points;  // of the model of the pass under way
  };
  std::vector<Edit> edits_;
  Firing firing_;
};

}  // namespace headscope
