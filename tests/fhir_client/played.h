#pragma once
// A server and a world that tests play.

#include <deque>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "fhir/client/client.h"

namespace myoflag::fhir::client {

inline Response said(int status, const Json& body = {}, Headers headers = {}) {
  return {status, std::move(headers), body.is_null() ? "" : write_json(body)};
}

// Gives `answers` in their order, then `otherwise`.
class Played final : public Transport {
 public:
  using Answer = tl::expected<Response, TransportFailure>;

  Answer send(const Request& request) override {
    asked.push_back(request);
    if (answers.empty()) {
      return otherwise;
    }
    Answer answer = std::move(answers.front());
    answers.pop_front();
    return answer;
  }

  Answer download(const Request& request, const std::string& file) override {
    Answer answer = send(request);
    if (answer) {
      std::ofstream(file, std::ios::binary) << answer->body;
      answer->body.clear();
    }
    return answer;
  }

  std::vector<std::string> urls() const {
    std::vector<std::string> all;
    for (const Request& request : asked) {
      all.push_back(request.url);
    }
    return all;
  }

  std::deque<Answer> answers;
  Answer otherwise = Response{404, {}, ""};
  std::vector<Request> asked;
};

// Time passes when somebody waits.
struct Passing {
  std::chrono::sys_seconds now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22);
  std::vector<std::chrono::milliseconds> waits;
  int uuids = 0;

  World world() {
    return {[this] { return now; },
            [this](std::chrono::milliseconds time) {
              waits.push_back(time);
              now += std::chrono::ceil<std::chrono::seconds>(time);
            },
            [] { return 0.5; }, [this] { return "uuid-" + std::to_string(++uuids); }};
  }
};

// Remembers whether it was asked anew.
class Counting final : public Authority {
 public:
  tl::expected<std::string, TransportFailure> header(bool anew) override {
    asked.push_back(anew);
    return "Bearer x";
  }

  std::vector<bool> asked;
};

}  // namespace myoflag::fhir::client
