// Lists of heads read from each format, and compared. The published files' figures are those of
// shared/methods (Wu et al. 2024; Xiao et al. 2024); those tests skip where the files are not.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <tuple>

#include "analyses/head_lists/compare.h"
#include "analyses/head_lists/read_head_list.h"
#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/published.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
namespace fs = std::filesystem;

namespace {

HeadList read_text(const TempFolder& folder, const std::string& text) {
  std::ofstream(folder.file("list")) << text;
  return read_head_list(folder.file("list"));
}

template <typename ErrorType>
void refused(const std::function<void()>& act, const std::string& says) {
  CAPTURE(says);
  try {
    act();
    FAIL("nothing was thrown");
  } catch (const ErrorType& error) {
    CHECK_THAT(error.what(), contains(says));
  }
}

HeadList list_of(std::int64_t layers,
                 std::int64_t heads,
                 std::vector<double> scores,
                 HeadSpace space = HeadSpace::query) {
  return {
      .path = "list", .format = "", .space = space, .scores = {{layers, heads}, std::move(scores)}};
}

}  // namespace

TEST_CASE("Retrieval_Head JSON: means of samples, the key order does not matter") {
  const TempFolder folder;
  const HeadList list =
      read_text(folder, R"({"1-0": [0, 0.5], "0-0": [1, 0.5], "0-1": [0, 0], "1-1": [0.2, 0.2]})");
  CHECK(list.space == HeadSpace::query);
  CHECK((list.scores.grid == HeadGrid{2, 2} && list.samples == 2));
  CHECK(list.scores.values == std::vector<double>{0.75, 0.0, 0.25, 0.2});
  CHECK(list.active.values == std::vector<double>{1.0, 0.0, 0.5, 1.0});
  CHECK(ranked_heads(list.scores)[1] == HeadId{1, 0});
  const ListSummary summary = summarize(list);
  CHECK((summary.at_least_tenth == 3 && summary.at_least_half == 1 && summary.always_active == 2));
  CHECK(summary.bins.none == 0.25);
  CHECK(summary.median == Approx(0.225));
}

TEST_CASE("DuoAttention TSV: KV heads, clipped; the folder will do") {
  const TempFolder folder;
  fs::create_directory(folder.file("m"));
  std::ofstream(folder.file("m/full_attention_heads.tsv")) << "-9.5e-05\t1.5\n0.25\t5e-1\n";
  std::ofstream(folder.file("m/config.json")) << R"({"sink_size": 128, "recent_size": 256})";
  const HeadList list = read_head_list(folder.file("m"));
  CHECK(list.space == HeadSpace::kv);
  CHECK(list.scores.values == std::vector<double>{0.0, 1.0, 0.25, 0.5});
  CHECK_THAT(list.note, contains("128"));
}

TEST_CASE("scored heads JSON: heads not listed are 0, the sizes may be stated") {
  const TempFolder folder;
  const HeadList list = read_text(
      folder,
      R"({"n_layers": 2, "n_heads": 3, "heads": [{"layer": 0, "head": 1, "score": 0.5, "x": 1}]})");
  CHECK(list.scores.values == std::vector<double>{0, 0.5, 0, 0, 0, 0});
  const HeadList kv =
      read_text(folder, R"({"space": "kv", "heads": [{"layer": 1, "head": 0, "score": 1}]})");
  CHECK(kv.space == HeadSpace::kv);
  CHECK(kv.scores.grid.n_layers == 2);
}

