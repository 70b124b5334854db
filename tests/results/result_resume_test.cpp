#include <algorithm>
#include <random>

#include "tests/results/result_cases.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::result_cases;

TEST_CASE("a resumed store goes on where it stopped and ends as if never stopped") {
  const TempFolder folder;
  const ResultHeader made = result_header();
  run(folder.file("r.h5"), made, IfExists::resume, 3, 7);
  {
    ResultStore store(folder.file("r.h5"), made, IfExists::resume);
    CHECK(store.done_count() == 20);
    CHECK(store.done(3, 0));
    CHECK_FALSE(store.done(2, 4));
    CHECK(bits({store.value(3, 1)}) == bits({value_at(3, 1)}));
    CHECK(store.baseline(Run::clean) == baseline_of(5, 1.0));
  }
  run(folder.file("r.h5"), made, IfExists::resume);
  run(folder.file("whole.h5"), made);
  CHECK((file_bytes(folder.file("r.h5")) == file_bytes(folder.file("whole.h5"))));
}

TEST_CASE("values put in any order and any batches end in the same file") {
  const TempFolder folder;
  const ResultHeader made = result_header();
  run(folder.file("whole.h5"), made);
  {
    ResultStore store(folder.file("r.h5"), made, IfExists::fail);
    std::vector<ResultStore::Value> values = missing(store, 0, store.cells());
    std::mt19937 random(9);
    std::ranges::shuffle(values, random);
    for (std::size_t first = 0; first < values.size(); first += 20) {
      store.put({values.begin() + static_cast<long>(first),
                 values.begin() + static_cast<long>(first + 20)});
      CHECK(first_wrong(read_result(folder.file("r.h5"))).empty());
    }
    put_baselines(store);
    store.finish();
  }
  CHECK((file_bytes(folder.file("r.h5")) == file_bytes(folder.file("whole.h5"))));
}

TEST_CASE("an existing result is refused, resumed or replaced as asked") {
  const TempFolder folder;
  run(folder.file("r.h5"), result_header());
  CHECK_THROWS_AS(ResultStore(folder.file("r.h5"), result_header(), IfExists::fail), UsageError);
  CHECK_THROWS_WITH(ResultStore(folder.file("r.h5"), result_header(), IfExists::fail),
                    contains("--resume"));
  CHECK(ResultStore(folder.file("r.h5"), result_header(2), IfExists::replace).done_count() == 0);
  CHECK(read_result(folder.file("r.h5")).header.axes[0].size() == 2);
}

TEST_CASE("a second writer is refused while the first lives") {
  const TempFolder folder;
  {
    ResultStore first(folder.file("r.h5"), result_header(), IfExists::fail);
    for (const IfExists how : {IfExists::resume, IfExists::replace, IfExists::fail}) {
      CHECK_THROWS_AS(ResultStore(folder.file("r.h5"), result_header(), how), UsageError);
      CHECK_THROWS_WITH(ResultStore(folder.file("r.h5"), result_header(), how),
                        contains("another process is writing it"));
    }
    first.put({{0, 0, 1.0}});
  }
  CHECK(ResultStore(folder.file("r.h5"), result_header(), IfExists::resume).done_count() == 1);
}

TEST_CASE("resuming another sweep names the first difference and both values") {
  const TempFolder folder;
  const ResultHeader made = result_header();
  run(folder.file("r.h5"), made);
  const auto refused = [&](const ResultHeader& other, const std::string& why) {
    CHECK_THROWS_AS(ResultStore(folder.file("r.h5"), other, IfExists::resume), UsageError);
    CHECK_THROWS_WITH(ResultStore(folder.file("r.h5"), other, IfExists::resume), contains(why));
  };
  ResultHeader other = made;
  other.provenance["identity"]["model"] = "xyz";
  refused(other, "model is abc there but xyz here");
  other = made;
  other.provenance["identity"]["task"] = "xxh3:2";
  refused(other, "task is xxh3:1 there but xxh3:2 here");
  other = made;
  other.provenance["identity"]["options"]["window"] = 5;
  refused(other, "options.window is 3 there but 5 here");
  other = made;
  other.provenance["identity"]["options"]["layers"][1] = 4;
  refused(other, "options.layers[1] is 2 there but 4 here");
  other = made;
  other.provenance["identity"].erase("seed");
  refused(other, "seed is 7 there but absent here");
  other = made;
  other.kind = "ablate";
  refused(other, "kind is patch there but ablate here");
  other = made;
  other.metric = "kl";
  refused(other, "metric is logit_diff there but kl here");
  other = made;
  other.axes.pop_back();
  refused(other, "the number of the axes is 2 there but 1 here");
  other = made;
  other.axes[1].name = "mlp";
  refused(other, "number 1 of the axes is head there but mlp here");
  refused(result_header(4, 9), "the number of the labels of axis head is 3 there but 9 here");
  other = made;
  other.axes[0].labels[2] = "7";
  refused(other, "number 2 of the labels of axis layer is 2 there but 7 here");
  refused(result_header(4, 3, 6), "the number of the prompts' ids is 5 there but 6 here");
  other = made;
  other.prompt_ids[3] = "q";
  refused(other, "number 3 of the prompts' ids is p3 there but q here");
  other = made;
  other.templates.clear();
  refused(other, "the number of the prompts' templates is 5 there but 0 here");
  other = made;
  other.provenance["shard"] = "1/4";
  refused(other, "shard is absent there but 1/4 here");
  other = made;
  other.provenance["command_line"] = "another";  // not part of the identity
  CHECK_NOTHROW(ResultStore(folder.file("r.h5"), other, IfExists::resume));
}
