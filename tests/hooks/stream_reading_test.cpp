// How a stream of activations reads large traces: in pieces, by several threads, in bounded memory.
#include <sys/resource.h>

#include "hooks/activation_stream.h"
#include "hooks/trace/trace.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace headscope;

TEST_CASE(
    "rows of blocks that are read in several pieces, by several threads, go where they belong") {
  // Rows of 1,024 bytes go straight to their places, those of 256 bytes in pieces.
  const std::int64_t width = GENERATE(256, 64);
  const TempFolder folder;
  TraceHeader header;
  header.provenance = {{"model", "none"}};
  header.datasets = {{"x", {"prompt", "pos", "d_model"}, {0, width}, DType::f32}};
  constexpr std::int64_t kPrompts = 120;
  const auto tokens_of = [](std::int64_t prompt) { return 40 + (prompt * 7) % 25; };
  for (std::int64_t i = 0; i < kPrompts; ++i) {
    const std::vector<std::int32_t> tokens(static_cast<std::size_t>(tokens_of(i)), 1);
    header.prompts.push_back({std::to_string(i), "", tokens, {}});
  }
  TraceWriter writer(folder.file("t.h5"), header, {.compress = GENERATE(0, 1)});
  for (std::int64_t i = 0; i < kPrompts; ++i) {  // every row says where it is from
    const Tensor place = at::arange(tokens_of(i), at::kFloat).add(static_cast<double>(100 * i));
    const Tensor rows = place.unsqueeze(1).expand({-1, width}).contiguous();
    const auto* bytes = static_cast<const std::uint8_t*>(rows.const_data_ptr());
    const auto prompt = static_cast<std::size_t>(i);
    writer.write(prompt, "x", DType::f32, {bytes, bytes + rows.nbytes()});
    writer.finish_prompt(prompt);
  }
  writer.finish();
  ActivationStreamOptions options;
  options.hooks = {"x"};
  options.batch_rows = 700;
  // All but the first of a prompt; one a prompt, so that what lies between is passed over; all in
  // the order of the file, where neighbours stay neighbours.
  const int filter = GENERATE(0, 1, 2);
  options.rows = filter == 0 ? positions_from(1) : filter == 1 ? last_position() : all_positions();
  options.order = filter == 2 ? RowOrder::as_stored : RowOrder::shuffled;
  options.buffer_bytes = std::size_t{GENERATE(8, 64)} << 20;  // several parts of blocks, or one
  ActivationStream stream({folder.file("t.h5")}, options);
  std::int64_t rows = 0;
  while (const auto batch = stream.next()) {
    std::vector<std::int64_t> expected;
    for (const RowPlace& place : batch->rows) {
      expected.push_back(100 * place.prompt + place.position);
    }
    const Tensor wanted = index_tensor(expected, at::kCPU).to(at::kFloat).unsqueeze(1);
    REQUIRE(batch->values[0].equal(wanted.expand({-1, width})));
    rows += std::ssize(batch->rows);
  }
  CHECK(rows == stream.rows_per_epoch());
}

TEST_CASE("a stream's memory does not grow with the data, and may be left at any time") {
  const TempFolder folder;
  TraceHeader header;
  header.provenance = {{"model", "none"}};
  header.datasets = {{"x", {"prompt", "pos", "d_model"}, {0, 256}, DType::f32}};
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < 1000; ++i) {
    header.prompts.push_back({std::to_string(i), "", std::vector<std::int32_t>(64, 1), {}});
    all.push_back(i);
  }
  {
    TraceWriter writer(folder.file("t.h5"), header, {});
    for (const std::size_t prompt : all) {
      writer.write(prompt, "x", DType::f32, std::vector<std::uint8_t>(64 * 256 * 4, 1));
      writer.finish_prompt(prompt);
    }
    writer.finish();
  }
  ActivationStreamOptions options;
  options.hooks = {"x"};
  options.batch_rows = 500;
  options.buffer_bytes = 4 << 20;
  ActivationStream stream({folder.file("t.h5")}, options);
  (void)stream.next();
  rusage before{};
  ::getrusage(RUSAGE_SELF, &before);
  std::int64_t rows = 500;
  while (const auto batch = stream.next()) {
    rows += std::ssize(batch->rows);
  }
  rusage after{};
  ::getrusage(RUSAGE_SELF, &after);
  CHECK(rows == 64000);
#ifndef __SANITIZE_ADDRESS__                              // which keeps what was freed
  CHECK(after.ru_maxrss - before.ru_maxrss < 20 * 1024);  // KiB, of 65 MB in all
#endif
  ActivationStream left({folder.file("t.h5")}, options);
  (void)left.next();
}