TEST_CASE("a broken list of heads is a DataError that says where") {
  const TempFolder folder;
  const std::vector<std::pair<std::string, std::string>> bad{
      {R"({"0-0": [1], "0-1": [1, 2]})", "0-1"},
      {R"({"0-0": [1], "1-1": [1]})", "fill"},
      {R"({"0-0": [1], "x": [1]})", "\"x\""},
      {R"({"0-0": ["a"]})", "0-0"},
      {R"({"0-0": []})", "at least one"},
      {R"({"0-0": )", "list"},
      {R"({"heads": [{"layer": 0, "head": 0}]})", "score"},
      {R"({"heads": [{"layer": -1, "head": 0, "score": 1}]})", "layer"},
      {R"({"heads": []})", "empty"},
      {R"({"heads": [{"layer":0,"head":0,"score":1},{"layer":0,"head":0,"score":1}]})", "twice"},
      {R"({"n_heads": 1, "heads": [{"layer": 0, "head": 3, "score": 1}]})", "n_heads"},
      {R"({"space": "both", "heads": [{"layer": 0, "head": 0, "score": 1}]})", "space"},
      {"1 2\n3\n", "layer 1"},
      {"prose, not numbers\n", "DuoAttention"},
      {"", "DuoAttention"},
  };
  for (const auto& [text, says] : bad) {
    CAPTURE(text);
    refused<DataError>([&, t = text] { read_text(folder, t); }, says);
  }
  refused<DataError>([&] { read_head_list(folder.file("none")); }, "none");
}

