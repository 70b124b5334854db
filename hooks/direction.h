// A direction: what a steering method learned of one model, kept in a folder with all that it
// takes to apply it to that model and to no other. data/DIRECTION_FORMAT.md describes the files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "hooks/intervention.h"
#include "lib/base/json.h"
#include "lib/model/model.h"

namespace headscope {

struct SteeringDirection {
  // Values at one hook point, of its trailing axes: [d_model] of a residual stream,
  // [n_heads, d_head] of hook_z.
  struct Point {
    std::string name;                   // "blocks.9.attn.hook_z"
    std::vector<std::int64_t> heads{};  // the heads it is of, ascending; empty: no axis of heads
    Tensor values;                      // f32 on the CPU
  };

  std::string method;  // "iti"
  Op op = Op::add;     // the only one that the values are for
  std::vector<Point> points{};
  std::string model{};         // as the user named it
  std::string weights_hash{};  // of that model
  Json config{};               // what a reader may want to know of it
  std::string dtype{};
  Json made{};    // command line, headscope's version, time, seed, data and its hash, options
  Json scores{};  // what was measured, on examples held out
};

// Of this model: name, weights, config facts and dtype are filled in.
SteeringDirection direction_of(const Model& model, std::string method, Op op);

// Makes the folder, with `edits` as edits.json: the interventions that apply it (--intervene), in
// which the folder's own values are {"direction": "."}. The description is written last and holds
// the hash of the values, so that a folder half written cannot be read. ResourceError, UsageError
// as write_file() (lib/base/output_file.h).
void write_direction(const SteeringDirection& direction,
                     const std::vector<Intervention>& edits,
                     const std::filesystem::path& folder);

// Throws DataError naming the file: no such folder, another version, a key that is missing or of
// another type, values of another hash, shape or number of points than described.
SteeringDirection read_direction(const std::filesystem::path& folder);

// The same of what a folder's files hold. `where` is named in errors: DataError.
SteeringDirection direction_from(const Json& description,
                                 std::span<const std::uint8_t> values,
                                 const std::string& where);

// The files that decide what it is.
std::vector<std::filesystem::path> direction_files(const std::filesystem::path& folder);

// The direction's values at `point` for the intervention `what` on a model with `weights_hash`
// (empty: not asked). Throws DataError for another model; UsageError for a hook point, an op or
// heads that it was not made for: there it would do something that nobody measured.
Tensor direction_values(const SteeringDirection& direction,
                        const Intervention& what,
                        HookPoint point,
                        const std::string& weights_hash);

}  // namespace headscope
