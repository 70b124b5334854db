// May this run go on with that file? A file's identity, provenance["identity"], names every fact on
// which its values depend: the model, dtype, kind of device and seed, what was asked for, and how
// prompts were put into batches where rounding depends on it. All kinds of stored file compare
// theirs here, and refuse in the same words.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/json_fwd.h"

namespace headscope {

// The first thing in which two files differ: "seed is 7 there but 8 here".
struct Difference {
  std::string what;
  std::string there;
  std::string here;
};

// Compares provenance["identity"] of a file (`there`) with that of a run (`here`) fact by fact,
// stepping into objects and lists. "batch_tokens" is no difference where the file does not say it:
// earlier versions did not store it.
std::optional<Difference> identity_difference(const Json& there, const Json& here);

// A value as a message shows it: never a whole config.
std::string brief(const Json& value);

// Throws the UsageError "PATH: cannot be resumed: WHY; WAY_OUT".
[[noreturn]] void refuse_to_resume(const std::filesystem::path& path,
                                   const std::string& why,
                                   std::string_view way_out);
// WHY is "WHAT is … there but … here".
[[noreturn]] void refuse_to_resume(const std::filesystem::path& path,
                                   const Difference& differs,
                                   std::string_view way_out);

}  // namespace headscope
