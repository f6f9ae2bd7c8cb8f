#include "tests/http/raw_client.h"

#include <arpa/inet.h>
#include <bit>
#include <cstdlib>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace myoflag::testing {

bool Answer::has(std::string_view line) const {
  return head.find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
}

RawClient::RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{10, 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (connect(socket_, std::bit_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket_);
    throw std::runtime_error("nobody listens");
  }
}

RawClient::~RawClient() {
  if (socket_ >= 0) {
    ::close(socket_);
  }
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void RawClient::half_close() { shutdown(socket_, SHUT_WR); }

void RawClient::reset() {
  const linger at_once{1, 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(socket_);
  socket_ = -1;
}

bool RawClient::fill() {
  char bytes[65536];
  const auto size = recv(socket_, bytes, sizeof bytes, 0);
  if (size <= 0) {
    return false;
  }
  received_.append(bytes, static_cast<std::size_t>(size));
  return true;
}

Answer RawClient::answer(bool without_body) {
  while (received_.find("\r\n\r\n") == std::string::npos) {
    if (!fill()) {
      return {};
    }
  }
  Answer answer;
  answer.head = received_.substr(0, received_.find("\r\n\r\n") + 4);
  received_.erase(0, answer.head.size());
  answer.status = std::atoi(answer.head.c_str() + std::string_view("HTTP/1.1 ").size());
  constexpr std::string_view length_field = "\r\nContent-Length: ";
  const auto at = answer.head.find(length_field);
  if (at == std::string::npos || without_body) {
    return answer;
  }
  const auto length = std::strtoul(answer.head.c_str() + at + length_field.size(), nullptr, 10);
  while (received_.size() < length) {
    if (!fill()) {
      return {};
    }
  }
  answer.body = received_.substr(0, length);
  received_.erase(0, length);
  return answer;
}

bool RawClient::is_closed() {
  char byte = 0;
  return received_.empty() && recv(socket_, &byte, 1, 0) == 0;
}

}  // namespace myoflag::testing
