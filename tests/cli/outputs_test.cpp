// Where outputs lie is looked at before any work, by every verb alike.
#include <fcntl.h>

#include "hooks/stored/writer_claim.h"
#include "tests/cli/program.h"
#include "tests/support/cached_model.h"
#include "tests/support/catch.h"

using namespace headscope::test;
namespace fs = std::filesystem;

namespace {

const std::string kOutputsModel = model_path("llama");

using Command = std::vector<std::string>;

// Every verb that writes one file, up to its -o. None comes as far as opening its other inputs.
std::vector<Command> file_verbs() {
  const std::string none = "/no/such/input";
  return {{"record", none, "--prompt", "a"},
          {"niah", none},
          {"detect", none},
          {"task", "make", "ioi", "--model", none},
          {"patch", none, "--task", none},
          {"ablate", none, "--task", none},
          {"attribute", none, "--task", none},
          {"path-patch", none, "--task", none, "--receiver", "logits"},
          {"dla", none, "--task", none},
          {"stats", none, "--text", none},
          {"atlas", none},
          {"merge", none}};
}

Outcome to(Command command, const std::string& out) {
  command.insert(command.end(), {"-o", out});
  return run(command);
}

void check_refused(const Outcome& outcome, int code, const std::string& says) {
  INFO(outcome.err);
  CHECK(outcome.code == code);
  CHECK(outcome.out.empty());
  CHECK(is_one_line(outcome.err));
  CHECK_THAT(outcome.err, contains(says));
}

}  // namespace

