// Copies of models whose config.json says what headscope does not run: each is refused in one line
// that names what is wrong.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace headscope::test {

// The DataError that loading gives; any other end fails the test.
std::string refusal(const std::filesystem::path& path);

struct Refusal {
  const char* fixture;
  const char* patch;                 // merged into config.json (null removes a field)
  std::vector<const char*> mention;  // all of these stand in the message
};

void check_refusals(const std::vector<Refusal>& refusals);

}  // namespace headscope::test
