#include "cli/common_options.h"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "analyses/cluster/place.h"
#include "cli/output.h"
#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/paths.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr int kThreadsPerCore = 4;
constexpr int kAlwaysAllowedThreads = 16;

// An option whose text `parse` turns into its value; its errors are ours, with the way out.
template <typename Value>
void add_parsed(CLI::App& app,
                const std::string& flag,
                Value& value,
                Value (*parse)(std::string_view),
                const std::string& help) {
  app.add_option_function<std::string>(
         flag, [&value, parse](const std::string& text) { value = parse(text); }, help)
      ->default_str(std::string(to_string(value)));
}

// "cuda" alone is the GPU of this rank.
Device device_of_rank(std::string_view text) {
  const Device device = text == "cuda" ? cuda(gpu_of_process()) : parse_device(text);
  const RankPlace place = device.count > 1 ? place_of_process() : RankPlace();
  if (place.local_size > 1) {
    throw UsageError(
        "--device {}: {} ranks of this host would share these GPUs; start one a host, or give each "
        "its own with --device cuda",
        text,
        place.local_size);
  }
  return device;
}

}  // namespace

void add_common_options(CLI::App& app, CommonOptions& options) {
  app.add_flag("--json", options.json, "Print one JSON document");
  add_parsed(
      app,
      "--device",
      options.device,
      device_of_rank,
      "cpu, cuda (of several ranks each its own), cuda:<index> or, layers over several GPUs, "
      "cuda:<first>-<last>");
  add_dtype(app, "--dtype", options.dtype, "Compute in f32, bf16 or f16");
  add_parsed(app,
             "--weights",
             options.weights,
             parse_weight_storage,
             "In memory: unpacked, or packed as bf16 and GGUF files hold them (CPU, f32)");
  app.add_option("--threads", options.threads, "CPU threads; 0: all cores")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Seed of every random choice")
      ->check([](const std::string& text) {
        return text.starts_with('-') ? text + " is negative" : std::string();
      })
      ->capture_default_str();
}

LoadOptions load_options(const CommonOptions& options) {
  return {.device = options.device, .dtype = options.dtype, .weights = options.weights};
}

void apply(const CommonOptions& options) {
  const int cores = thread_count();
  // Thousands of threads would stall a machine and help no one; a few too many are a fair question.
  const int most = std::max(kAlwaysAllowedThreads, kThreadsPerCore * cores);
  if (options.threads > most) {
    print_note(fmt::format("--threads {}: {} {} here, so {} threads are used",
                           options.threads,
                           cores,
                           cores == 1 ? "core is" : "cores are",
                           most));
  }
  const int threads = options.threads == 0 ? cores : std::min(options.threads, most);
  set_thread_count(threads);
  at::set_num_threads(threads);
}

void add_model(CLI::App& app, std::string& model) {
  app.add_option(
         "MODEL",
         model,
         "A Hugging Face directory, a .gguf file, a hub id in the local Hugging Face cache, "
         "or smollm2")
      ->required();
}

void add_prepend_bos(CLI::App& app, PrependBos& choice) {
  add_parsed(app,
             "--prepend-bos",
             choice,
             parse_prepend_bos,
             "auto (as the tokenizer's configuration does), yes or no");
}

void add_logits(CLI::App& app, Logits& logits) {
  add_parsed(app, "--logits", logits, parse_logits, "Logits of the last position, all or none");
}

std::string names_a_file(const std::string& text) {
  return text.empty() ? "names no file; leave it out, or name one" : "";
}

std::string names_an_output(const std::string& text) {
  std::string wrong = names_a_file(text);
  if (wrong.empty()) {
    check_output_file(text);
  }
  return wrong;
}

CLI::Option* add_output(CLI::App& app, std::string& file, const std::string& help) {
  return app.add_option("-o,--output", file, help)->check([](const std::string& text) {
    check_output_file(text);
    return std::string();
  });
}

CLI::Option* add_output_or_folder(CLI::App& app, std::string& output, const std::string& help) {
  return app.add_option("-o,--output", output, help)->check([](const std::string& text) {
    text.ends_with('/') ? check_output_folder(text) : check_output_file(text);
    return std::string();
  });
}

CLI::Option* add_output_folder(CLI::App& app, std::string& folder, const std::string& help) {
  return app.add_option("-o,--output", folder, help)->check([](const std::string& text) {
    check_output_folder(text);
    return std::string();
  });
}

void add_dtype(CLI::App& app, const std::string& flag, DType& dtype, const std::string& help) {
  add_parsed(app, flag, dtype, parse_dtype, help);
}

Logits parse_logits(std::string_view text) {
  for (const Logits choice : {Logits::last, Logits::all, Logits::none}) {
    if (text == to_string(choice)) {
      return choice;
    }
  }
  throw UsageError("--logits is last, all or none, not '{}'", text);
}

std::string_view to_string(Logits logits) {
  return logits == Logits::all ? "all" : logits == Logits::last ? "last" : "none";
}

}  // namespace headscope
