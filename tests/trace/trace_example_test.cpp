// The example of data/TRACE_FORMAT.md, run as a user would; skipped where Python has no h5py.
#include <cstdio>
#include <cstdlib>

#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/trace/trace_cases.h"

using namespace headscope;
using namespace headscope::trace_cases;

namespace {

std::string python() {
  const char* chosen = std::getenv("HEADSCOPE_PYTHON");
  return chosen == nullptr ? "python3" : chosen;
}

// The standard output of a command that must succeed.
std::string output_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
    text += static_cast<char>(c);
  }
  REQUIRE(::pclose(pipe) == 0);
  return text;
}

}  // namespace

TEST_CASE("the h5py example reads every kind of trace") {
  if (std::system((python() + " -c 'import h5py, numpy' 2>/dev/null").c_str()) != 0) {
    WARN("skipped: " + python() + " has no h5py; HEADSCOPE_PYTHON can name one that has");
    return;
  }
  const DType dtype = GENERATE(DType::f32, DType::f16, DType::bf16);
  const int compress = GENERATE(0, 5);
  CAPTURE(to_string(dtype), compress);
  const TempFolder folder;
  const TraceHeader made = header(3, dtype);
  {
    TraceWriter::Options options;
    options.compress = compress;
    TraceWriter writer(folder.file("t.h5"), made, options);
    write_prompt(writer, made, 1);
    if (compress > 0) {
      write_prompt(writer, made, 0);
      write_prompt(writer, made, 2);
    }
    writer.finish();
  }
  const Json seen =
      Json::parse(output_of(python() + " " HEADSCOPE_SOURCE_DIR "/data/examples/read_trace.py " +
                            folder.file("t.h5").string() + " --prompt 1 --json"));
  CHECK(seen["model"] == "tiny");
  CHECK(seen["complete"] == (compress > 0));
  CHECK(seen["done"] == (compress > 0 ? Json{0, 1, 2} : Json{1}));
  CHECK(seen["text"] == made.prompts[1].text);
  CHECK(seen["tokens"] == made.prompts[1].tokens);
  CHECK(seen["provenance"] == made.provenance);
  CHECK(seen["spans"] == Json::object());
  for (std::size_t d = 0; d < made.datasets.size(); ++d) {
    const Json& dataset = seen["datasets"][made.datasets[d].name];
    CHECK(dataset["axes"] == made.datasets[d].axes);
    CHECK(dataset["dtype"] == (dtype == DType::f16 ? "float16" : "float32"));
    CHECK(dataset["values"].get<std::vector<float>>() == values_of(made, 1, d));
  }
}
