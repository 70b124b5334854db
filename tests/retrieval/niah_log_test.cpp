// The samples of a stopped needle run come back as they were, and damaged ones are refused.
#include "analyses/retrieval/niah_log.h"

#include <fstream>
#include <iterator>

#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace headscope;

namespace {

const Json kNiahIdentity{{"seed", 3}, {"batch_tokens", 512}};

LoggedSample niah_sample(const std::string& prompt) {
  LoggedSample logged{.mask = "none", .prompt = prompt, .sample = {}};
  logged.sample.recall = 2.0 / 3.0;
  logged.sample.passed = true;
  logged.sample.response = "in the park\n";
  logged.sample.tokens = {5, 6, 7};
  logged.sample.count = {0, 0.25, 0};
  logged.sample.set = {0, 0, 1};
  return logged;
}

// As a file of this format has always been.
const std::string kStoredHead =
    R"({"format":"headscope-niah-samples","identity":{"batch_tokens":512,"seed":3}})"
    "\n";
const std::string kStoredSample =
    R"({"count":{"1":0.25},"heads":3,"mask":"none","passed":true,"prompt":"a",)"
    R"("recall":0.6666666666666666,"response":"in the park\n","set":{"2":1.0},"tokens":[5,6,7]})"
    "\n";

void put_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

std::string text_in(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("niah's log keeps its format, and what it kept is found again") {
  const TempFolder folder;
  const auto path = folder.file("n.samples.jsonl");
  NiahLog(path, kNiahIdentity, IfExists::fail).add(niah_sample("a"));
  CHECK(text_in(path) == kStoredHead + kStoredSample);

  put_text(path, kStoredHead + kStoredSample + R"({"count":{"1":0.2)");  // torn
  NiahLog log(path, kNiahIdentity, IfExists::resume);
  REQUIRE(log.found().size() == 1);
  CHECK(log.has("none", "a"));
  CHECK_FALSE(log.has("none", "b"));
  CHECK(log.found()[0].sample.recall == 2.0 / 3.0);
  CHECK(log.found()[0].sample.count == std::vector<double>{0, 0.25, 0});
  CHECK(log.found()[0].sample.response == "in the park\n");
  CHECK_THROWS_WITH(NiahLog(path, kNiahIdentity, IfExists::resume),
                    contains("another process is writing it"));
  log.add(niah_sample("a"));
  CHECK(text_in(path) == kStoredHead + kStoredSample + kStoredSample);
}

TEST_CASE("niah's log refuses another run, another file and damaged lines") {
  const TempFolder folder;
  const auto path = folder.file("n.samples.jsonl");
  const auto resume = [&] { NiahLog(path, kNiahIdentity, IfExists::resume); };
  put_text(path, kStoredHead);
  CHECK_THROWS_WITH(
      NiahLog(path, {{"seed", 3}, {"batch_tokens", 1024}}, IfExists::resume),
      contains("cannot be resumed: batch_tokens is 512 there but 1024 here; start again"));
  CHECK_THROWS_WITH(NiahLog(path, kNiahIdentity, IfExists::fail), contains("exists already"));
  for (const char* line : {"{\"mask\":\"none\"}\n", "[1]\n", "{\"co\n{}\n"}) {
    CAPTURE(line);
    put_text(path, kStoredHead + kStoredSample + line);
    CHECK_THROWS_AS(resume(), DataError);
    CHECK_THROWS_WITH(resume(), contains("its line 3 is damaged; delete that line"));
  }
  put_text(path, "a list of prompts\n");
  CHECK_THROWS_WITH(resume(), contains("not a headscope list of samples"));
  CHECK_THROWS_WITH(NiahLog(path, kNiahIdentity, IfExists::replace),
                    contains("so it is not replaced"));
}
