// headscope doctor: what this machine can do, and how to mend what is missing.
#include <filesystem>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <ATen/Version.h>
#include <torch/headeronly/version.h>

#include "cli/output.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/base/parallel.h"
#include "lib/base/version.h"
#include "lib/families/load.h"
#include "lib/tensor/backend.h"

namespace headscope {
namespace {

// `missing` says what does not work without it, and the way out; empty: nothing is.
struct Finding {
  std::string name;
  std::string found;
  std::string missing{};
};

Finding cpu() {
  return {.name = "cpu",
          .found = fmt::format(
              "{} cores for this process, {}", thread_count(), at::get_cpu_capability())};
}

Finding memory() {
  return {.name = "memory", .found = format_bytes(available_memory()) + " free"};
}

Finding gpu() {
  try {
    const Device device = cuda();
    return {.name = "gpu",
            .found = format_bytes(free_memory(device)) + " free on " + to_string(device)};
  } catch (const ResourceError& error) {
    return {.name = "gpu", .found = "none", .missing = error.what()};
  }
}

Finding default_model() {
  try {
    return {.name = "default model", .found = find_model("smollm2").string()};
  } catch (const DataError& error) {
    return {.name = "default model", .found = "none", .missing = error.what()};
  }
}

// Where files are written if nobody says where: the folder the user stands in.
Finding working_folder() {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(".", error);
  const std::string here = std::filesystem::current_path(error).string();
  if (error) {
    return {.name = "working folder",
            .found = "none",
            .missing = "it cannot be read: " + error.message()};
  }
  Finding finding{
      .name = "working folder",
      .found = fmt::format(
          "{}, {} free", here, format_bytes(static_cast<std::int64_t>(space.available)))};
  if (::access(".", W_OK) != 0) {
    finding.missing =
        here + " may not be written; name a file elsewhere with -o, or change the folder";
  }
  return finding;
}

std::vector<Finding> examine_machine() {
  return {{.name = "headscope", .found = std::string(kVersion)},
          {.name = "libtorch", .found = TORCH_VERSION},
          cpu(),
          memory(),
          gpu(),
          default_model(),
          working_folder()};
}

void run_doctor(const Invocation& invocation) {
  OrderedJson json = OrderedJson::array();
  std::vector<std::pair<std::string, std::string>> lines;
  std::string missing;
  for (const Finding& finding : examine_machine()) {
    json.push_back(
        {{"name", finding.name},
         {"found", finding.found},
         {"missing", finding.missing.empty() ? OrderedJson() : OrderedJson(finding.missing)}});
    lines.emplace_back(finding.name, finding.found);
    missing +=
        finding.missing.empty() ? "" : fmt::format("{}: {}\n", finding.name, finding.missing);
  }
  show(invocation, {{"findings", json}}, facts(lines) + (missing.empty() ? "" : "\n" + missing));
}

}  // namespace

Verb doctor_verb() {
  return {
      .name = "doctor",
      .summary = "What this machine can do, and how to mend what is missing",
      .example =
          "  headscope doctor\n"
          "  headscope doctor --json",
      .bind = [](CLI::App&, const Invocation& invocation) -> std::function<void()> {
        return [&invocation] { run_doctor(invocation); };
      },
  };
}

}  // namespace headscope
