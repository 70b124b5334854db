#include "cli/http/http_access.h"

#include <algorithm>
#include <cctype>

#include <arpa/inet.h>

#include "cli/http/http_error.h"

namespace headscope {
namespace {

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return text;
}

bool is_numeric_address(const std::string& text) {
  unsigned char bytes[sizeof(in6_addr)];
  return ::inet_pton(AF_INET, text.c_str(), bytes) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

// "name:8080" and "[::1]:8080" without port and brackets.
std::string name_of_host(const std::string& host) {
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    return end == std::string::npos ? host : host.substr(1, end - 1);
  }
  return host.substr(0, host.find(':'));
}

bool answers_to(const AccessRules& rules, const std::string& host) {
  const std::string name = lower_case(name_of_host(host));
  return name == "localhost" || is_numeric_address(name) ||
         std::any_of(rules.hosts.begin(), rules.hosts.end(), [&](const std::string& known) {
           return lower_case(known) == name;
         });
}

}  // namespace

void check_origin(const AccessRules& rules, const AccessHeaders& headers) {
  if (headers.hosts.size() != 1 || headers.hosts.front().empty()) {
    throw HttpError(400, "a request needs one Host header");
  }
  const std::string& host = headers.hosts.front();
  if (!answers_to(rules, host)) {
    throw HttpError(403,
                    "this server does not answer to the host name \"" + host +
                        "\": use localhost or its address, or start it with --allow-host",
                    "host_not_allowed");
  }
  for (const std::string& origin : headers.origins) {
    if (lower_case(origin) != "http://" + lower_case(host) &&
        lower_case(origin) != "https://" + lower_case(host)) {
      throw HttpError(403, "pages of " + origin + " may not ask this server", "origin_not_allowed");
    }
  }
}

void check_token(const AccessRules& rules, const AccessHeaders& headers) {
  if (rules.token.empty()) {
    return;
  }
  const std::string scheme = "bearer ";
  if (headers.authorizations.size() != 1 ||
      lower_case(headers.authorizations.front().substr(0, scheme.size())) != scheme) {
    throw HttpError(401, "this server needs a token: send \"Authorization: Bearer TOKEN\"");
  }
  if (!same_secret(headers.authorizations.front().substr(scheme.size()), rules.token)) {
    throw HttpError(401, "wrong token");
  }
}

bool same_secret(std::string_view given, std::string_view secret) {
  // All that was given is looked at, whatever it is compared with.
  volatile unsigned char different = given.size() == secret.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char other = secret.empty() ? '\0' : secret[i % secret.size()];
    different =
        static_cast<unsigned char>(different | static_cast<unsigned char>(given[i] ^ other));
  }
  return different == 0;
}

bool is_loopback(const std::string& address) {
  in6_addr v6{};
  in_addr v4{};
  if (::inet_pton(AF_INET, address.c_str(), &v4) == 1) {
    return (ntohl(v4.s_addr) >> 24) == 127;
  }
  return ::inet_pton(AF_INET6, address.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace headscope
