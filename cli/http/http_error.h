// Errors as clients of the OpenAI API know them: {"error": {"message", "type", "param", "code"}}.
#pragma once

#include <stdexcept>
#include <string>

#include "cli/http/http_message.h"

namespace headscope {

// A request that cannot be answered. `status` says who can mend it: 4xx the client, 5xx the server.
class HttpError : public std::runtime_error {
 public:
  // `code` is a word for programs; without one it is that of the status ("not_found"). `param`: the
  // key of the body that is at fault, if it is one.
  HttpError(int status, const std::string& message, std::string code = {}, std::string param = {});

  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] const std::string& code() const { return code_; }    // never empty
  [[nodiscard]] const std::string& param() const { return param_; }  // "" for none

 private:
  int status_;
  std::string code_;
  std::string param_;
};

// The JSON text of the error's body.
std::string error_json(const HttpError& error);

HttpResponse error_response(const HttpError& error);

// "Not Found"; "Unknown" for a status that we never send.
std::string reason_phrase(int status);

}  // namespace headscope
