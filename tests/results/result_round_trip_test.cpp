#include <algorithm>
#include <cmath>
#include <cstring>

#include "tests/results/result_cases.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::result_cases;

TEST_CASE("what is put is read, bit for bit") {
  const TempFolder folder;
  const ResultHeader made = result_header();
  run(folder.file("r.h5"), made);
  const Result result = read_result(folder.file("r.h5"));
  CHECK(result.header.kind == "patch");
  CHECK(result.header.metric == "logit_diff");
  REQUIRE(result.header.axes.size() == 2);
  CHECK(result.header.axes[0].name == "layer");
  CHECK(result.header.axes[1].labels == numbers(3));
  CHECK(result.header.prompt_ids == made.prompt_ids);
  CHECK(result.header.templates == made.templates);
  CHECK(result.header.provenance == made.provenance);
  CHECK(result.complete());
  CHECK(first_wrong(result).empty());
  CHECK(bits(result.clean) == bits(baseline_of(5, 1.0)));
  CHECK(bits(result.corrupted) == bits(baseline_of(5, -1.0)));
}

TEST_CASE("labels come back as they were given, numbers or not") {
  const TempFolder folder;
  ResultHeader made = result_header();
  made.axes = {{"pos", {"end", "S1", "end"}},
               {"layer", {"-3", "9223372036854775807", "0"}},
               {"zeros", {"01", "2"}},
               {"odd", {"", "+1", "1.0", "9223372036854775808", "-0", "\xe2\x82\xac"}}};
  made.templates.clear();
  run(folder.file("r.h5"), made);
  const Result result = read_result(folder.file("r.h5"));
  REQUIRE(result.header.axes.size() == made.axes.size());
  for (std::size_t i = 0; i < made.axes.size(); ++i) {
    CHECK(result.header.axes[i].name == made.axes[i].name);
    CHECK(result.header.axes[i].labels == made.axes[i].labels);
  }
  CHECK(result.header.templates.empty());
  CHECK(first_wrong(result).empty());
}

TEST_CASE("nothing is done in a new store, and what is not done is NaN") {
  const TempFolder folder;
  ResultStore store(folder.file("r.h5"), result_header(), IfExists::fail);
  CHECK(store.cells() == 12);
  CHECK(store.prompts() == 5);
  CHECK(store.done_count() == 0);
  CHECK(std::isnan(store.value(11, 4)));
  CHECK(store.baseline(Run::clean).empty());
  store.put({{7, 2, 1.5}, {0, 0, -2.0}, {7, 3, 0.25}});
  CHECK(store.done_count() == 3);
  CHECK(store.done(7, 2));
  CHECK_FALSE(store.done(7, 1));
  CHECK(store.value(7, 3) == 0.25);
  const Result seen = read_result(folder.file("r.h5"));  // while it is open to write
  CHECK(seen.done == 3);
  CHECK_FALSE(seen.complete());
  CHECK(seen.clean.empty());
  CHECK(std::ranges::count_if(seen.per_prompt, [](double v) { return std::isnan(v); }) == 57);
  CHECK(seen.per_prompt[7 * 5 + 2] == 1.5);
}

TEST_CASE("whoever reads the file without its marks sees NaN where nothing was written") {
  const TempFolder folder;
  ResultStore store(folder.file("r.h5"), result_header(), IfExists::fail);
  const auto nans = [&] {  // of the file's last bytes: baselines, means, values
    const std::vector<std::uint8_t> bytes = file_bytes(folder.file("r.h5"));
    std::vector<double> values(5 + 5 + 12 + 60);
    std::memcpy(values.data(), bytes.data() + bytes.size() - 8 * values.size(), 8 * values.size());
    return std::ranges::count_if(values, [](double value) { return std::isnan(value); });
  };
  CHECK(nans() == 82);
  put_baselines(store);
  store.put({{3, 0, 1.0}, {3, 1, 1.0}, {3, 2, 1.0}, {3, 3, 1.0}, {3, 4, 1.0}, {4, 0, 1.0}});
  CHECK(nans() == 82 - 10 - 6);
  store.finish();
  CHECK(nans() == 82 - 10 - 6 - 1);
}

TEST_CASE("a store can be moved") {
  const TempFolder folder;
  ResultStore first(folder.file("r.h5"), result_header(), IfExists::fail);
  ResultStore second = std::move(first);
  second.put({{1, 1, 2.0}});
  CHECK(read_result(folder.file("r.h5")).per_prompt[6] == 2.0);
}

TEST_CASE("means go over the prompts of a cell") {
  const std::vector<double> result = means({1, 2, 6, std::nan(""), 1, 1}, 3);
  REQUIRE(result.size() == 2);
  CHECK(result[0] == 3.0);
  CHECK(std::isnan(result[1]));
}

TEST_CASE("many prompts with long ids leave all metadata under the seal") {
  const TempFolder folder;
  ResultHeader made = result_header(2, 300, 0);
  made.templates.clear();
  for (int i = 0; i < 20000; ++i) {
    made.prompt_ids.push_back(std::string(i % 200, 'x') + std::to_string(i));
  }
  made.axes[1].labels.assign(300, std::string(500, 'l'));
  made.axes[0].labels.resize(1);
  made.axes[1].labels.resize(3);
  made.provenance["long"] = std::string(200000, 'y');
  for (int i = 0; i < 60; ++i) {
    made.provenance["key" + std::to_string(i)] = i;
  }
  ResultStore(folder.file("r.h5"), made, IfExists::fail).put({{2, 19999, 0.5}});
  const Result result = read_result(folder.file("r.h5"));
  CHECK(result.header.prompt_ids == made.prompt_ids);
  CHECK(result.header.provenance == made.provenance);
  CHECK(result.per_prompt.back() == 0.5);
}

TEST_CASE("stores of any size are made: nothing but values lies behind the marks") {
  const TempFolder folder;
  for (std::size_t prompts = 1; prompts < 12; ++prompts) {
    for (const std::size_t padding : {0, 700, 3000, 9000}) {
      ResultHeader made = result_header();
      made.prompt_ids = numbers(static_cast<std::int64_t>(prompts));
      made.templates.assign(prompts, std::string(padding / 100, 't'));
      made.provenance["padding"] = std::string(padding, 'x');
      CAPTURE(prompts, padding);
      const ResultStore store(folder.file("r.h5"), made, IfExists::replace);
      CHECK(store.prompts() == static_cast<std::int64_t>(prompts));
    }
  }
}
