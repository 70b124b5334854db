// Interventions as JSON: the file of --intervene. Its schema is data/interventions.schema.json.
#pragma once

#include <filesystem>
#include <vector>

#include "hooks/intervention.h"
#include "lib/base/json_fwd.h"

namespace headscope {

// {"version": 1, "interventions": […]}; keys in the order of the schema, those at their defaults
// left out. An empty list changes nothing, bit for bit.
OrderedJson to_json(const std::vector<Intervention>& interventions);

// Throws DataError naming `where`, the number of the intervention and the key: a key that the
// schema does not have (with the nearest), one of another type, one that its op does not take,
// another version. "edits" is read as "interventions". Relative paths of traces and of files are
// taken from `folder`.
std::vector<Intervention> interventions_from_json(const Json& json,
                                                  const std::string& where,
                                                  const std::filesystem::path& folder = {});

// The same of a file, in whose folder traces and files of values are looked up.
std::vector<Intervention> read_interventions(const std::filesystem::path& path);

}  // namespace headscope
