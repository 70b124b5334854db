// The options every verb has, and those that several share.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/device.h"
#include "lib/base/dtype.h"
#include "lib/families/load.h"
#include "lib/model/model.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace headscope {

struct CommonOptions {
  bool json = false;  // standard output is one JSON document
  Device device;
  DType dtype = DType::f32;
  WeightStorage weights = WeightStorage::unpacked;
  int threads = 0;  // 0: all cores this process may use
  std::uint64_t seed = 0;
};
void add_common_options(CLI::App& app, CommonOptions& options);
LoadOptions load_options(const CommonOptions& options);

// Sets the threads of Torch and of our own loops.
void apply(const CommonOptions& options);

void add_model(CLI::App& app, std::string& model);  // the positional MODEL
void add_prepend_bos(CLI::App& app, PrependBos& choice);
void add_logits(CLI::App& app, Logits& logits);

// "-o,--output", looked at before any work: a file (check_output_file() in lib/base/paths.h) or a
// folder that files are written into.
CLI::Option* add_output(CLI::App& app, std::string& file, const std::string& help);
CLI::Option* add_output_folder(CLI::App& app, std::string& folder, const std::string& help);
// The same of a verb whose parts go into a folder, a file each: a text that ends with "/" names
// one.
CLI::Option* add_output_or_folder(CLI::App& app, std::string& output, const std::string& help);
// A check of options: an empty text is refused, since it would read as if the option were not
// there.
std::string names_a_file(const std::string& text);
// The same of a file to write: throws what check_output_file() does (lib/base/paths.h) before a
// verb begins its work.
std::string names_an_output(const std::string& text);

void add_dtype(CLI::App& app, const std::string& flag, DType& dtype, const std::string& help);

Logits parse_logits(std::string_view text);  // "last", "all", "none"; else UsageError
std::string_view to_string(Logits logits);

}  // namespace headscope
