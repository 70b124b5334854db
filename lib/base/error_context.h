// Errors that say where they came from.
#pragma once

#include <string>

#include "lib/base/error.h"

namespace headscope {

// Runs `work`; its errors, of whatever kind, begin with "`where`: ".
template <typename Work>
auto with_context(const std::string& where, const Work& work) {
  const auto message = [&](const Error& error) { return where + ": " + error.what(); };
  try {
    return work();
  } catch (const UsageError& error) {
    throw UsageError(message(error));
  } catch (const DataError& error) {
    throw DataError(message(error));
  } catch (const ResourceError& error) {
    throw ResourceError(message(error));
  } catch (const InternalError& error) {
    throw InternalError(message(error));
  }
}

}  // namespace headscope
