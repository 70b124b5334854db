#include "cli/http/http_bytes.h"

#include <fmt/format.h>

#include "cli/http/http_error.h"

namespace headscope {
namespace {

// What every answer says beside its own headers. No other site may frame, embed or read it.
std::string head_of(int status, const std::string& content_type, KeepAlive keep_alive) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nConnection: {}\r\nCache-Control: no-store\r\n"
      "X-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: same-origin\r\n",
      status,
      reason_phrase(status),
      content_type,
      keep_alive == KeepAlive::yes ? "keep-alive" : "close");
}

}  // namespace

std::string answer_bytes(const HttpResponse& response, KeepAlive keep_alive, WithBody with_body) {
  std::string bytes = head_of(response.status, response.content_type, keep_alive);
  for (const auto& [name, value] : response.headers) {
    bytes += fmt::format("{}: {}\r\n", name, value);
  }
  bytes += fmt::format("Content-Length: {}\r\n\r\n", response.body.size());
  return with_body == WithBody::yes ? bytes + response.body : bytes;
}

std::string stream_head(const std::string& content_type,
                        KeepAlive keep_alive,
                        StreamCoding coding) {
  return head_of(200, content_type, keep_alive) +
         (coding == StreamCoding::chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
}

std::string stream_piece(const std::string& piece, StreamCoding coding) {
  return coding == StreamCoding::chunked ? fmt::format("{:x}\r\n{}\r\n", piece.size(), piece)
                                         : piece;
}

std::string stream_end(StreamCoding coding) {
  return coding == StreamCoding::chunked ? "0\r\n\r\n" : "";
}

}  // namespace headscope
