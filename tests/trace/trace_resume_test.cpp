#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/trace/trace_cases.h"

using namespace headscope;
using namespace headscope::trace_cases;

TEST_CASE("a resumed trace goes on where it stopped") {
  const TempFolder folder;
  const TraceHeader made = header(5);
  {
    TraceWriter writer(folder.file("t.h5"), made, {});
    write_prompt(writer, made, 3);
    writer.finish();
  }
  TraceWriter writer(folder.file("t.h5"), made, {IfExists::resume});
  CHECK(writer.done_count() == 1);
  CHECK(writer.done(3));
  CHECK_FALSE(writer.done(0));
  write_rest(writer, made);
  const TraceReader reader(folder.file("t.h5"));
  CHECK(reader.complete());
  CHECK(first_wrong(reader, made).empty());
}

TEST_CASE("resuming a complete trace changes nothing; one left uncompressed is compressed") {
  const TempFolder folder;
  const TraceHeader made = header(5);
  TraceWriter::Options options{IfExists::resume};
  record(folder.file("t.h5"), made, options);
  const auto written = std::filesystem::last_write_time(folder.file("t.h5"));
  record(folder.file("t.h5"), made, options);
  CHECK(std::filesystem::last_write_time(folder.file("t.h5")) == written);
  CHECK_FALSE(inspect_trace(folder.file("t.h5")).compressed);
  options.compress = 3;
  record(folder.file("t.h5"), made, options);
  CHECK(inspect_trace(folder.file("t.h5")).compressed);
  record(folder.file("t.h5"), made, options);
  CHECK(first_wrong(TraceReader(folder.file("t.h5")), made).empty());
}

TEST_CASE("resuming with anything else names the difference and both values") {
  const TempFolder folder;
  const TraceHeader made = header(3);
  record(folder.file("t.h5"), made);
  const auto refused = [&](const TraceHeader& other, const std::string& why) {
    CHECK_THROWS_AS(TraceWriter(folder.file("t.h5"), other, {IfExists::resume}), UsageError);
    CHECK_THROWS_WITH(TraceWriter(folder.file("t.h5"), other, {IfExists::resume}), contains(why));
  };
  TraceHeader other = made;
  other.provenance["identity"]["seed"] = 8;
  refused(other, "seed is 7 there but 8 here");
  other = made;
  other.provenance["identity"].erase("dtype");
  refused(other, "dtype is \"f32\" there but absent here");
  other = header(4);
  refused(other, "the number of prompts is 3 there but 4 here");
  other = made;
  other.prompts[1].tokens.back() = 5;
  refused(other, "prompt 1 tokens is [");
  other = made;
  other.prompts[1].spans["x"] = {0, 1};
  refused(other, "prompt 1 spans");
  other = made;
  other.datasets[1].dtype = DType::f16;
  refused(other, "blocks.2.attn.hook_z is f32");
  other = made;
  other.datasets.pop_back();
  refused(other, "logits/last is f32 [\"prompt\",\"vocab\"] [11] there but not recorded here");
  other = made;
  other.datasets[0].name = "blocks.9.attn.hook_pattern";
  refused(other, "blocks.9.attn.hook_pattern is not recorded there");
  other = made;
  other.provenance["command_line"] = "another";  // not part of the identity
  CHECK_NOTHROW(TraceWriter(folder.file("t.h5"), other, {IfExists::resume}));
}
