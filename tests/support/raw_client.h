// A client of HTTP that may misbehave: bytes over a socket to this machine.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace headscope::test {

class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ =
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() { leave(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }

  // False once the server takes nothing any more.
  bool send(const std::string& bytes) const {
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t n = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) {
        return false;
      }
      sent += static_cast<std::size_t>(n);
    }
    return true;
  }

  // What comes until the server closes, or until `until` has come, or for `seconds`.
  std::string receive(const std::string& until = {}, double seconds = 10) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    std::string got;
    while (until.empty() || got.find(until) == std::string::npos) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          end - std::chrono::steady_clock::now());
      pollfd ready{socket_, POLLIN, 0};
      char bytes[4096];
      if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0) {
        break;
      }
      const ssize_t n = ::recv(socket_, bytes, sizeof bytes, 0);
      if (n <= 0) {
        closed_ = true;
        break;
      }
      got.append(bytes, static_cast<std::size_t>(n));
    }
    return got;
  }

  [[nodiscard]] bool closed_by_server() const { return closed_; }  // receive() saw the end

  void close_writing() const { ::shutdown(socket_, SHUT_WR); }
  void leave() {
    if (socket_ >= 0) {
      ::close(socket_);
      socket_ = -1;
    }
  }

 private:
  int socket_;
  bool connected_ = false;
  bool closed_ = false;
};

struct RawAnswer {
  int status = 0;
  std::string head;
  std::string body;
};

inline RawAnswer parsed(const std::string& text) {
  const std::size_t end = text.find("\r\n\r\n");
  RawAnswer answer;
  answer.status = text.size() > 12 ? std::atoi(text.c_str() + 9) : 0;
  answer.head = text.substr(0, end);
  answer.body = end == std::string::npos ? "" : text.substr(end + 4);
  return answer;
}

// The answer to a whole request, behind which the connection is closed.
inline RawAnswer ask(std::uint16_t port, const std::string& request) {
  RawClient client(port);
  client.send(request);
  return parsed(client.receive());
}

inline std::string get_request(const std::string& path, const std::string& headers = {}) {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers + "\r\n";
}

inline std::string post_request(const std::string& path,
                                const std::string& body,
                                const std::string& headers = "Content-Type: application/json\r\n") {
  return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace headscope::test
