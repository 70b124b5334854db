#include "cli/exit_code.h"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <new>

#include <c10/util/Exception.h>

#include "cli/interrupt.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/json_guard.h"
#include "lib/base/memory.h"

namespace headscope {
namespace {

constexpr int kInterrupted = 130;  // what a shell reports for Ctrl-C

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

Failure out_of_memory() {
  return {4,
          "out of memory (" + format_bytes(available_memory()) +
              " free); try smaller batches, --dtype bf16 or a smaller model"};
}

// Torch tells a failed allocation from other errors only in words.
bool is_out_of_memory(const std::string& message) {
  return message.find("out of memory") != std::string::npos ||
         message.find("can't allocate memory") != std::string::npos;
}

Failure of_torch(const std::string& message) {
  return is_out_of_memory(message)
             ? out_of_memory()
             : Failure{1, "internal error: " + first_line(message) + " (please report it)"};
}

}  // namespace

Failure describe_current_exception() {
  try {
    throw;
  } catch (const Error& error) {
    std::string message = error.what();
    std::replace(message.begin(), message.end(), '\n', ' ');
    return {error.exit_code(), message};
  } catch (const Interrupted&) {
    return {kInterrupted, "interrupted"};
  } catch (const Json::exception& error) {
    return {3, json_fault(error.what())};
  } catch (const std::filesystem::filesystem_error& error) {
    return {3, error.path1().string() + ": " + error.code().message()};
  } catch (const c10::Error& error) {
    return of_torch(error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (const std::exception& error) {
    return {1, "internal error: " + first_line(error.what()) + " (please report it)"};
  } catch (...) {
    return {1, "internal error of an unknown kind (please report it)"};
  }
}

}  // namespace headscope
