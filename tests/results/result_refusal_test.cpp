#include <fstream>

#include "hooks/trace/trace.h"
#include "lib/base/json.h"
#include "tests/results/result_cases.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::result_cases;

TEST_CASE("misuse of a result store is an error that says what, and writes nothing") {
  const TempFolder folder;
  ResultStore store(folder.file("r.h5"), result_header(), IfExists::fail);
  store.put({{1, 2, 1.0}});
  CHECK_THROWS_WITH(store.put({{0, 0, 1.0}, {1, 2, 3.0}}),
                    contains("layer 0, head 1, prompt 2 is done already"));
  CHECK_THROWS_WITH(store.put({{0, 1, 1.0}, {0, 0, 1.0}, {0, 1, 1.0}}), contains("is given twice"));
  CHECK_THROWS_WITH(store.put({{12, 0, 1.0}}), contains("12 cells and 5 prompts"));
  CHECK_THROWS_AS(store.done(0, 5), UsageError);
  CHECK_THROWS_AS(store.value(-1, 0), UsageError);
  CHECK_THROWS_WITH(store.put_baseline(Run::clean, {1.0}), contains("1 values for 5 prompts"));
  put_baselines(store);
  put_baselines(store);  // the same again
  std::vector<double> other = baseline_of(5, 1.0);
  other[3] += 1e-15;
  CHECK_THROWS_WITH(store.put_baseline(Run::clean, other),
                    contains("the clean baseline of prompt p3 is 1.33"));
  store.put({});
  const Result result = read_result(folder.file("r.h5"));
  CHECK(result.done == 1);
  CHECK(result.clean == baseline_of(5, 1.0));
}

TEST_CASE("a result header that makes no sense is refused before a file is made") {
  const TempFolder folder;
  const auto refused = [&](const ResultHeader& made, const std::string& why) {
    CHECK_THROWS_AS(ResultStore(folder.file("r.h5"), made, IfExists::fail), UsageError);
    CHECK_THROWS_WITH(ResultStore(folder.file("r.h5"), made, IfExists::fail), contains(why));
    CHECK(std::filesystem::is_empty(folder.file("")));
  };
  ResultHeader made = result_header();
  made.axes.clear();
  refused(made, "1 to 8 axes");
  refused(result_header(4, 3, 0), "at least one prompt");
  refused(result_header(4, 0), "axis head has no labels");
  made = result_header();
  made.axes[1].name = "layer";
  refused(made, "axis layer is there twice");
  made.axes[1].name = "prompt";
  refused(made, "'prompt' cannot name an axis");
  made.axes[1].name = "a/b";
  refused(made, "'a/b' cannot name an axis");
  made = result_header();
  made.templates.pop_back();
  refused(made, "4 templates for 5 prompts");
  made = result_header();
  made.provenance["kind"] = "x";
  refused(made, "provenance key 'kind' is taken by the result itself");
  made = result_header();
  made.provenance["identity"]["shard"] = "0/2";
  refused(made, "beside \"identity\"");
  made.provenance = Json();
  refused(made, "must be a JSON object");
  made = result_header(1, 1, 1);
  made.axes.assign(8, {"a", numbers(2000)});
  for (std::size_t i = 0; i < 8; ++i) {
    made.axes[i].name = numbers(8)[i];
  }
  refused(made, "more than a file can hold");
}

TEST_CASE("what is no result is refused by its name, also to resume") {
  const TempFolder folder;
  const auto refused = [&](const std::string& name, const std::string& why) {
    CHECK_FALSE(is_result_file(folder.file(name)));
    CHECK_THROWS_AS(read_result(folder.file(name)), DataError);
    CHECK_THROWS_WITH(read_result(folder.file(name)), contains(name + ": " + why));
  };
  refused("none.h5", "cannot open");
  refused("", "not a file; give the path of a result");
  std::ofstream(folder.file("text.h5")) << "hi";
  refused("text.h5", "not a headscope result");
  CHECK_THROWS_AS(ResultStore(folder.file("text.h5"), result_header(), IfExists::resume),
                  DataError);
  TraceWriter(folder.file("trace.h5"),
              {Json::object(), {{"a", "b", {1}, {}}}, {{"logits/last", {"prompt", "v"}, {2}}}},
              {});
  refused("trace.h5", "not a headscope result");
  run(folder.file("r.h5"), result_header());
  CHECK(is_result_file(folder.file("r.h5")));
  CHECK_THROWS_WITH(TraceReader(folder.file("r.h5")), contains("not a headscope trace"));
  std::filesystem::copy_file(folder.file("r.h5"), folder.file("newer.h5"));
  std::fstream newer(folder.file("newer.h5"), std::ios::in | std::ios::out | std::ios::binary);
  newer.seekp(std::ssize(std::string("headscope-result "))).put('2').flush();
  CHECK(is_result_file(folder.file("newer.h5")));
  CHECK_THROWS_WITH(read_result(folder.file("newer.h5")),
                    contains("result version 2, but this headscope reads version 1"));
}
