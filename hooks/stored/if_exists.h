// What to do where a file of that name is there already.
#pragma once

namespace headscope {

enum class IfExists { fail, resume, replace };

}  // namespace headscope
