#include "analyses/bench/write_bench.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "hooks/recorder.h"
#include "hooks/stored/posix_file.h"
#include "lib/base/error.h"
#include "lib/model/batch_plan.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

struct KeptValue {
  std::string dataset;
  Tensor computed;  // [prompts, …] on the CPU, in the model's dtype
  Tensor stored;    // the same in the trace's
};

// What a recording of the batch keeps. The prompts have one length, so there is no padding.
std::vector<KeptValue> kept_values(const Model& model,
                                   const Batch& batch,
                                   const RecordOptions& options) {
  Recorder recorder(options.hooks);
  const ForwardResult pass = model.forward(batch, recorder, {.logits = options.logits});
  std::vector<KeptValue> kept;
  for (const TraceDataset& dataset :
       record_datasets(model.config(), options, batch.layout().columns)) {
    const bool logits = dataset.name.starts_with("logits/");
    const Tensor value = (logits ? pass.logits : recorder.at(dataset.name)).cpu().contiguous();
    kept.push_back({dataset.name, value, value.to(to_torch(dataset.dtype))});
  }
  return kept;
}

HeldBytes bytes_of(const Tensor& tensor) {
  const auto* data = static_cast<const std::uint8_t*>(tensor.const_data_ptr());
  return {data, tensor.nbytes(), std::make_shared<const Tensor>(tensor)};
}

// As record() does: a batch of prompts at a time.
void write_as_trace(const std::filesystem::path& path,
                    const TraceHeader& header,
                    const std::vector<KeptValue>& values,
                    std::int64_t batch_tokens) {
  TraceWriter writer(path, header, {});
  const BatchPlanOptions plan{.most_tokens = batch_tokens};
  for (const auto& prompts : plan_batches(lengths_of(header.prompts), plan)) {
    for (const KeptValue& value : values) {
      const Tensor rows =
          value.computed.narrow(0, static_cast<std::int64_t>(prompts.front()), std::ssize(prompts));
      writer.write(prompts, value.dataset, dtype_of(rows), bytes_of(rows));
    }
    writer.finish_prompts(prompts);
  }
  writer.finish();
}

void write_plainly(const std::filesystem::path& path, const std::vector<KeptValue>& values) {
  const PosixFile file(path, O_WRONLY | O_CREAT | O_TRUNC);
  std::uint64_t at = 0;
  bool written = file.valid();
  for (const KeptValue& value : values) {
    written = written && file.write(at, value.stored.const_data_ptr(), value.stored.nbytes());
    at += value.stored.nbytes();
  }
  if (!written || ::fsync(file.descriptor()) != 0) {
    throw ResourceError("{}: cannot write: {}", path.string(), std::strerror(errno));
  }
}

TraceHeader bench_trace_header(const Model& model,
                               const std::vector<std::vector<std::int32_t>>& tokens,
                               const RecordOptions& options) {
  TraceHeader header{options.provenance, bench_prompts(tokens), {}};
  header.datasets = record_datasets(model.config(), options, longest_prompt(header.prompts));
  return header;
}

}  // namespace

WriteTimes time_writing(const Model& model,
                        const std::vector<std::vector<std::int32_t>>& tokens,
                        const std::filesystem::path& trace,
                        const RecordOptions& options,
                        const BenchRepeats& repeats) {
  const std::vector<KeptValue> values = kept_values(model, Batch(tokens), options);
  const TraceHeader header = bench_trace_header(model, tokens, options);
  const auto remove = [&] { std::filesystem::remove(trace); };  // its blocks' return is not timed
  const std::vector<Timing> timings =
      time_in_turn({{remove, [&] { write_as_trace(trace, header, values, options.batch_tokens); }},
                    {remove, [&] { write_plainly(trace, values); }}},
                   repeats);
  WriteTimes times{timings[0], timings[1], 0};
  for (const KeptValue& value : values) {
    times.bytes += static_cast<std::int64_t>(value.stored.nbytes());
  }
  return times;
}

}  // namespace headscope
