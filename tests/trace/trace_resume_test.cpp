#include "lib/base/error.h"
#include "lib/base/json.h"
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

TEST_CASE("prompts and model are compared before the datasets whose shapes they decide") {
  const TempFolder folder;
  TraceHeader made = header(3);
  Json& identity = made.provenance["identity"];
  identity["weights_hash"] = "xxh3:aa";
  identity["config"] =
      Json::parse(R"({"d_model": 576, "ropes": [{"base": 10000.0}], "window_of_layer": [0, 0]})");
  record(folder.file("t.h5"), made);
  const auto refusal = [&](const TraceHeader& other) -> std::string {
    try {
      TraceWriter(folder.file("t.h5"), other, {IfExists::resume});
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  const auto says = [&](const TraceHeader& other, const std::string& why) {
    CHECK(refusal(other) == folder.file("t.h5").string() + ": cannot be resumed: " + why +
                                "; record as before or to another -o");
  };
  TraceHeader other = made;
  other.prompts[0].tokens.resize(9, 1);  // the longest: every ragged axis grows
  other.prompts.pop_back();
  says(other, "it holds 3 prompts, not 2");
  other = made;
  other.datasets[2].shape = {0, 6};
  other.provenance["identity"]["config"]["d_model"] = 2048;
  says(other, "config.d_model is 576 there but 2048 here");
  other.provenance["identity"]["weights_hash"] = "xxh3:bb";
  says(other, "weights_hash is xxh3:aa there but xxh3:bb here");
  other = made;
  other.provenance["identity"]["config"]["ropes"][0]["base"] = 1e6;
  says(other, "config.ropes[0].base is 10000.0 there but 1000000.0 here");
  other = made;
  other.provenance["identity"]["config"]["window_of_layer"] = {0, 0, 0};
  says(other, "config.window_of_layer is 2 entries there but 3 entries here");
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
  other.provenance["identity"]["headscope_version"] = "9.9.9";
  refused(other, "headscope_version is absent there but 9.9.9 here");
  other = made;
  other.provenance["identity"].erase("dtype");
  refused(other, "dtype is f32 there but absent here");
  other = header(4);
  refused(other, ": it holds 3 prompts, not 4;");
  other = made;
  other.prompts[1].text = "another";
  other.prompts[1].tokens.push_back(5);  // the text says more than that
  refused(other, "its prompt 1 is another text;");
  other = made;
  other.prompts[1].tokens.back() = 5;
  refused(other, "of its prompt 1 is 10");
  other = made;
  other.prompts[1].tokens.push_back(5);
  refused(other, "its prompt 1 has 3 tokens, not 4;");
  other = made;
  other.prompts[1].id = "q";
  refused(other, "the id of its prompt 1 is p1 there but q here");
  other = made;
  other.prompts[1].spans["x"] = {0, 1};
  refused(other, "its prompt 1 has other spans;");
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
