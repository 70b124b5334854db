// The numbers that an intervention refers to: in memory by a name, in a trace or another file, or
// given.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "hooks/intervention.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// By their name; those of one hook point alone by "name/blocks.9.attn.hook_z".
using NamedValues = std::map<std::string, Tensor>;

struct ResolvedValues {
  Tensor values;  // f32 or as named
  // What its first axis is: the positions of one prompt, [L, …], or nothing of the sort: then it
  // broadcasts against the point's axes, trailing axes aligned.
  enum class Along { positions, nothing } along = Along::nothing;
};

// What the values of `what` mean at `point`. A trace's mean is taken over its prompts and their
// positions, in double precision. `weights_hash` of the model that will get it; empty: not asked.
//
// Throws UsageError for a name that is not in `named`, a hook point or prompt that the trace does
// not have (with the nearest), or one with pairs of query and key, whose mean is of no use;
// DataError for a trace of another model, a prompt that is not done, or numbers not of their shape;
// and what values_of_file() throws (hooks/values_file.h).
ResolvedValues resolved_values(const Intervention& what,
                               HookPoint point,
                               const NamedValues& named,
                               const std::string& weights_hash);

// The files that decide what a change is: those of its values and of its sparse autoencoder.
std::vector<std::filesystem::path> files_of(const Intervention& what);

// The files that decide what they are.
std::vector<std::filesystem::path> files_of(const InterventionValues& stored);

}  // namespace headscope
