// A pass of a circuit: every reader gets what the circuit's edges bring it in this very run, and of
// all other writers what stands for them.
#pragma once

#include <vector>

#include "analyses/edges/circuit_mask.h"
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
  // as of circuit_mask.h.
  MaskedTap(const Setting& setting, const std::vector<const EdgeSet*>& circuits);

  [[nodiscard]] Interest wants(HookPoint point) const override;
  Tensor visit(const Visit& visit, const Tensor& value) override;

 private:
  [[nodiscard]] bool cut_off(std::int64_t first_reader, std::int64_t count) const;
  [[nodiscard]] bool last_needed(int layer) const;
  void keep_heads(int layer, const Tensor& z, const Tensor& scale);
  void keep(std::int64_t writer, const Tensor& difference);
  [[nodiscard]] Tensor missing(std::int64_t first_reader, std::int64_t count) const;
  [[nodiscard]] Tensor read_by_heads(HeadInput part, int layer, const Tensor& stream) const;
  [[nodiscard]] Tensor read_by_one(std::int64_t reader, const Tensor& stream) const;

  Setting setting_;
  std::int64_t circuits_;
  Tensor cut_;                  // [K, readers, writers] f32, 1 where an edge is cut
  std::vector<bool> any_cut_;   // [readers], in some circuit
  std::int64_t last_cut_ = -1;  // the last reader that is
  std::int64_t known_ = 0;      // writers before the first layer: in all rows as in the clean run
  Tensor before_;               // [known, B·T, d_model], theirs
  Tensor after_;                // [K, writers − known, B·T, d_model], as they are written
  Tensor z_;                    // of the layer in hand, where a norm follows
};

}  // namespace headscope