TEST_CASE("compare: overlap, chance, correlation") {
  const HeadList a = list_of(2, 5, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
  const HeadList b = list_of(2, 5, {9, 8, 0, 7, 1, 2, 6, 3, 4, 5});
  const Comparison found = compare(a, b, {.top = {3, 5, 20}});
  REQUIRE(found.overlaps.size() == 2);  // 20 of 10 heads are left out
  CHECK(found.overlaps[0].both == 2);   // {0,1,2} and {0,1,3}
  CHECK(found.overlaps[0].jaccard == Approx(0.5));
  CHECK(found.overlaps[0].expected == Approx(0.9));
  CHECK(*compare(a, a).pearson == Approx(1.0));
  CHECK(*found.spearman == Approx(*found.pearson));  // both are permutations of 0 … 9
  CHECK_FALSE(compare(a, list_of(2, 5, std::vector<double>(10))).pearson);
}

TEST_CASE("compare keeps query heads and KV heads apart") {
  const HeadList query = list_of(2, 4, {0.1, 0.9, 0.2, 0.3, 0.0, 0.4, 0.8, 0.7});
  const HeadList kv = list_of(2, 2, {0.5, 0.1, 0.2, 0.9}, HeadSpace::kv);
  refused<UsageError>([&] { compare(query, kv); }, "query heads");
  refused<UsageError>([&] { compare(kv, query); }, "--kv max");
  // Even where there are as many of one as of the other.
  refused<UsageError>([&] { compare(query, list_of(2, 4, query.scores.values, HeadSpace::kv)); },
                      "KV heads");
  const Comparison found = compare(query, kv, {.kv = KvReduction::max, .top = {1}});
  CHECK(found.a.scores.values == std::vector<double>{0.9, 0.3, 0.4, 0.8});
  CHECK(found.a.space == HeadSpace::kv);
  CHECK(found.overlaps[0].both == 0);  // 0.0 there, 1.1 here
  CHECK(*compare(kv, query, {.kv = KvReduction::max}).pearson == Approx(*found.pearson));
  refused<UsageError>(
      [&] {
        compare(
            query, list_of(2, 3, std::vector<double>(6), HeadSpace::kv), {.kv = KvReduction::max});
      },
      "3 KV heads");
  refused<UsageError>([&] { compare(query, list_of(4, 2, std::vector<double>(8))); }, "4×2");
}

TEST_CASE("the published Retrieval_Head files have the published counts") {
  struct Published {
    std::string name;
    std::int64_t samples, tenth, half, all;
    std::vector<std::tuple<std::int64_t, std::int64_t, double>> top;
  };
  const std::vector<Published> files{
      {"llama-2-7b-80k", 586, 33, 6, 12, {{16, 19, .943}, {11, 15, .920}, {8, 26, .800},
                                          {6, 9, .618},   {7, 12, .614},  {17, 22, .557},
                                          {11, 2, .459},  {6, 16, .437},  {19, 15, .420},
                                          {21, 30, .400}, {18, 30, .312}, {24, 29, .261},
                                          {7, 4, .224},   {15, 14, .207}, {16, 1, .178},
                                          {20, 30, .167}, {17, 0, .162},  {14, 18, .161},
                                          {24, 30, .159}, {21, 1, .149}}},
      {"Mistral-7B-v0.2-hf", 362, 43, 5, 31, {{18, 0, .943},  {12, 7, .928},  {12, 6, .774},
                                              {18, 2, .743},  {18, 3, .603},  {18, 1, .462},
                                              {30, 8, .427},  {28, 0, .405},  {19, 9, .334},
                                              {19, 8, .286},  {17, 26, .276}, {19, 10, .248},
                                              {29, 10, .239}, {2, 23, .227},  {31, 4, .218},
                                              {14, 31, .214}, {19, 17, .206}, {13, 5, .186},
                                              {15, 8, .174},  {19, 19, .167}}}};
  std::vector<HeadList> lists;
  for (const Published& file : files) {
    CAPTURE(file.name);
    const fs::path path = test::published("retrieval_heads/" + file.name + ".json");
    lists.push_back(read_head_list(path));
    const ListSummary summary = summarize(lists.back());
    CHECK(lists.back().samples == file.samples);
    CHECK(summary.at_least_tenth == file.tenth);
    CHECK(summary.at_least_half == file.half);
    CHECK(summary.always_active == file.all);
    const HeadScores& scores = lists.back().scores;
    const std::vector<HeadId> ranked = ranked_heads(scores);
    for (std::size_t i = 0; i < file.top.size(); ++i) {
      const auto& [layer, head, score] = file.top[i];
      CAPTURE(i);
      CHECK(ranked[i] == HeadId{layer, head});
      CHECK(scores[ranked[i]] == Approx(score).margin(0.0006));
    }
  }
  CHECK(*compare(lists[0], lists[1]).pearson == Approx(-0.01).margin(0.005));
}

TEST_CASE("the published DuoAttention files have the published statistics") {
  struct Published {
    std::string name;
    std::int64_t heads;
    double mean, above_half, above_tenth, below_hundredth, median;
  };
  for (const Published& file : std::vector<Published>{
           {"Llama-2-7B-32K-Instruct", 32, .419, .434, .528, .442, .2383},
           {"Llama-3-8B-Instruct-Gradient-1048k", 8, .769, .809, .859, .125, .9609},
           {"Meta-Llama-3.1-8B-Instruct", 8, .852, .914, .953, .031, .9531},
           {"Mistral-7B-Instruct-v0.2", 8, .923, .953, .961, .039, .9961}}) {
    CAPTURE(file.name);
    const fs::path path = test::published("duo_attention/" + file.name);
    const HeadList list = read_head_list(path);
    CHECK((list.scores.grid == HeadGrid{32, file.heads}));
    const auto share = [&](const std::function<bool(double)>& is) {
      const std::vector<double>& scores = list.scores.values;
      return static_cast<double>(std::count_if(scores.begin(), scores.end(), is)) /
             static_cast<double>(scores.size());
    };
    CHECK(summarize(list).mean == Approx(file.mean).margin(0.0006));
    // Theirs is the upper of the two in the middle: a step of bf16 apart.
    CHECK(summarize(list).median == Approx(file.median).margin(0.0025));
    CHECK(share([](double a) { return a > 0.5; }) == Approx(file.above_half).margin(0.0006));
    CHECK(share([](double a) { return a > 0.1; }) == Approx(file.above_tenth).margin(0.0006));
    CHECK(share([](double a) { return a < 0.01; }) == Approx(file.below_hundredth).margin(0.0006));
  }
}
