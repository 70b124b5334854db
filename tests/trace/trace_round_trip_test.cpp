#include <cstring>

#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/trace/trace_cases.h"

using namespace headscope;
using namespace headscope::trace_cases;

TEST_CASE("what is written is read again, in every dtype, compressed or not") {
  const DType dtype = GENERATE(DType::f32, DType::f16, DType::bf16);
  const int compress = GENERATE(0, 1, 9);
  CAPTURE(to_string(dtype), compress);
  const TempFolder folder;
  const TraceHeader made = header(6, dtype);
  TraceWriter::Options options;
  options.compress = compress;
  record(folder.file("t.h5"), made, options);

  const TraceReader reader(folder.file("t.h5"));
  CHECK(reader.complete());
  CHECK(reader.provenance() == made.provenance);
  REQUIRE(reader.prompt_count() == 6);
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(reader.prompt(i).id == made.prompts[i].id);
    CHECK(reader.prompt(i).text == made.prompts[i].text);
    CHECK(reader.prompt(i).tokens == made.prompts[i].tokens);
    CHECK(reader.prompt(i).spans == made.prompts[i].spans);
  }
  REQUIRE(reader.datasets().size() == 4);
  CHECK(reader.datasets()[0].name == "blocks.10.attn.hook_pattern");  // as given, not sorted
  CHECK(reader.dataset("blocks.10.attn.hook_pattern").shape == std::vector<std::int64_t>{3, 7, 7});
  CHECK(reader.dataset("logits/last").dtype == dtype);
  CHECK(first_wrong(reader, made).empty());
  CHECK_FALSE(std::filesystem::exists(folder.file("t.h5.part")));
}

TEST_CASE("one head is read as a slice of all heads") {
  const int compress = GENERATE(0, 4);
  const TempFolder folder;
  const TraceHeader made = header(4);
  TraceWriter::Options options;
  options.compress = compress;
  record(folder.file("t.h5"), made, options);
  const TraceReader reader(folder.file("t.h5"));
  const TraceReader::Values pattern = reader.read("blocks.10.attn.hook_pattern", 1, 2);
  const auto length = made.prompts[1].tokens.size();
  CHECK(pattern.axes == std::vector<std::string>{"query", "key"});
  CHECK(pattern.shape == std::vector<std::int64_t>(2, static_cast<std::int64_t>(length)));
  for (std::size_t i = 0; i < length * length; ++i) {
    REQUIRE(pattern.values[i] == value_at(1, 0, 2 * length * length + i));
  }
  const TraceReader::Values z = reader.read("blocks.2.attn.hook_z", 0, 1);
  CHECK(z.axes == std::vector<std::string>{"pos", "d_head"});
  CHECK(z.shape == std::vector<std::int64_t>{7, 4});
  for (std::size_t i = 0; i < 7 * 4; ++i) {
    REQUIRE(z.values[i] == value_at(0, 1, (i / 4) * 12 + 4 + i % 4));
  }
}

TEST_CASE("values of any dtype are stored in the dataset's") {
  const TempFolder folder;
  TraceHeader made = header(1, DType::f16);
  made.datasets = {{"x", {"prompt", "pos"}, {0}, DType::f16}};
  TraceWriter writer(folder.file("t.h5"), made, {});
  std::vector<std::uint8_t> half(7 * 2);
  for (std::size_t i = 0; i < 7; ++i) {
    const std::uint16_t bits = f32_to_bf16(static_cast<float>(i) + 0.5f);
    std::memcpy(half.data() + 2 * i, &bits, 2);
  }
  writer.write(0, "x", DType::bf16, half);
  writer.finish_prompt(0);
  writer.finish();
  CHECK(TraceReader(folder.file("t.h5")).read("x", 0).values ==
        std::vector<float>{0.5f, 1.5f, 2.5f, 3.5f, 4.5f, 5.5f, 6.5f});
}

TEST_CASE("a chunk larger than 16 MiB is stored in pieces") {
  const TempFolder folder;
  TraceHeader made = header(2, DType::f32, 90);
  made.prompts[1].tokens.resize(50);
  made.datasets = {{"logits/all", {"prompt", "pos", "vocab"}, {0, 100000}, DType::f32}};
  TraceWriter::Options options;
  options.compress = 1;
  record(folder.file("t.h5"), made, options);
  const TraceReader reader(folder.file("t.h5"));
  CHECK(first_wrong(reader, made).empty());
  CHECK(std::filesystem::file_size(folder.file("t.h5")) < 20u << 20);
}

TEST_CASE("text with NUL bytes is kept readable") {
  const TempFolder folder;
  TraceHeader made = header(1);
  made.prompts[0].text = std::string("a\0b", 3);
  record(folder.file("t.h5"), made);
  CHECK(TraceReader(folder.file("t.h5")).prompt(0).text ==
        "a\u2400"
        "b");
  TraceWriter again(folder.file("t.h5"), made, {IfExists::resume});
  CHECK(again.done(0));
}
