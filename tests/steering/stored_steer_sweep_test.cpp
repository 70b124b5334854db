// What a sweep of steer keeps is a stored file as others are: tests/stored/ says what must hold.
#include "analyses/steering/steer_sweep.h"
#include "tests/stored/small_disk.h"
#include "tests/stored/stored_damage.h"
#include "tests/stored/stored_kills.h"
#include "tests/support/child.h"

using namespace headscope;
using namespace headscope::stored;

namespace {

SteerEval eval_of(std::size_t unit) {
  const double number = static_cast<double>(unit) / 7.0;
  SteerEval eval;
  eval.effect = {.mean = number, .standard_error = 0.1, .low = number - 1.0, .high = number + 1.0};
  eval.control = "random heads";
  eval.random = {0.5, -0.5};
  eval.side = {.kl = 1.0 + number, .perplexity = 40.0};
  return eval;
}

StoredKind sweep_kind(std::size_t units) {
  StoredKind kind{.name = "sweep of steer", .units = units, .steps = 1 + static_cast<int>(units)};
  kind.sealed = false;
  kind.write = [units](const std::filesystem::path& path, const Told& told) {
    SteerSweepLog log(path, log_identity(), {IfExists::resume});
    told.step();
    for (std::size_t unit = log.lines().size(); unit < units; ++unit) {
      log.add(static_cast<double>(unit), eval_of(unit));
      told.wrote(unit);
      told.step();
    }
  };
  kind.read = [units](const std::filesystem::path& path) {
    try {
      const SteerSweepLog log(path, log_identity(), {IfExists::resume});
      Seen seen{.done = log.lines().size(), .complete = log.lines().size() == units, .wrong = {}};
      for (std::size_t unit = 0; unit < seen.done; ++unit) {
        Json want = Json::parse(to_json(eval_of(unit)).dump());
        want["strength"] = static_cast<double>(unit);
        if (log.lines()[unit] != want) {
          seen.wrong = "line " + std::to_string(unit);
        }
      }
      return seen;
    } catch (const UsageError& error) {  // of another run, as far as damage lets it be told
      throw DataError("{}", error.what());
    }
  };
  return kind;
}

}  // namespace

TEST_CASE("a sweep of steer killed at random moments loses no finished strength") {
  const KillTally tally = kill_many(sweep_kind(12), 25);
  CHECK(tally.killed >= 20);
  CHECK(tally.partial > 5);
}

TEST_CASE("damage anywhere in a sweep of steer is refused, or a value that is read as it stands") {
  flip_bytes(sweep_kind(6), 400);
}

TEST_CASE("a limit or a full disk leaves what a sweep of steer has finished") {
  const TempFolder folder;
  const StoredKind kind = sweep_kind(30);
  const auto limited = folder.file("limited.jsonl");
  CHECK(in_child([&] {
          return refused_write(
                     kind,
                     limited,
                     at_step(3, [&] { limit_file_size(std::filesystem::file_size(limited) + 9); }))
                             .find("are kept: raise the limit") != std::string::npos
                     ? 0
                     : 1;
        }) == 0);
  CHECK(kind.read(limited).done == 2);
  CHECK(kind.read(limited).wrong.empty());

  const SmallDisk disk;
  CHECK_THAT(refused_write(kind, disk.file(), at_step(3, [&] { disk.fill(); })),
             contains("are kept: free some disk"));
  CHECK(kind.read(disk.file()).wrong.empty());
  disk.free();
  kind.write(disk.file(), {});
  CHECK(kind.read(disk.file()).complete);
}

TEST_CASE("a line of a sweep that lacks what its table and picture show is refused") {
  const TempFolder folder;
  const auto path = folder.file("s.jsonl");
  sweep_kind(1).write(path, {});
  const Bytes whole = file_bytes(path);
  const std::string text(whole.begin(), whole.end());
  const std::string broken = [&] {
    std::string other = text;
    return other.replace(other.find("\"effect\""), 8, "\"affect\"");
  }();
  write_bytes(path, {broken.begin(), broken.end()});
  CHECK_THROWS_AS(SteerSweepLog(path, log_identity(), {IfExists::resume}), DataError);
  // Of ranks, it is another sweep.
  write_bytes(path, whole);
  CHECK_THROWS_AS(SteerSweepLog(path, log_identity(), {IfExists::resume, "rank"}), UsageError);
}