TEST_CASE("no verb takes the place of a folder, a link or a device, or says so after its work") {
  const Folder folder;
  fs::create_directory(folder / "folder");
  put(folder / "kept.h5", "kept");
  fs::create_symlink(folder / "kept.h5", folder / "link.h5");
  fs::create_symlink(folder / "loop.h5", folder / "loop.h5");
  for (const Command& verb : file_verbs()) {
    INFO(verb.front());
    check_refused(to(verb, folder / "folder"), 2, "is a folder");
    check_refused(to(verb, "/dev/null"), 2, "/dev/null: not a regular file");
    check_refused(to(verb, folder / "link.h5"), 2, "is a link");
    check_refused(to(verb, folder / "loop.h5"), 3, "loop.h5: Too many levels");
    check_refused(to(verb, folder / std::string(300, 'x')), 3, "File name too long");
    check_refused(to(verb, folder / "kept.h5/out.h5"), 4, "kept.h5/out.h5");
  }
  CHECK(fs::is_symlink(folder / "link.h5"));
  CHECK(contents(folder / "kept.h5") == "kept");
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("an output replaces a file of its own kind alone, with --overwrite or without") {
  const Folder folder;
  for (const char* name : {"notes.jsonl", "notes.json", "notes.html", "n.heads.json"}) {
    put(folder / name, "{\"mine\": 1}\n");
  }
  const Command none{"/no/such/model"};
  const auto make = [&](const std::string& out) {
    return to({"task", "make", "ioi", "--model", kOutputsModel, "-n", "2", "--overwrite"}, out);
  };
  check_refused(make(folder / "notes.jsonl"), 2, "not a headscope task, so it is not replaced");
  check_refused(to({"niah", none.front(), "--overwrite"}, folder / "notes.json"),
                2,
                "not a headscope result of niah, so it is not replaced");
  check_refused(to({"niah", none.front()}, folder / "n.json"), 2, "n.heads.json exists");
  check_refused(to({"niah", none.front(), "--overwrite"}, folder / "n.json"),
                2,
                "n.heads.json: not a headscope list of scores");
  for (const Command& verb :
       std::vector<Command>{{"detect", none.front(), "--overwrite"},
                            {"record", kOutputsModel, "--prompt", "a", "--overwrite"}}) {
    INFO(verb.front());
    check_refused(to(verb, folder / "notes.json"), 2, "so it is not replaced");
  }
  put(folder / "circuits.json", "[1]\n");
  check_refused(
      to({"reproduce", "ioi", "--model", none.front()}, folder / ""), 2, "circuits.json: not a ");
  put(folder / "circuits.json", "");
  put(folder / "index.html", "<!doctype html>\n<p>mine</p>\n");
  check_refused(
      to({"reproduce", "ioi", "--model", none.front()}, folder / ""), 2, "not a headscope page");
  check_refused(to({"demo", "--model", none.front()}, folder / ""), 2, "not a headscope page");
  for (const char* name : {"notes.jsonl", "notes.json", "notes.html", "n.heads.json"}) {
    CHECK(contents(folder / name) == "{\"mine\": 1}\n");
  }
}

TEST_CASE("an empty file is not gone on with, and may be replaced") {
  const Folder folder;
  put(folder / "e.h5", "");
  Command record{"record", kOutputsModel, "--prompt", "a", "--hooks", "hook_embed"};
  Command resumed = record;
  resumed.emplace_back("--resume");
  check_refused(to(record, folder / "e.h5"), 2, "exists already");
  check_refused(to(resumed, folder / "e.h5"), 3, "not a headscope trace");
  CHECK(contents(folder / "e.h5").empty());
  check_refused(
      to({"detect", kOutputsModel, "--detectors", "copying", "--resume"}, folder / "e.h5"),
      3,
      "not a headscope atlas");
  record.emplace_back("--overwrite");
  CHECK(to(record, folder / "e.h5").code == 0);
  CHECK_FALSE(contents(folder / "e.h5").empty());
}

TEST_CASE("outputs of options other than -o are looked at before any work too") {
  const Folder folder;
  put(folder / "there.h5", "mine");
  const auto recorded = [](const std::string& file) {
    return run({"generate",
                kOutputsModel,
                "--prompt",
                "a",
                "--max-tokens",
                "2",
                "--record-hooks",
                "hook_embed",
                "--record",
                file});
  };
  check_refused(recorded("/dev/null"), 2, "/dev/null: not a regular file");
  check_refused(recorded(folder / "there.h5"), 2, "there.h5: exists already");
  check_refused(run({"detect", "/no/such/input", "--write-prompts", "/dev/null"}),
                2,
                "/dev/null: not a regular file");
  check_refused(run({"detect", "/no/such/input", "--write-prompts", folder / "there.h5"}),
                2,
                "there.h5 exists");
  CHECK(recorded(folder / "new/er/t.h5").code == 0);
  CHECK(fs::exists(folder / "new/er/t.h5"));
}

TEST_CASE("an atlas and a task are not lost to the page or the task made of them") {
  const Folder folder;
  const std::string atlas = folder / "a.h5";
  CHECK(to({"detect", kOutputsModel, "--detectors", "copying"}, atlas).code == 0);
  const std::string before = contents(atlas);
  check_refused(
      to({"atlas", atlas}, atlas), 2, "a.h5: not a headscope page, so it is not replaced");
  CHECK(contents(atlas) == before);
  CHECK(to({"atlas", atlas}, folder / "a.html").code == 0);
  CHECK(to({"atlas", atlas}, folder / "a.html").code == 0);  // its own kind
  const std::string smollm2 = cached_model().string();
  const auto make = [&](const std::string& seed) {
    return to({"task", "make", "ioi", "--model", smollm2, "-n", "2", "--overwrite", "--seed", seed},
              folder / "t.jsonl");
  };
  CHECK(make("0").code == 0);
  const std::string first = contents(folder / "t.jsonl");
  CHECK(make("1").code == 0);
  CHECK(contents(folder / "t.jsonl") != first);
}

TEST_CASE("missing folders above an output are made, when there is something to write") {
  const Folder folder;
  Command record{"record", kOutputsModel, "--prompt", "a", "--hooks", "hook_embed"};
  CHECK(to(record, folder / "new/er/t.h5").code == 0);
  CHECK(fs::exists(folder / "new/er/t.h5"));
  check_refused(to({"record", "/no/such/input", "--prompt", "a"}, folder / "other/t.h5"),
                3,
                "/no/such/input");
  CHECK_FALSE(fs::exists(folder / "other"));
}

TEST_CASE("a second niah or detect on one file is refused") {
  const Folder folder;
  {
    const headscope::WriterClaim first(folder / "out");  // as a running one holds it
    check_refused(to({"niah", kOutputsModel}, folder / "out"), 2, "out: another process");
    check_refused(to({"detect", kOutputsModel}, folder / "out"), 2, "out: another process");
  }
  CHECK(fs::is_empty(folder / ""));
  CHECK_NOTHROW(headscope::WriterClaim(folder / "out"));
}

TEST_CASE("the files beside a niah result are checked as early") {
  const Folder folder;
  fs::create_directory(folder / "n.heads.svg");
  check_refused(to({"niah", "/no/such/input"}, folder / "n.json"), 2, "n.heads.svg");
  check_refused(
      run({"niah", "/no/such/input", "--scores", "/dev/null"}), 2, "/dev/null: not a regular file");
}

TEST_CASE("export takes a folder whatever its name, and does not take a file for one") {
  const Folder folder;
  REQUIRE(to({"record", kOutputsModel, "--prompt", "a b", "--hooks", "hook_embed"}, folder / "t.h5")
              .code == 0);
  const Command csv{"export", folder / "t.h5", "--hook", "hook_embed", "--format", "csv"};
  check_refused(to(csv, folder / "bad.png"), 2, "not that of --format csv");
  CHECK_FALSE(fs::exists(folder / "bad.png"));
  put(folder / "patch", "");
  check_refused(to(csv, folder / "patch"), 4, "patch");
  fs::create_directory(folder / "named.csv");
  CHECK(to(csv, folder / "named.csv").code == 0);
  CHECK(fs::exists(folder / "named.csv/hook_embed.prompt0.csv"));
}

TEST_CASE("a limit on the size of files is an error, not a signal") {
  const Folder folder;
  REQUIRE(to({"record", kOutputsModel, "--prompt", "a b", "--hooks", "blocks.*.attn.hook_pattern"},
             folder / "t.h5")
              .code == 0);
  const Outcome outcome =
      run({"export", folder / "t.h5", "--format", "html", "-o", folder / "pages"}, "ulimit -f 4;");
  check_refused(outcome, 4, "ulimit -f");
  CHECK(fs::is_empty(folder / "pages"));  // no part of a page stays
}

// HDF5 1.10 crashes at the program's end over a file whose last bytes were refused.
TEST_CASE("a limit that an HDF5 file meets on the way is one line too") {
  const Folder folder;
  const std::vector<Command> writers{{"detect", kOutputsModel, "--detectors", "composition"},
                                     {"generate",
                                      kOutputsModel,
                                      "--prompt",
                                      "a",
                                      "--max-tokens",
                                      "2",
                                      "--record-hooks",
                                      "blocks.0.attn.hook_z"}};
  for (const Command& writer : writers) {
    const std::string option = writer[0] == "detect" ? "-o" : "--record";
    for (const std::string limit : {"1", "16"}) {  // room for the message, which goes to a file too
      Command words = writer;
      words.insert(words.end(), {option, folder / "t.h5"});
      const Outcome outcome = run(words, "ulimit -f " + limit + ";");
      CAPTURE(writer[0], limit, outcome.err);
      CHECK(outcome.code == 4);
      CHECK_THAT(outcome.err, contains("t.h5: "));
      CHECK_THAT(outcome.err, contains("File too large") || contains("ulimit -f"));
      CHECK_THAT(outcome.err, !contains("errno") && !contains("buf ="));
      CHECK_FALSE(fs::exists(folder / "t.h5"));
      CHECK_FALSE(fs::exists(folder / "t.h5.part"));
    }
  }
}

TEST_CASE("a closed standard error takes no file's number and stops nothing") {
  const Folder folder;
  const auto quietly = [&](const Command& words, const std::string& streams) {
    return run(words, "f() { \"$@\" " + streams + "; }; f");
  };
  CHECK(quietly({"info", "/no/such/input"}, "2>&-").code == 3);
  CHECK(quietly({"info", "/no/such/input"}, "2>/dev/full").code == 3);
  CHECK(quietly({"info", kOutputsModel}, "2>&-").code == 0);
  CHECK(quietly({"info", kOutputsModel}, ">&-").code == 4);
  const Command record{
      "record", kOutputsModel, "--prompt", "a", "--hooks", "hook_embed", "-o", folder / "t.h5"};
  CHECK(quietly(record, "0<&- 2>&-").code == 0);
  CHECK(run({"inspect", folder / "t.h5"}).code == 0);
}
