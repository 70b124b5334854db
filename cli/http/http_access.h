// Who may ask: the names a server answers to, the pages that may call it, the token.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headscope {

struct AccessRules {
  // Names in the Host header beside "localhost" and addresses written as numbers. Any other name is
  // refused: a page of another site whose name was made to point here (DNS rebinding) asks under
  // that name.
  std::vector<std::string> hosts{};
  std::string token{};  // what clients must send as "Authorization: Bearer …"; empty: nothing
};

// The headers that decide, as the client sent them.
struct AccessHeaders {
  std::vector<std::string> hosts{};
  std::vector<std::string> origins{};
  std::vector<std::string> authorizations{};
};

// Throws HttpError: 400 without exactly one Host, 403 for one the server does not answer to and for
// a page of another site (Origin, which browsers send, is not http(s)://Host).
void check_origin(const AccessRules& rules, const AccessHeaders& headers);

// Throws HttpError 401 for a missing or wrong token.
void check_token(const AccessRules& rules, const AccessHeaders& headers);

// Compares in a time that tells nothing of `secret` but, at most, its length.
bool same_secret(std::string_view given, std::string_view secret);

// Whether an address to listen on is reached from this machine alone.
bool is_loopback(const std::string& address);

}  // namespace headscope
