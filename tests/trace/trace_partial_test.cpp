// Reading one head of one prompt reads that and little else; writing needs little memory.
#include <fstream>

#include <sys/resource.h>

#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/skip.h"
#include "tests/trace/trace_cases.h"

using namespace headscope;
using namespace headscope::trace_cases;

namespace {

// Bytes this process has asked read(2) and its kin for.
std::int64_t bytes_read() {
  std::ifstream io("/proc/self/io");
  std::string label;
  std::int64_t bytes = -1;
  io >> label >> bytes;
  return bytes;
}

std::int64_t cost_of_reading(const TraceReader& reader,
                             const std::string& name,
                             std::int64_t head) {
  const std::int64_t before = bytes_read();
  static_cast<void>(reader.read(name, 1, head));
  return bytes_read() - before;
}

}  // namespace

TEST_CASE("one head of one prompt does not read the rest") {
  if (bytes_read() < 0) {
    test::skip("this kernel counts no reads (/proc/self/io)");
  }
  const int compress = GENERATE(0, 1);
  const TempFolder folder;
  TraceHeader made = header(4, DType::f32, 256);
  for (Prompt& prompt : made.prompts) {
    prompt.tokens.resize(256);
  }
  TraceWriter::Options options;
  options.compress = compress;
  record(folder.file("t.h5"), made, options);
  const TraceReader reader(folder.file("t.h5"));
  const std::int64_t head = 256 * 256 * 4;
  const std::int64_t slack = 4096;  // /proc/self/io itself
  const std::string pattern = "blocks.10.attn.hook_pattern";
  CHECK(cost_of_reading(reader, pattern, 1) <= head + slack);
  CHECK(cost_of_reading(reader, pattern, -1) <= kHeads * head + slack);
  CHECK(cost_of_reading(reader, "logits/last", -1) <= kVocab * 4 + slack);
  if (compress == 0) {
    CHECK(cost_of_reading(reader, pattern, 1) >= head);
    CHECK(cost_of_reading(reader, pattern, -1) >= kHeads * head);
  }
}

TEST_CASE("memory does not grow with the number of prompts") {
#ifdef __SANITIZE_ADDRESS__
  test::skip("AddressSanitizer keeps what was freed");
#endif
  const TempFolder folder;
  TraceHeader made = header(400, DType::f16, 128);
  made.datasets = {{"x", {"prompt", "head", "query", "key"}, {4, 0, 0}, DType::f16}};
  TraceWriter::Options options;
  options.buffer_bytes = 1 << 20;
  TraceWriter writer(folder.file("t.h5"), made, options);
  write_prompt(writer, made, 0);
  rusage before{};
  ::getrusage(RUSAGE_SELF, &before);
  for (std::size_t i = 1; i < made.prompts.size(); ++i) {
    write_prompt(writer, made, i);
  }
  writer.finish();
  rusage after{};
  ::getrusage(RUSAGE_SELF, &after);
  CHECK(after.ru_maxrss - before.ru_maxrss < 20 * 1024);  // KiB, of some 40 MB queued in all
}
