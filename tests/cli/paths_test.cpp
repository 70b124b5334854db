// Inputs that lead nowhere: one line, exit 3.
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope::test;
namespace fs = std::filesystem;

namespace {

void check_line(const std::vector<std::string>& words, const std::string& says) {
  const Outcome outcome = run(words);
  INFO(outcome.err);
  CHECK(outcome.code == 3);
  CHECK(outcome.out.empty());
  CHECK(is_one_line(outcome.err));
  CHECK_THAT(outcome.err, contains(says));
  CHECK_THAT(outcome.err, !contains("internal error"));
}

}  // namespace

TEST_CASE("circles of links and names too long are data errors wherever a path is read") {
  const Folder folder;
  const std::string model = model_path("llama");
  fs::create_symlink(folder / "loop", folder / "loop");
  const std::string loop = folder / "loop";
  const std::string named = folder / std::string(300, 'x');
  for (const auto& [path, reason] : {std::pair(loop, std::string("Too many levels")),
                                     std::pair(named, std::string("File name too long"))}) {
    check_line({"info", path}, reason);
    check_line({"predict", path, "--prompt", "a"}, reason);
    check_line({"tokenize", path, "--prompt", "a"}, reason);
    check_line({"compare", path, path}, reason);
    check_line({"task", "score", path, "--model", model}, path);
    check_line({"detect", model, "--detector-file", path}, reason);
    check_line({"niah", model, "--haystack", path, "--contexts", "100"}, path);
    check_line({"niah", model, "--prompts", path}, path);
    check_line({"record", model, "--prompts", path, "-o", folder / "t.h5"}, path);
    check_line({"stats", model, "--text", path}, path);
    check_line({"inspect", path}, path);
    check_line({"sweep", path}, path);
  }
}

TEST_CASE("a model whose files lead in circles is named by the file") {
  const Folder folder;
  fs::copy(model_path("llama"), folder / "model");
  for (const std::string file : {"tokenizer_config.json", "tokenizer.json", "config.json"}) {
    fs::remove(folder / ("model/" + file));
    fs::create_symlink(file, folder / ("model/" + file));
    check_line({"predict", folder / "model", "--prompt", "a"}, file + ": Too many levels");
  }
}

TEST_CASE("the Hugging Face cache is found as huggingface_hub finds it") {
  const Folder folder;
  const fs::path snapshot = folder / "hub/models--org--tiny/snapshots/abc";
  fs::create_directories(snapshot.parent_path());
  fs::copy(model_path("llama"), snapshot);
  fs::create_directories(folder / "hub/models--org--tiny/refs");
  put(folder / "hub/models--org--tiny/refs/main", "abc");
  const auto code = [&](const std::string& environment) {
    const std::string clean =
        "env -u HF_HOME -u HF_HUB_CACHE -u HUGGINGFACE_HUB_CACHE -u XDG_CACHE_HOME ";
    return run({"info", "org/tiny"}, clean + environment).code;
  };
  const std::string home = "HOME=" + (folder / "") + " ";
  CHECK(code("HF_HOME=" + (folder / "")) == 0);
  CHECK(code(home + "HF_HOME='~'") == 0);
  CHECK(code(home + "HF_HOME='$HOME'") == 0);
  CHECK(code(home + "HF_HUB_CACHE='${HOME}/hub'") == 0);
  CHECK(code(home + "HUGGINGFACE_HUB_CACHE='~/hub'") == 0);
  CHECK(code(home + "HUGGINGFACE_HUB_CACHE='~/hub' HF_HUB_CACHE=/no/such") == 3);
  fs::create_directory(folder / "cache");
  fs::create_directory_symlink(folder / "", folder / "cache/huggingface");
  CHECK(code(home + "XDG_CACHE_HOME='~/cache'") == 0);
  CHECK(code(home) == 3);
}

TEST_CASE("no HOME and a dumb terminal stop nothing") {
  const Outcome missing = run({"info", "org/none"}, "env -u HOME -u HF_HOME TERM=dumb");
  CHECK(missing.code == 3);
  CHECK(is_one_line(missing.err));
  CHECK(run({"info", model_path("llama")}, "env -u HOME -u XDG_CACHE_HOME TERM=dumb").code == 0);
}
