#include "tests/support/scripted_server.h"

#include <arpa/inet.h>
#include <array>
#include <cstdlib>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

namespace myoflag::testing {

namespace {

constexpr int patience_ms = 50;

bool has_data(int socket) {
  pollfd wanted{socket, POLLIN, 0};
  return ::poll(&wanted, 1, patience_ms) > 0;
}

std::size_t body_length(const std::string& head) {
  const std::size_t at = head.find("Content-Length:");
  return at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + 15, nullptr, 10);
}

bool is_whole(const std::string& request) {
  const std::size_t end = request.find("\r\n\r\n");
  return end != std::string::npos &&
         request.size() >= end + 4 + body_length(request.substr(0, end));
}

}  // namespace

Scripted answer(int status, const std::string& headers, const std::string& body) {
  return {fmt::format("HTTP/1.1 {} Said\r\n{}Content-Length: {}\r\n\r\n{}", status, headers,
                      body.size(), body),
          std::chrono::milliseconds(0), false};
}

ScriptedServer::ScriptedServer(Script script) : script_(std::move(script)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, any, size) != 0 || ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, any, &size) != 0) {
    throw std::runtime_error("no free port on this machine");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedServer::~ScriptedServer() {
  stopping_ = true;
  acceptor_.join();
  for (std::thread& connection : connections_) {
    connection.join();
  }
  ::close(listener_);
}

std::string ScriptedServer::url(const std::string& path) const {
  return fmt::format("http://127.0.0.1:{}/{}", port_, path);
}

std::vector<std::string> ScriptedServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void ScriptedServer::accept_all() {
  while (!stopping_) {
    if (!has_data(listener_)) {
      continue;
    }
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection >= 0) {
      ++accepted_;
      connections_.emplace_back([this, connection] { serve(connection); });
    }
  }
}

void ScriptedServer::serve(int connection) {
  std::string request;
  std::array<char, 4096> piece{};
  while (!stopping_) {
    if (!has_data(connection)) {
      continue;
    }
    const ssize_t count = ::recv(connection, piece.data(), piece.size(), 0);
    if (count <= 0) {
      break;
    }
    request.append(piece.data(), static_cast<std::size_t>(count));
    if (!is_whole(request)) {
      continue;
    }
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const Scripted scripted = script_(request);
    for (auto left = scripted.delay; left.count() > 0 && !stopping_;
         left -= std::chrono::milliseconds(10)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ::send(connection, scripted.bytes.data(), scripted.bytes.size(), MSG_NOSIGNAL);
    request.clear();
    if (scripted.is_closed) {
      break;
    }
  }
  ::close(connection);
}

}  // namespace myoflag::testing
