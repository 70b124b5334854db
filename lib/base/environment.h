// Folders that environment variables name.
#pragma once

#include <filesystem>
#include <string>

namespace headscope {

// $HOME; where it is not set, the home of the user in the system's list of users; empty if neither
// is known.
std::filesystem::path home_folder();

// `text` with a leading "~", "~/…" or "~user/…" and every $NAME and ${NAME} replaced, as Python's
// os.path.expanduser and expandvars do: what is not known stays as it is.
std::string expand_path(const std::string& text);

// The expanded value of the variable; empty if it is unset or empty.
std::filesystem::path environment_path(const char* name);

}  // namespace headscope
