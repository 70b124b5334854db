#include "tests/results/result_cases.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::result_cases;

TEST_CASE("a resumed store goes on where it stopped and ends as if never stopped") {
  const TempFolder folder;
  const ResultHeader made = header();
  run(folder.file("r.h5"), made, IfExists::resume, 3, 7);
  {
    ResultStore store(folder.file("r.h5"), made, IfExists::resume);
    CHECK(store.done_count() == 20);
    CHECK(store.done(3, 0));
    CHECK_FALSE(store.done(2, 4));
    CHECK(bits({store.value(3, 1)}) == bits({value_at(3, 1)}));
    CHECK(store.baseline(ResultStore::Run::clean) == baseline_of(5, 1.0));
  }
  run(folder.file("r.h5"), made, IfExists::resume);
  run(folder.file("whole.h5"), made);
  CHECK((file_bytes(folder.file("r.h5")) == file_bytes(folder.file("whole.h5"))));
}

TEST_CASE("an existing result is refused, resumed or replaced as asked") {
  const TempFolder folder;
  run(folder.file("r.h5"), header());
  CHECK_THROWS_AS(ResultStore(folder.file("r.h5"), header(), IfExists::fail), UsageError);
  CHECK_THROWS_WITH(ResultStore(folder.file("r.h5"), header(), IfExists::fail),
                    contains("--resume"));
  CHECK(ResultStore(folder.file("r.h5"), header(2), IfExists::replace).done_count() == 0);
  CHECK(read_result(folder.file("r.h5")).header.axes[0].size() == 2);
}

TEST_CASE("a second writer is refused while the first lives") {
  const TempFolder folder;
  {
    ResultStore first(folder.file("r.h5"), header(), IfExists::fail);
    for (const IfExists how : {IfExists::resume, IfExists::replace, IfExists::fail}) {
      CHECK_THROWS_AS(ResultStore(folder.file("r.h5"), header(), how), UsageError);
      CHECK_THROWS_WITH(ResultStore(folder.file("r.h5"), header(), how),
                        contains("another process is writing it"));
    }
    first.put({{0, 0, 1.0}});
  }
  CHECK(ResultStore(folder.file("r.h5"), header(), IfExists::resume).done_count() == 1);
}

TEST_CASE("resuming another sweep names the first difference and both values") {
  const TempFolder folder;
  const ResultHeader made = header();
  run(folder.file("r.h5"), made);
  const auto refused = [&](const ResultHeader& other, const std::string& why) {
    CHECK_THROWS_AS(ResultStore(folder.file("r.h5"), other, IfExists::resume), UsageError);
    CHECK_THROWS_WITH(ResultStore(folder.file("r.h5"), other, IfExists::resume), contains(why));
  };
  ResultHeader other = made;
  other.provenance["identity"]["model"] = "xyz";
  refused(other, "model is \"abc\" there but \"xyz\" here");
  other = made;
  other.provenance["identity"]["task"] = "xxh3:2";
  refused(other, "task is \"xxh3:1\" there but \"xxh3:2\" here");
  other = made;
  other.provenance["identity"]["options"]["window"] = 5;
  refused(other, "options.window is 3 there but 5 here");
  other = made;
  other.provenance["identity"].erase("seed");
  refused(other, "seed is 7 there but absent here");
  other = made;
  other.kind = "ablate";
  refused(other, "kind is \"patch\" there but \"ablate\" here");
  other = made;
  other.metric = "kl";
  refused(other, "metric is \"logit_diff\" there but \"kl\" here");
  other = made;
  other.axes.pop_back();
  refused(other, "the number of the axes is 2 there but 1 here");
  other = made;
  other.axes[1].name = "mlp";
  refused(other, "number 1 of the axes is \"head\" there but \"mlp\" here");
  refused(header(4, 9), "the number of the labels of axis head is 3 there but 9 here");
  other = made;
  other.axes[0].labels[2] = "7";
  refused(other, "number 2 of the labels of axis layer is \"2\" there but \"7\" here");
  refused(header(4, 3, 6), "the number of the prompts' ids is 5 there but 6 here");
  other = made;
  other.prompt_ids[3] = "q";
  refused(other, "number 3 of the prompts' ids is \"p3\" there but \"q\" here");
  other = made;
  other.templates.clear();
  refused(other, "the number of the prompts' templates is 5 there but 0 here");
  other = made;
  other.provenance["shard"] = "1/4";
  refused(other, "shard is null there but \"1/4\" here");
  other = made;
  other.provenance["command_line"] = "another";  // not part of the identity
  CHECK_NOTHROW(ResultStore(folder.file("r.h5"), other, IfExists::resume));
}

TEST_CASE("misuse of a result store is an error that says what, and writes nothing") {
  const TempFolder folder;
  ResultStore store(folder.file("r.h5"), header(), IfExists::fail);
  store.put({{1, 2, 1.0}});
  CHECK_THROWS_WITH(store.put({{0, 0, 1.0}, {1, 2, 3.0}}),
                    contains("layer 0, head 1, prompt 2 is done already"));
  CHECK_THROWS_WITH(store.put({{0, 1, 1.0}, {0, 1, 1.0}}), contains("is given twice"));
  CHECK_THROWS_WITH(store.put({{12, 0, 1.0}}), contains("12 cells and 5 prompts"));
  CHECK_THROWS_AS(store.done(0, 5), UsageError);
  CHECK_THROWS_AS(store.value(-1, 0), UsageError);
  CHECK_THROWS_WITH(store.put_baseline(ResultStore::Run::clean, {1.0}),
                    contains("1 values for 5 prompts"));
  put_baselines(store);
  put_baselines(store);  // the same again
  std::vector<double> other = baseline_of(5, 1.0);
  other[3] += 1e-15;
  CHECK_THROWS_WITH(store.put_baseline(ResultStore::Run::clean, other),
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
  ResultHeader made = header();
  made.axes.clear();
  refused(made, "1 to 8 axes");
  refused(header(4, 3, 0), "at least one prompt");
  refused(header(4, 0), "axis head has no labels");
  made = header();
  made.axes[1].name = "layer";
  refused(made, "axis layer is there twice");
  made.axes[1].name = "prompt";
  refused(made, "'prompt' cannot name an axis");
  made.axes[1].name = "a/b";
  refused(made, "'a/b' cannot name an axis");
  made = header();
  made.templates.pop_back();
  refused(made, "4 templates for 5 prompts");
  made = header();
  made.provenance["kind"] = "x";
  refused(made, "provenance key 'kind' is taken by the result itself");
  made = header();
  made.provenance["identity"]["shard"] = "0/2";
  refused(made, "beside \"identity\"");
  made.provenance = Json();
  refused(made, "must be a JSON object");
  made = header(1, 1, 1);
  made.axes.assign(8, {"a", numbers(2000)});
  for (std::size_t i = 0; i < 8; ++i) {
    made.axes[i].name = numbers(8)[i];
  }
  refused(made, "more than a file can hold");
}
