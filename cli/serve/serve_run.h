// `headscope serve`: a model behind HTTP until it is told to stop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/api/api.h"
#include "cli/http/http_server.h"
#include "cli/serve/model_engine.h"

namespace headscope {

struct ServeOptions {
  HttpServerOptions http{};
  ApiOptions api{};
  EngineOptions engine{};
  double drain_seconds = 30;  // for what runs when it is told to stop
  // Told once it listens.
  std::function<void(std::uint16_t port)> listening{};
  // Looked at again and again; true: finish what runs, then return.
  std::function<bool()> stopped{};
};

// Throws what HttpServer does.
void serve(const Model& model, ServeOptions options);

// The secret in a file: its first line. Throws DataError for one shorter than 16 characters, or
// with spaces or other characters that no header can carry, and if there is no such file.
std::string read_token(const std::string& file);

// What requests call a model that the user named so: a path's last part, without ".gguf".
std::string model_id(std::string_view name);

}  // namespace headscope
