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

  // Of lacks, circuit by circuit: how many the circuit with most has; and of the writers from the
  // first on that the circuits run themselves, how many there are up to the last that is named, and
  // how often any is named.
  struct LackCounts {
    std::int64_t most_of_a_circuit = 0;
    std::int64_t writers = 0;
    std::int64_t named = 0;
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
  void add_written_here(const std::vector<Lack>& lacks, const Tensor& sum) const;
  void add_in_one_batch(const std::vector<Lack>& lacks,
                        const LackCounts& counts,
                        const Tensor& sum) const;
  void read_heads(int layer, const Tensor& stream);
  [[nodiscard]] Tensor with_read(HeadInput part, const Tensor& value) const;
  [[nodiscard]] Tensor read_by_one(std::int64_t reader, const Tensor& stream) const;

  // What one head reads by q, k or v in some circuits.
  struct HeadRead {
    std::int64_t head;
    Tensor circuits;  // [n] int64
    Tensor values;    // projected [n, B·T, d_head]
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
