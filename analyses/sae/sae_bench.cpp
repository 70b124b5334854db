#include "analyses/sae/sae_bench.h"

#include "analyses/sae/sae_trainer.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// Reading one element waits for everything that the device was given before it.
void wait_for_device(const Tensor& value) {
  value.flatten().narrow(0, 0, 1).item<float>();
}

class SaeBatches {
 public:
  SaeBatches(const Tensor& rows, std::int64_t batch) : rows_(rows), batch_(batch) {}

  Tensor next() {
    if (from_ + batch_ > rows_.size(0)) {
      from_ = 0;
    }
    const Tensor own = rows_.narrow(0, from_, batch_);
    from_ += batch_;
    return own;
  }

 private:
  const Tensor& rows_;
  std::int64_t batch_;
  std::int64_t from_ = 0;
};

}  // namespace

SaeStepTimes time_sae_steps(const SaeTrainOptions& options,
                            const Tensor& rows,
                            std::int64_t batch,
                            const BenchRepeats& repeats) {
  if (rows.size(0) < batch) {
    throw UsageError(
        "{} rows of activations, fewer than a batch of {}; a smaller --batch", rows.size(0), batch);
  }
  SaeTrainer trainer(options, rows.size(1), rows.device());
  SaeBatches batches(rows, batch);
  const Tensor product_of = at::ones({rows.size(1), options.d_sae}, rows.options());
  const BenchWork step{.prepare = {}, .run = [&] {
                         trainer.step(batches.next(), Measure::nothing);
                         wait_for_device(trainer.b_dec());
                       }};
  const BenchWork product{
      .prepare = {}, .run = [&] { wait_for_device(rows.narrow(0, 0, batch).matmul(product_of)); }};
  const std::vector<Timing> timings = time_in_turn({step, product}, repeats);
  const SaeTrainState last = trainer.step(batches.next(), Measure::state);
  return {.step = timings[0], .product = timings[1], .l0 = last.l0, .fvu = last.fvu};
}

}  // namespace headscope
