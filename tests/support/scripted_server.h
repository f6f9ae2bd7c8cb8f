#pragma once
// A server on a free port of this machine that answers with exactly the bytes it is given, however
// wrong, and keeps what it was asked.

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace myoflag::testing {

struct Scripted {
  std::string bytes;                   // the whole answer, head and body
  std::chrono::milliseconds delay{0};  // before it
  bool is_closed = true;               // the connection, behind it
};

// "HTTP/1.1 200 OK" with these headers ("Name: value\r\n" each) and body.
Scripted answer(int status, const std::string& headers, const std::string& body);

class ScriptedServer {
 public:
  // Called for each request, with its head and body as they came.
  using Script = std::function<Scripted(const std::string& request)>;

  explicit ScriptedServer(Script script);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::string url(const std::string& path = "") const;  // http://127.0.0.1:port/path
  std::vector<std::string> requests() const;
  int connections() const { return accepted_; }

 private:
  void accept_all();
  void serve(int connection);

  Script script_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> accepted_{0};
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::vector<std::thread> connections_;
  std::thread acceptor_;
};

}  // namespace myoflag::testing
