// What a client asks and what it gets.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace headscope {

struct HttpRequest {
  std::string method;          // "POST"
  std::string path;            // "/v1/completions", without what follows "?"
  std::string query{};         // what follows it
  std::string content_type{};  // of the body, as media_type() gives it
  std::string body{};
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};
};

}  // namespace headscope
