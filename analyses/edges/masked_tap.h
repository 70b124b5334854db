// A pass of a circuit: every reader gets what the circuit's edges bring it in this very run, and of
// all other writers their replacements.
#pragma once

#include <array>
#include <vector>

#include "analyses/edges/circuit_lacks.h"
#include "analyses/edges/written.h"

namespace headscope {

// K circuits of the same B items, as rows circuit by circuit.
class MaskedTap final : public Tap {
 public:
  struct Setting {
    const Model& model;  // ungrouped
    const EdgeGraph& graph;
    const Written& clean;    // of the B items: what is written before the first layer that is run
    const Written& ablated;  // of the B items, or of any run
    std::int64_t first_layer = 0;  // the pass starts at it; no reader before it is cut off
  };

  // A reader reads stream − Σ_{u cut off} (z_u − z_u'), z_u being written in this run. `circuits`
  // as of circuit_mask.h. What heads ask, offer and hold is computed anew where they are cut off,
  // and only there, once for all that are cut off from the same writers.
  MaskedTap(const Setting& setting, const std::vector<const EdgeSet*>& circuits);

  [[nodiscard]] Interest wants(HookPoint point) const override;
  Tensor visit(const Visit& visit, const Tensor& value) override;

 private:
  [[nodiscard]] bool last_needed(int layer) const;
  void keep_heads(int layer, const Tensor& z, const Tensor& scale);
  void keep(std::int64_t writer, const Tensor& difference);
  [[nodiscard]] Tensor missing(const std::vector<Lack>& lacks) const;
  void read_heads(int layer, const Tensor& stream);
  [[nodiscard]] Tensor with_read(HeadInput part, const Tensor& value) const;
  [[nodiscard]] Tensor read_by_one(std::int64_t reader, const Tensor& stream) const;

  // What one head of one circuit reads by q, k or v, projected [B, T, d_head].
  struct HeadRead {
    std::int64_t circuit;
    std::int64_t head;
    Tensor value;
  };

  Setting setting_;
  std::int64_t circuits_;
  CircuitLacks lacks_;
  std::int64_t known_ = 0;  // writers before the first layer: in all rows as in the clean run
  Tensor before_;           // [known, B·T, d_model], theirs
  Tensor after_;            // [K, writers − known, B·T, d_model], as they are written
  Tensor z_;                // of the layer in hand, where a norm follows
  std::array<std::vector<HeadRead>, 3> reads_;  // of the layer in hand, of q, k and v
};

}  // namespace headscope
