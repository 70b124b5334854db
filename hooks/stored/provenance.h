// Where a file's values came from, kept in its root attributes (identity.h compares two of them).
#pragma once

#include <set>
#include <string>

#include "hooks/stored/h5/handle.h"
#include "hooks/stored/seal.h"
#include "lib/base/json_fwd.h"

namespace headscope {

// Attributes of `root`: "format" and "version" of the kind, "provenance" whole for us, and each of
// its keys for people with h5py. Throws UsageError for a key that has one of those names or is
// `reserved`.
void write_provenance(hid_t root,
                      const FileKind& kind,
                      const Json& provenance,
                      const std::set<std::string>& reserved = {});

// Reads "provenance". Throws h5::Failure if format or version are not the kind's; DataError naming
// `where` if it is no JSON.
Json read_provenance(hid_t root, const FileKind& kind, const std::string& where);

// JSON on one line; bytes that are no UTF-8 are replaced.
std::string dumped(const Json& json);

// `text` as HDF5 can hold it: NUL becomes U+2400.
std::string storable(std::string text);

}  // namespace headscope
