// The built program, run as a user runs it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <sys/wait.h>

#include "lib/base/json.h"
#include "lib/base/shell.h"
#include "tests/cli/forked_runs.h"

namespace headscope::test {

// A folder of a test's own, gone with it.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "headscope-cli-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const {
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

inline std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void put(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string model_path(const std::string& name) {
  return std::string(HEADSCOPE_SOURCE_DIR) + "/data/fixtures/models/" + name;
}

struct Outcome {
  int code = -1;  // of exit; 128 + signal
  std::string out;
  std::string err;          // as_told()
  std::string written_err;  // as it was written

  [[nodiscard]] OrderedJson json() const { return OrderedJson::parse(out); }
};

// What --json makes of an error, as it is told without: "headscope: " and the message. Other text
// as it is.
inline std::string as_told(const std::string& err) {
  const OrderedJson document = OrderedJson::parse(err, nullptr, false);
  const bool is_error = document.is_object() && document.value("format", "") == "headscope-error";
  return is_error ? "headscope: " + document["error"]["message"].get<std::string>() + "\n" : err;
}

// Words go to the program as they are. `shell` is put around the command ("… < /dev/null"), which
// is then the built program itself; without, one forked for it runs the same code.
inline Outcome run(const std::vector<std::string>& words, const std::string& shell = "") {
  const Folder folder;
  const std::string out = folder / "out";
  const std::string err = folder / "err";
  int status = 0;
  if (shell.empty()) {
    status = forked_run(words, out, err);
  } else {
    std::string command = shell + " " + std::string(HEADSCOPE_BINARY_DIR) + "/headscope";
    for (const std::string& word : words) {
      command += " " + shell_quoted(word);
    }
    command += " >" + out + " 2>" + err;
    status = std::system(command.c_str());
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          contents(out),
          as_told(contents(err)),
          contents(err)};
}

// One line on standard error, beginning with the program's name.
inline bool is_one_line(const std::string& text) {
  return text.starts_with("headscope: ") && text.find('\n') == text.size() - 1;
}

}  // namespace headscope::test
