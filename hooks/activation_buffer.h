// The memory of a stream: a part of the data, its rows in the order in which they are handed out.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "hooks/activation_source.h"
#include "lib/tensor/tensor.h"

namespace headscope {

struct ActivationPart {
  std::vector<Tensor> values;  // [≥ rows, d], one a point
  std::vector<RowPlace> rows;
  std::int64_t epoch = 0;
  bool ends_epoch = false;

  [[nodiscard]] std::int64_t size() const { return std::ssize(rows); }
};

struct PartPlan {
  const RowPool& pool;             // its order made
  const RowPool* after = nullptr;  // the pool read next, so that the disk can begin with it
};

struct FillOptions {
  DType dtype = DType::f32;  // of the part's tensors
  int readers = 1;           // threads, if the source may be read by several
};

// Reads the rows of a pool into `part`, whose tensors are used again.
void fill_part(ActivationPart& part,
               const PartPlan& plan,
               const ActivationRows& rows,
               ActivationSource& source,
               const FillOptions& options);

// Fills parts on a thread of its own, one ahead of the one in use.
class PartReader {
 public:
  // `fill` makes the next part out of an old one's memory; false: there is none.
  explicit PartReader(std::function<bool(ActivationPart&)> fill);
  ~PartReader();  // waits for the part under way
  PartReader(const PartReader&) = delete;
  PartReader& operator=(const PartReader&) = delete;

  // The next part, nothing after the last; `used` is the one before it, whose memory serves again
  // unless somebody keeps it. Rethrows what `fill` threw.
  std::optional<ActivationPart> next(ActivationPart used);

 private:
  void work();

  std::function<bool(ActivationPart&)> fill_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<ActivationPart> ready_;
  std::optional<ActivationPart> spare_;
  bool ended_ = false;
  bool stopping_ = false;
  std::exception_ptr failure_;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace headscope
