// Minibatches of activations, read or computed ahead by a thread of its own: what sparse
// autoencoders and probes are trained on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hooks/activation_source.h"
#include "lib/tensor/tensor.h"

namespace headscope {

enum class LastBatch { keep, drop };  // of an epoch, where it has fewer rows than the others

struct ActivationStreamOptions {
  std::vector<std::string> hooks{};  // names, aliases or globs; each needs one row a token
  std::int64_t batch_rows = 4096;
  DType dtype = DType::f32;  // of the tensors handed out; rounded to nearest if it is the smaller
  // Rows are mixed within a part of the data that fits half of this; the parts are made of blocks
  // of prompts from all over. The other half is filled meanwhile, straight from the file where a
  // trace stores `dtype`, uncompressed, in rows of at least 512 bytes; else each of the threads
  // that read traces holds 512 KiB besides, or one prompt's values of a hook point if they are
  // larger.
  std::size_t buffer_bytes = std::size_t{512} << 20;
  // Rows of the first part, where that is less; each part of the first epoch has twice the rows of
  // the one before until they fill half the buffer. The first batch then need not wait for a full
  // one, and mixes fewer blocks. 0: full from the first on.
  std::int64_t first_rows = 0;
  RowOrder order = RowOrder::shuffled;
  std::uint64_t seed = 0;
  std::int64_t epochs = 1;  // each in an order of its own
  LastBatch last_batch = LastBatch::keep;
  // Threads that read traces, 1 to 16: one sorts rows while another waits for the disk. A model
  // runs in one. The order of rows does not depend on it.
  int readers = 2;
  RowFilter rows = all_positions();
  std::int64_t batch_tokens = 2048;  // of a live model: the most in one forward pass
};

struct ActivationBatch {
  // [rows, d] on the CPU, one a point in the stream's order: views of the buffer. They stay right
  // for as long as they are kept, but a kept one keeps its part of the data in memory.
  std::vector<Tensor> values;
  std::vector<RowPlace> rows;  // where each row came from
  std::int64_t epoch = 0;
};

// The order of rows depends on prompts, filter, seed, hook points' widths and these options: a
// model and a trace of it give the same.
class ActivationStream {
 public:
  using Options = ActivationStreamOptions;

  // Throws as activations_of_traces() does (the traces share one model), and UsageError for options
  // that leave no row, or a buffer too small for the longest prompt, naming the size it needs.
  ActivationStream(const std::vector<std::filesystem::path>& traces, Options options);

  // The model runs in the stream's thread. Both must outlive the stream.
  ActivationStream(const Model& model, const std::vector<Prompt>& prompts, Options options);

  ~ActivationStream();
  ActivationStream(ActivationStream&&) noexcept;
  ActivationStream& operator=(ActivationStream&&) noexcept;

  // Passes over so many minibatches, as if next() had handed them out: of parts of the data that
  // lie before, nothing is read. To be called before the first next(); UsageError later, or if
  // there are not as many.
  void skip(std::int64_t batches);

  // The next minibatch; nothing after the last epoch. Throws what reading or the model threw.
  std::optional<ActivationBatch> next();

  [[nodiscard]] const std::vector<ActivationPoint>& points() const;  // of `values`, in their order
  [[nodiscard]] std::int64_t rows_per_epoch() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headscope
