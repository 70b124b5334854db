#include <fstream>

#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/trace/trace_cases.h"

using namespace headscope;
using namespace headscope::trace_cases;

TEST_CASE("a header that makes no sense is refused before a file is made") {
  const TempFolder folder;
  const auto refused = [&](const TraceHeader& made, const std::string& why) {
    CHECK_THROWS_WITH(TraceWriter(folder.file("t.h5"), made, {}), contains(why));
    CHECK_THROWS_AS(TraceWriter(folder.file("t.h5"), made, {}), UsageError);
    CHECK(std::filesystem::is_empty(folder.file("")));
  };
  TraceHeader made = header(2);
  made.prompts.clear();
  refused(made, "at least one prompt");
  made = header(2);
  made.prompts[1].tokens.clear();
  refused(made, "p1 has no tokens");
  made = header(2);
  made.prompts[0].spans["subject"] = {3, 9};
  refused(made, "span subject [3, 9) does not lie in its 7 tokens");
  made = header(2);
  made.datasets.push_back(made.datasets[0]);
  refused(made, "twice");
  made = header(2);
  made.datasets[0].axes.pop_back();
  refused(made, "axes");
  made = header(2);
  made.datasets[3].shape = {0};
  refused(made, "axis vocab has size 0");
  made = header(2);
  made.datasets[0].name = "a/b";
  refused(made, "'a/b' cannot name a dataset");
  made = header(2);
  made.datasets[3].shape = {std::int64_t{1} << 61};
  refused(made, "more than a file can hold");
  made = header(2);
  made.datasets.clear();
  refused(made, "nothing to record");
}

TEST_CASE("misuse of the writer is an error that says what") {
  const TempFolder folder;
  const TraceHeader made = header(2);
  TraceWriter writer(folder.file("t.h5"), made, {});
  CHECK_THROWS_WITH(writer.write(0, "blocks.2.attn.hook_zz", DType::f32, {}),
                    contains("did you mean blocks.2.attn.hook_z?"));
  CHECK_THROWS_WITH(writer.write(5, "logits/last", DType::f32, {}), contains("prompt 5"));
  CHECK_THROWS_WITH(writer.write(0, "logits/last", DType::f32, {1, 2}),
                    contains("2 bytes of f32 given, but [11] takes 44"));
  CHECK_THROWS_WITH(writer.finish_prompt(0), contains("was never written"));
  write_prompt(writer, made, 0);
  CHECK_THROWS_WITH(writer.write(0, "logits/last", DType::f32, {}), contains("finished already"));
  writer.finish();
  CHECK(writer.done_count() == 1);
  CHECK_THROWS_WITH(write_prompt(writer, made, 1), contains("finish() was called"));
}

TEST_CASE("the reader names what is missing and what is near") {
  const TempFolder folder;
  const TraceHeader made = header(3);
  {
    TraceWriter writer(folder.file("t.h5"), made, {});
    write_prompt(writer, made, 1);
    writer.finish();
  }
  const TraceReader reader(folder.file("t.h5"));
  CHECK_FALSE(reader.complete());
  CHECK_THROWS_WITH(reader.read("blocks.2.attn.hook_y", 1), contains("did you mean blocks.2.attn"));
  CHECK_THROWS_WITH(reader.read("logits/last", 3), contains("no prompt 3; it has prompts 0 to 2"));
  CHECK_THROWS_AS(reader.read("logits/last", 0), DataError);
  CHECK_THROWS_WITH(reader.read("logits/last", 0), contains("--resume"));
  CHECK_THROWS_WITH(reader.read("blocks.2.attn.hook_z", 1, 3), contains("heads 0 to 2"));
  CHECK_THROWS_WITH(reader.read("logits/last", 1, 0), contains("has no heads"));
  CHECK(reader.read("logits/last", 1).values == values_of(made, 1, 3));
}

TEST_CASE("what is no trace is a DataError that says so") {
  const TempFolder folder;
  CHECK_THROWS_AS(TraceReader(folder.file("absent.h5")), DataError);
  CHECK_THROWS_WITH(TraceReader(folder.file("absent.h5")), contains("No such file"));
  CHECK_THROWS_WITH(TraceReader(folder.file("")), contains("not a file"));
  std::ofstream(folder.file("text.h5")) << "hello";
  CHECK_THROWS_WITH(TraceReader(folder.file("text.h5")), contains("not a headscope trace"));
  record(folder.file("t.h5"), header(2));
  {
    std::fstream file(folder.file("t.h5"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(16);
    file.put('2');
  }
  CHECK_THROWS_WITH(TraceReader(folder.file("t.h5")), contains("trace version 2"));
}

TEST_CASE("an existing file is kept unless it is to be replaced") {
  const TempFolder folder;
  record(folder.file("t.h5"), header(3));
  CHECK_THROWS_AS(TraceWriter(folder.file("t.h5"), header(2), {}), UsageError);
  CHECK(TraceReader(folder.file("t.h5")).prompt_count() == 3);
  record(folder.file("t.h5"), header(2), {IfExists::replace});
  CHECK(TraceReader(folder.file("t.h5")).prompt_count() == 2);
}

TEST_CASE("two writers of one file do not meet") {
  const TempFolder folder;
  const TraceHeader made = header(2);
  TraceWriter writer(folder.file("t.h5"), made, {});
  CHECK_THROWS_AS(TraceWriter(folder.file("t.h5"), made, {IfExists::resume}), UsageError);
  CHECK_THROWS_WITH(TraceWriter(folder.file("t.h5"), made, {IfExists::replace}),
                    contains("another process is writing it"));
  CHECK(TraceReader(folder.file("t.h5")).prompt_count() == 2);  // but reading is free
  write_rest(writer, made);
  CHECK(first_wrong(TraceReader(folder.file("t.h5")), made).empty());
}

TEST_CASE("a trace that cannot fit the disk is refused at once") {
  const TempFolder folder;
  TraceHeader made = header(1000);
  made.datasets[3].shape = {std::int64_t{1} << 42};
  CHECK_THROWS_AS(TraceWriter(folder.file("t.h5"), made, {}), ResourceError);
  CHECK_THROWS_WITH(TraceWriter(folder.file("t.h5"), made, {}), contains("of disk"));
  CHECK(std::filesystem::is_empty(folder.file("")));
}
