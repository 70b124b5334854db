// The example of data/TRACE_FORMAT.md, run as a user would; skipped where Python has no h5py.
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "tests/support/catch.h"
#include "tests/support/python.h"
#include "tests/trace/trace_cases.h"

using namespace headscope;
using namespace headscope::trace_cases;

TEST_CASE("the h5py example reads every kind of trace") {
  need_h5py();
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
