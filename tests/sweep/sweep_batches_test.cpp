// A sweep that is gone on with runs in the batches that it was begun in, whatever memory it has.
#include <algorithm>

#include "analyses/sweep/sweep_job.h"
#include "analyses/sweep_file/sweep_methods.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/temp_folder.h"
#include "tests/sweep/tasks_of_tokens.h"

using namespace headscope;
using namespace headscope::test;

namespace {

constexpr std::int64_t kScarce = 1'000'000;
constexpr std::int64_t kPlenty = 1'000'000'000;

enum class Stop { never, at_once, behind_first_values };

// How many values came at once, at the most: those of one batch.
class LargestPut final : public SweepWatch {
 public:
  LargestPut(const SweepWatch::Of& of, std::size_t& largest) : to_(of.to), largest_(largest) {}

  [[nodiscard]] bool done(std::int64_t cell, std::int64_t prompt) const override {
    return to_.done(cell, prompt);
  }
  void put(const std::vector<ResultStore::Value>& values) override {
    largest_ = std::max(largest_, values.size());
    to_.put(values);
  }
  void put_baseline(Run run, const std::vector<double>& per_prompt) override {
    to_.put_baseline(run, per_prompt);
  }
  void show(const SweepProgress&) override {}

 private:
  SweepSink& to_;
  std::size_t& largest_;
};

class BegunSweep {
 public:
  explicit BegunSweep(const std::string& method) : method_(make_sweep_method(method)) {
    method_->open();
  }

  // Into `name`, gone on with if it is there. False if it was stopped.
  bool run(const std::string& name, std::int64_t memory, Stop stop = Stop::never) {
    largest = 0;
    SweepJobOptions options{
        .out = path(name), .if_exists = IfExists::resume, .shard = "", .memory = memory};
    options.stop = [this, stop] {
      return stop == Stop::at_once || (stop == Stop::behind_first_values && largest > 0);
    };
    options.watch = [this](const SweepWatch::Of& of) {
      return std::make_unique<LargestPut>(of, largest);
    };
    SweepJob job(model_, task_, *method_, {"test", 0}, options);
    job.check_file();
    return job.run({}).finished;
  }

  [[nodiscard]] Result result(const std::string& name) const { return read_result(path(name)); }
  [[nodiscard]] Json batches(const std::string& name) const {
    return result(name).header.provenance.at("batches");
  }

  std::size_t largest = 0;  // of the last run

 private:
  [[nodiscard]] std::string path(const std::string& name) const { return folder_.file(name); }

  TempFolder folder_;
  Model model_ = load(huggingface_fixture("llama"));
  Task task_ = random_task({.lengths = std::vector<std::int64_t>(12, 9),
                            .differ_from = std::vector<std::int64_t>(12, 5),
                            .d_vocab = model_.config().d_vocab});
  std::unique_ptr<SweepMethod> method_;
};

}  // namespace

TEST_CASE("a sweep goes on in the batches it was begun in") {
  for (const std::string method : {"patch", "attribute"}) {
    CAPTURE(method);
    BegunSweep sweep(method);
    REQUIRE(sweep.run("scarce", kScarce));
    const std::size_t small = sweep.largest;
    REQUIRE(sweep.run("plenty", kPlenty));
    REQUIRE(sweep.largest > small);  // or nothing is shown
    REQUIRE(sweep.batches("scarce") != sweep.batches("plenty"));

    REQUIRE_FALSE(sweep.run("stopped", kScarce, Stop::behind_first_values));
    REQUIRE(sweep.result("stopped").done > 0);
    REQUIRE(sweep.run("stopped", kPlenty));
    CHECK(sweep.largest > 0);
    CHECK(sweep.largest <= small);
    CHECK(sweep.batches("stopped") == sweep.batches("scarce"));
    CHECK(sweep.result("stopped").per_prompt == sweep.result("scarce").per_prompt);
  }
}

TEST_CASE("a sweep whose batches take more than there is now is refused, and kept") {
  const struct {
    const char* method;
    Stop stop;
    std::int64_t before, now;  // memory
  } cases[] = {{"patch", Stop::behind_first_values, kScarce, kScarce / 2},
               {"attribute", Stop::at_once, kPlenty, kScarce}};
  for (const auto& [method, stop, before, now] : cases) {
    CAPTURE(method);
    BegunSweep sweep(method);
    REQUIRE_FALSE(sweep.run("stopped", before, stop));
    const Result kept = sweep.result("stopped");
    CHECK((kept.done > 0) == (stop == Stop::behind_first_values));
    CHECK_THROWS_AS(sweep.run("stopped", now), ResourceError);
    CHECK_THROWS_WITH(sweep.run("stopped", now),
                      contains("the batches that the sweep was begun in"));
    CHECK(sweep.result("stopped").done == kept.done);
    CHECK(sweep.batches("stopped") == kept.header.provenance.at("batches"));
    CHECK(sweep.run("stopped", kPlenty));
  }
}
