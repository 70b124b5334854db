#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "analyses/edges/circuit_graph.h"
#include "analyses/head_lists/read_head_list.h"
#include "analyses/results/result_store.h"
#include "analyses/sweep_file/sweep_file.h"
#include "analyses/task/task.h"
#include "analyses/training/train_spec.h"
#include "hooks/prompts.h"
#include "hooks/standing_interventions.h"
#include "hooks/trace/trace_reader.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/chat/chat_template.h"
#include "lib/families/load.h"
#include "lib/text/tokenizer.h"
#include "lib/weights/gguf.h"
#include "lib/weights/npz.h"
#include "lib/weights/weight_source.h"
#include "tests/fuzz/reader.h"

namespace headscope::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostValues = 1 << 20;  // of a tensor: more is no news, only time

const Model& tiny_model() {
  static const Model model =
      load_model((fs::path(HEADSCOPE_SOURCE_DIR) / "data/fixtures/models/llama").string());
  return model;
}

void read_tensors(const WeightSource& source) {
  for (const StoredTensor& tensor : source.tensors()) {
    const std::int64_t rows =
        std::min(tensor.rows(), kMostValues / std::max<std::int64_t>(1, tensor.row_length()));
    std::vector<float> out(static_cast<std::size_t>(rows * tensor.row_length()));
    try {
      source.read_rows(tensor, 0, rows, DType::f32, out.data());
    } catch (const DataError&) {  // an encoding that is only listed
    }
  }
  (void)source.hash();
}

void read_safetensors(const fs::path& path) {
  read_tensors(*open_safetensors(path));
}

void read_gguf(const fs::path& path) {
  const GgufFile file(path);
  read_tensors(file);
  if (file.metadata().contains("tokenizer.ggml.model")) {
    (void)Tokenizer::from_gguf(file.metadata(), "file").encode("A text, of words 12.");
  }
  (void)ChatTemplate::from_gguf(file.metadata(), "file");
  check_model(path.string());
}

void read_tokenizer(const fs::path& path) {
  const Tokenizer tokenizer = Tokenizer::from_directory(path.parent_path());
  const auto ids = tokenizer.encode("A text, of words: \xc3\xa9t\xc3\xa9 123 <s>  \n\xff end");
  (void)tokenizer.decode(ids);
}

void read_config(const fs::path& path) {
  (void)read_model_config(read_json(path), "config.json");
}

void read_prompt_lines(const fs::path& path) {
  (void)read_prompts(path, tiny_model(), {});
}

void read_task_lines(const fs::path& path) {
  const Model& model = tiny_model();
  (void)read_task(path, &model.tokenizer(), model.config().n_ctx, model.config().d_vocab, {});
}

void read_intervention_list(const fs::path& path) {
  (void)plan_of_file(path, tiny_model());
}

void read_graph(const fs::path& path) {
  (void)read_circuit_graph(path);
}

void read_trace(const fs::path& path) {
  const TraceReader trace(path);
  for (const TraceDataset& dataset : trace.datasets()) {
    for (std::size_t prompt = 0; prompt < trace.prompt_count(); ++prompt) {
      if (trace.done(prompt)) {
        (void)trace.read(dataset.name, prompt);
      }
    }
  }
}

void read_results(const fs::path& path) {
  (void)read_result(path);
}

void read_chat_template(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string source{std::istreambuf_iterator<char>(in), {}};
  const ChatTemplate chat({{"default", source}},
                          {{"bos_token", "<s>"}, {"eos_token", "</s>"}},
                          "chat_template.jinja",
                          {});
  const OrderedJson messages = {{{"role", "system"}, {"content", "Be brief."}},
                                {{"role", "user"}, {"content", "Hello \"you\""}},
                                {{"role", "assistant"}, {"content", "Yes?"}}};
  (void)chat.render(messages, {.add_generation_prompt = true});
}

void read_heads(const fs::path& path) {
  (void)read_head_list(path);
}

void read_sweeps(const fs::path& path) {
  (void)read_sweep_file(path);
}

void read_spec(const fs::path& path) {
  (void)read_train_spec(read_json(path), "spec.json");
}

void read_arrays(const fs::path& path) {
  (void)read_npz(path);
}

}  // namespace

std::span<const Reader> readers() {
  static constexpr Reader kReaders[] = {{"safetensors", "model.safetensors", read_safetensors},
                                        {"gguf", "model.gguf", read_gguf},
                                        {"npz", "values.npz", read_arrays},
                                        {"tokenizer", "tokenizer.json", read_tokenizer},
                                        {"tokenizer_model", "tokenizer.model", read_tokenizer},
                                        {"config", "config.json", read_config},
                                        {"chat_template", "chat.jinja", read_chat_template},
                                        {"prompts", "prompts.jsonl", read_prompt_lines},
                                        {"task", "task.jsonl", read_task_lines},
                                        {"interventions", "edits.json", read_intervention_list},
                                        {"graph", "graph.json", read_graph},
                                        {"head_list", "heads.json", read_heads},
                                        {"sweep_file", "sweeps.json", read_sweeps},
                                        {"train_spec", "spec.json", read_spec},
                                        {"trace", "trace.h5", read_trace},
                                        {"result", "result.h5", read_results}};
  return kReaders;
}

bool accepts(const Reader& reader, std::string_view bytes, const fs::path& folder) {
  const fs::path path = folder / reader.file;
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  const auto refused = [](const std::exception& error) {
    const std::string_view text = error.what();
    if (text.empty() || text.find('\n') != std::string_view::npos) {
      throw std::logic_error("an error of no line or several: " + std::string(text));
    }
    return false;
  };
  try {
    reader.read(path);
    return true;
  } catch (const DataError& error) {
    return refused(error);
  } catch (const UsageError& error) {
    return refused(error);
  } catch (const ResourceError& error) {
    return refused(error);
  }
}

}  // namespace headscope::fuzz
