// A page as Chromium leaves it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/render/files.h"
#include "tests/support/catch.h"
#include "tests/support/skip.h"

namespace headscope {

// The DOM of `file` in `folder` after its scripts ran, `hash` in its address; what Chromium logs
// must have no word of the page's. Without Chromium the running test case is skipped.
inline std::string page_dom(const std::filesystem::path& folder,
                            const std::string& file,
                            const std::string& hash) {
  if (std::system("command -v chromium >/dev/null 2>&1") != 0) {
    test::skip("no chromium to run the page in");
  }
  const std::string in = folder.string();
  const std::string command =
      "cd " + in +
      " && timeout 100 chromium --headless=new --no-sandbox --disable-gpu --user-data-dir=" + in +
      "/profile --enable-logging=stderr --virtual-time-budget=10000 --dump-dom 'file://" + in +
      "/" + file + hash + "' >dom 2>log";
  CHECK(std::system(command.c_str()) == 0);
  CHECK_THAT(read_text(folder / "log"), !contains("CONSOLE"));
  return read_text(folder / "dom");
}

// The number in the attribute data-`name`; −1 without one.
inline double page_number(const std::string& dom, const std::string& name) {
  const std::string mark = "data-" + name + "=\"";
  const auto at = dom.find(mark);
  return at == std::string::npos ? -1 : std::strtod(dom.c_str() + at + mark.size(), nullptr);
}

}  // namespace headscope
