// The parts of an atlas on disk. Each throws h5::Failure for what cannot be.
#pragma once

#include <cstdint>
#include <string>

#include "analyses/head_detectors/atlas.h"
#include "hooks/stored/h5/attribute.h"
#include "lib/base/error.h"
#include "lib/base/json_fwd.h"
#include "lib/base/json_guard.h"

namespace headscope {

inline constexpr std::int64_t kMostHeads = 1 << 20;  // of a file that is not made to harm

// The JSON text of an attribute.
template <typename Document = Json>
Document stored_json(hid_t id, const char* name) {
  try {
    return parse_guarded<Document>(h5::text_attribute(id, name), {.where = name});
  } catch (const DataError& error) {
    throw h5::Failure(error.what());
  }
}

// Group "NAME" of `parent`.
void write_detection(hid_t parent, const Detection& d, hsize_t layers, hsize_t heads);
Detection read_detection(hid_t parent, const std::string& name, const HeadGrid& grid);

// Group "examples" of `parent`.
void write_examples(hid_t parent, const Atlas& atlas);
Examples read_examples(hid_t parent, std::size_t heads);

// Heads are stored by their place in the grid.
OrderedJson to_json(const Confirmation& c, const HeadGrid& grid);
Confirmation confirmation_of(const Json& json, const HeadGrid& grid);

}  // namespace headscope
