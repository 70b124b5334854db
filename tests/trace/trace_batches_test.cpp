// Many prompts handed over at once: the same file, in few writes.
#include <algorithm>
#include <fstream>
#include <numeric>
#include <random>

#include "hooks/trace/values_io.h"
#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/skip.h"
#include "tests/trace/trace_cases.h"

using namespace headscope;
using namespace headscope::trace_cases;

namespace {

// Calls of write(2) and its kin by this process so far; negative where it is not told.
std::int64_t writes_so_far() {
  std::ifstream io("/proc/self/io");
  std::string label;
  for (std::int64_t value = 0; io >> label >> value;) {
    if (label == "syscw:") {
      return value;
    }
  }
  return -1;
}

std::vector<std::size_t> all_prompts(const TraceHeader& made) {
  std::vector<std::size_t> prompts(made.prompts.size());
  std::iota(prompts.begin(), prompts.end(), std::size_t{0});
  return prompts;
}

}  // namespace

TEST_CASE("batches of any prompts in any order make the file that single prompts make") {
  const DType dtype = GENERATE(DType::f32, DType::f16);
  const std::size_t longest = GENERATE(1, 7, 300);  // 300: rows with room too large to fill
  CAPTURE(to_string(dtype), longest);
  const TempFolder folder;
  TraceHeader made = header(40, dtype, longest);
  made.datasets[1].shape = {0, kHeads, 40};
  record(folder.file("one.h5"), made);
  std::vector<std::size_t> order = all_prompts(made);
  std::mt19937 random(7);
  {
    TraceWriter writer(folder.file("many.h5"), made, {});
    std::vector<std::size_t> left = order;
    while (!left.empty()) {  // batches with gaps, some ascending and some not
      std::vector<std::size_t> batch;
      const std::size_t take = 1 + random() % std::min<std::size_t>(left.size(), 9);
      for (std::size_t i = 0; i < take; ++i) {
        const auto at = static_cast<std::ptrdiff_t>(random() % left.size());
        batch.push_back(left[static_cast<std::size_t>(at)]);
        left.erase(left.begin() + at);
      }
      if (random() % 2 == 0) {
        std::ranges::sort(batch);
      }
      write_prompts(writer, made, batch);
    }
    writer.finish();
  }
  CHECK((file_bytes(folder.file("many.h5")) == file_bytes(folder.file("one.h5"))));
}

TEST_CASE("a batch leaves a prompt in its midst that is done already as it is") {
  const TempFolder folder;
  const TraceHeader made = header(9);
  {
    TraceWriter writer(folder.file("t.h5"), made, {});
    write_prompts(writer, made, {1, 4, 5});
    writer.finish();
  }
  TraceWriter writer(folder.file("t.h5"), made, {IfExists::resume});
  write_prompts(writer, made, {0, 2, 3, 6, 7, 8});
  writer.finish();
  CHECK(TraceReader(folder.file("t.h5")).complete());
  CHECK(first_wrong(TraceReader(folder.file("t.h5")), made).empty());
}

TEST_CASE("a small prompt costs no write of its own") {
  if (writes_so_far() < 0) {
    test::skip("this kernel counts no reads (/proc/self/io)");
  }
  const TempFolder folder;
  TraceHeader made = header(200);
  TraceWriter writer(folder.file("t.h5"), made, {});
  const std::int64_t before = writes_so_far();
  write_prompts(writer, made, all_prompts(made));
  writer.finish();
  CHECK(writes_so_far() - before <= std::ssize(made.datasets) + 1);  // and the marks
  CHECK(first_wrong(TraceReader(folder.file("t.h5")), made).empty());
}

TEST_CASE("the room a prompt takes counts what is filled up behind it") {
  TraceDataset z{"z", {"prompt", "pos", "head", "d_head"}, {100, 12, 64}, DType::f32};
  CHECK(prompt_bytes(z, 100) == 100 * 3072);
  CHECK(prompt_bytes(z, 96) == 100 * 3072);  // 12 KiB behind it: filled
  CHECK(prompt_bytes(z, 50) == 50 * 3072);
  TraceDataset pattern{"p", {"prompt", "head", "query", "key"}, {3, 100, 100}, DType::f32};
  CHECK(prompt_bytes(pattern, 90) == 3 * 100 * 400);
  CHECK(prompt_bytes(pattern, 10) == 3 * 10 * 400);
}

TEST_CASE("a batch of another size or with a prompt twice is refused") {
  const TempFolder folder;
  const TraceHeader made = header(3);
  TraceWriter writer(folder.file("t.h5"), made, {});
  CHECK_THROWS_WITH(writer.write({0, 1}, "logits/last", DType::f32, held({1, 2, 3})),
                    contains("2 prompts: 3 bytes of f32 given, but they take 88"));
  CHECK_THROWS_WITH(writer.write({0, 0},
                                 "logits/last",
                                 DType::f32,
                                 held(std::vector<std::uint8_t>(2 * kVocab * sizeof(float)))),
                    contains("prompt 0: written twice"));
  CHECK_THROWS_WITH(writer.finish_prompts({1, 2}), contains("was never written"));
}
