// Atlases are stored files as traces and results are: tests/stored/ says what must hold of each.
#include "analyses/head_detectors/atlas.h"
#include "tests/stored/small_disk.h"
#include "tests/stored/stored_damage.h"
#include "tests/stored/stored_kills.h"
#include "tests/support/child.h"

using namespace headscope;
using namespace headscope::stored;

namespace {

// With as much text as makes one detector `bytes` long.
Detection detection(std::size_t unit, std::size_t bytes) {
  const HeadGrid grid{2, 3};
  const auto number = static_cast<double>(unit);
  Detection made;
  made.detector.name = "d" + std::to_string(unit);
  made.detector.source = std::string(bytes, 's');
  made.detector.threshold = 0.5;
  made.fingerprint = "xxh3:" + std::to_string(unit);
  made.score = {grid, {number, 1.0 / 3.0, 2, 3, 4, 5}};
  made.low = made.high = made.score;
  return made;
}

// Whole after each detector, as detect writes it.
StoredKind atlas_kind(std::size_t units, std::size_t bytes) {
  StoredKind kind{.name = "atlas", .units = units, .steps = 1 + static_cast<int>(units)};
  kind.write = [units, bytes](const std::filesystem::path& path, const Told& told) {
    check_atlas_output(path, IfExists::resume);
    Atlas atlas{.provenance = {{"identity", {{"seeds", 1}}}},
                .n_layers = 2,
                .n_heads = 3,
                .n_kv_heads = 3,
                .detections = {}};
    if (std::filesystem::exists(path)) {
      atlas = read_atlas(path);
    }
    told.step();
    for (std::size_t unit = atlas.detections.size(); unit < units; ++unit) {
      atlas.detections.push_back(detection(unit, bytes));
      write_atlas(atlas, path);
      told.wrote(unit);
      told.step();
    }
  };
  kind.read = [units](const std::filesystem::path& path) {
    const Atlas atlas = read_atlas(path);
    Seen seen{
        .done = atlas.detections.size(), .complete = atlas.detections.size() == units, .wrong = {}};
    for (std::size_t unit = 0; unit < seen.done; ++unit) {
      if (atlas.detections[unit].score != detection(unit, 0).score) {
        seen.wrong = "d" + std::to_string(unit);
      }
    }
    return seen;
  };
  return kind;
}

}  // namespace

TEST_CASE("an atlas killed at random moments loses no finished detector") {
  const KillTally tally = kill_many(atlas_kind(8, 10), 25);
  CHECK(tally.killed >= 20);
  CHECK(tally.partial > 5);
}

TEST_CASE("damage anywhere in an atlas is found") {
  const StoredKind kind = atlas_kind(3, 10);
  flip_bytes(kind, 200);
  cut_short(kind);
}

TEST_CASE("an atlas that a limit or a full disk refuses leaves the one before whole") {
  const TempFolder folder;
  const StoredKind kind = atlas_kind(6, 30000);
  const auto limited = folder.file("limited.h5");
  CHECK(in_child([&] {
          return refused_write(
                     kind,
                     limited,
                     at_step(3, [&] { limit_file_size(std::filesystem::file_size(limited)); }))
                             .find("limited.h5: cannot write it") != std::string::npos
                     ? 0
                     : 1;
        }) == 0);
  CHECK(kind.read(limited).done == 2);
  CHECK_FALSE(std::filesystem::exists(folder.file("limited.h5.part")));

  const SmallDisk disk;
  CHECK_THAT(refused_write(kind, disk.file(), at_step(4, [&] { disk.fill(); })),
             contains("t.h5: cannot write it"));
  CHECK(kind.read(disk.file()).done == 3);
  CHECK(kind.read(disk.file()).wrong.empty());
  disk.free();
  kind.write(disk.file(), {});
  CHECK(kind.read(disk.file()).complete);
}

TEST_CASE("--overwrite of an atlas leaves other files alone") {
  const TempFolder folder;
  write_bytes(folder.file("model.gguf"), Bytes(1000, 7));
  CHECK_THROWS_WITH(check_atlas_output(folder.file("model.gguf"), IfExists::replace),
                    contains("model.gguf: not a headscope atlas, so it is not replaced"));
  atlas_kind(1, 10).write(folder.file("a.h5"), {});
  CHECK_NOTHROW(check_atlas_output(folder.file("a.h5"), IfExists::replace));
  CHECK_NOTHROW(check_atlas_output(folder.file("new.h5"), IfExists::fail));
  CHECK_THROWS_WITH(check_atlas_output(folder.file("a.h5"), IfExists::fail),
                    contains("exists already"));
}
