// Answers as they go over the wire.
#pragma once

#include <string>

#include "cli/http/http_message.h"

namespace headscope {

// Whether the connection lives on behind the answer.
enum class KeepAlive { yes, no };

// An answer to HEAD says how long the body would be, and has none.
enum class WithBody { yes, no };

std::string answer_bytes(const HttpResponse& response,
                         KeepAlive keep_alive,
                         WithBody with_body = WithBody::yes);

// An answer in pieces: what is sent before the first. Chunked, its length is told piece by piece;
// plain, which HTTP/1.0 asks for, the end of the connection is its end.
enum class StreamCoding { chunked, plain };
std::string stream_head(const std::string& content_type, KeepAlive keep_alive, StreamCoding coding);
std::string stream_piece(const std::string& piece, StreamCoding coding);
std::string stream_end(StreamCoding coding);

}  // namespace headscope
