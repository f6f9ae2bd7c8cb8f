#include "plugin/ehr/fetch_command.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <exception>
#include <mutex>
#include <thread>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "fhir/client/backend_services.h"
#include "fhir/client/client.h"
#include "plugin/ehr/fetch_wire.h"
#include "plugin/ehr/own_key.h"
#include "plugin/write_all.h"

namespace myoflag::ehr {

namespace {

using fhir::Json;
using fhir::client::Client;
using Clock = std::chrono::steady_clock;

constexpr int most_pages = 10;

// Many threads answer over one socket, a frame at a time. Whoever reads is gone or not: nothing
// depends on it.
class Socket {
 public:
  explicit Socket(int file) : file_(file) {}

  void send(std::string_view frame) {
    const std::lock_guard lock(mutex_);
    write_all(file_, frame);
  }

 private:
  const int file_;
  std::mutex mutex_;
};

std::string without_end(std::string base) {
  while (base.ends_with('/')) {
    base.pop_back();
  }
  return base;
}

// The address of the next page. Empty: there is none, or none at this endpoint.
std::string next_page(const Json& bundle, std::string_view base) {
  for (const auto& link : bundle.array_of("link")) {
    const auto url = link.string_of("url");
    if (link.string_of("relation") == "next" && url.starts_with(base) && url.size() > base.size() &&
        (url[base.size()] == '/' || url[base.size()] == '?')) {
      return std::string(url);
    }
  }
  return {};
}

class Order {
 public:
  Order(fhir::client::Transport& transport, FetchOrder order, fhir::client::Authority* own,
        Socket& socket)
      : transport_(transport),
        order_(std::move(order)),
        bearer_(fhir::client::bearer(order_.token)),
        authority_(order_.token.empty() ? own : &bearer_),
        until_(Clock::now() + order_.time),
        socket_(socket) {
    order_.base = without_end(std::move(order_.base));
  }

  void run() {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < order_.queries.size(); ++i) {
      threads.emplace_back([this, i] { fetch(i); });
    }
    for (std::size_t i = 0; i < order_.requests.size(); ++i) {
      threads.emplace_back([this, i] { ask(i); });
    }
    std::for_each(threads.begin(), threads.end(), [](std::thread& one) { one.join(); });
  }

 private:
  void fetch(std::size_t query) {
    try {
      pages(query);
    } catch (const std::exception&) {
      // An address that cannot be called: not fetched.
    }
  }

  void ask(std::size_t number) {
    WebAnswer answer{0, {}, "MF-1505"};
    try {
      answer = web_answer(order_.requests[number]);
    } catch (const std::exception&) {
      // What a library says may quote an address.
    }
    socket_.send(answer_frame({number, web_answer_text(answer)}));
  }

  WebAnswer web_answer(const WebRequest& asked) {
    fhir::client::Request request;
    request.url = asked.url;
    request.headers = {{"Accept", "application/json"}};
    request.deadline = time_left();
    request.most_bytes = kMostOfTheWeb;
    if (!asked.authorization.empty()) {
      request.headers.push_back({"Authorization", asked.authorization});
    }
    if (!asked.form.empty()) {
      request.method = fhir::client::Method::post;
      request.headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
      request.body = asked.form;
    }
    if (!asked.sign.client_id.empty()) {
      const auto assertion = assertion_of(asked);
      if (!assertion) {
        return {0, {}, "MF-4131"};
      }
      request.body +=
          "&" + fhir::client::query_of({{"client_assertion_type",
                                         "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
                                        {"client_assertion", *assertion}});
    }
    auto answer = transport_.send(request);
    return answer ? WebAnswer{answer->status, std::move(answer->body), {}}
                  : WebAnswer{0, {}, answer.error().code};
  }

  // The key is read each time: a new one is in use at once.
  static std::optional<std::string> assertion_of(const WebRequest& asked) {
    auto key = read_key(asked.sign.key_file, asked.sign.key_id);
    if (!key) {
      return std::nullopt;
    }
    const auto world = fhir::client::real_world();
    fhir::client::BackendOptions how;
    how.client_id = asked.sign.client_id;
    how.key = *std::move(key);
    return fhir::client::client_assertion(how, asked.url, world.uuid(), world.now());
  }

  std::chrono::milliseconds time_left() const {
    return std::max(std::chrono::duration_cast<std::chrono::milliseconds>(until_ - Clock::now()),
                    std::chrono::milliseconds(1));
  }

  // Each page as soon as it is there: the first counts, even where a later one is late.
  void pages(std::size_t query) {
    std::size_t bytes = 0;
    std::string url = order_.base + order_.queries[query];
    for (int page = 0; !url.empty() && page < most_pages; ++page) {
      const auto json = read(url, page == 0);
      if (!json) {
        return;
      }
      auto text = fhir::write_json(*json);
      bytes += text.size();
      if (bytes > kMostFetched) {
        return;
      }
      socket_.send(answer_frame({query, std::move(text)}));
      url = next_page(*json, order_.base);
    }
  }

  // In our own name, whoever waits is told that it may not be had: in our words, not the server's.
  std::optional<Json> refusal(int status) const {
    const std::string_view code = status == 403   ? "forbidden"
                                  : status == 404 ? "not-found"
                                  : status == 410 ? "deleted"
                                                  : "";
    if (code.empty() || !order_.token.empty()) {
      return std::nullopt;
    }
    Json issue = Json::object({{"severity", "error"}, {"code", std::string(code)}});
    return Json::object(
        {{"resourceType", "OperationOutcome"}, {"issue", Json::array({std::move(issue)})}});
  }

  std::optional<Json> read(const std::string& url, bool is_first) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until_ - Clock::now());
    if (left.count() <= 0) {
      return std::nullopt;
    }
    fhir::client::Endpoint endpoint;
    endpoint.base = order_.base;
    endpoint.deadline = left;
    endpoint.most_bytes = kMostFetched;
    endpoint.most_tries = 1;
    Client client(transport_, endpoint, authority_);
    auto reply = client.read_page(url);
    const bool done = reply.next == fhir::client::Next::done && reply.resource.is_object();
    return done       ? std::optional(std::move(reply.resource))
           : is_first ? refusal(reply.status)
                      : std::nullopt;
  }

  fhir::client::Transport& transport_;
  FetchOrder order_;
  fhir::client::FixedAuthority bearer_;
  fhir::client::Authority* const authority_;
  const Clock::time_point until_;
  Socket& socket_;
};

// Nothing is asked in our own name elsewhere.
bool may_be_done(const FetchOrder& order, const Own& own) {
  return order.queries.empty() || !order.token.empty() ||
         (!own.base.empty() && without_end(order.base) == without_end(own.base));
}

}  // namespace

Exit fetch_orders(fhir::client::Transport& transport, int socket, const Own& own) {
  std::signal(SIGPIPE, SIG_IGN);  // the other end may give up on an order
  Socket answers(socket);
  FrameReader frames(kMostOrdered);
  std::array<char, 65'536> bytes{};
  for (;;) {
    if (const auto content = frames.next()) {
      auto order = read_order(*content);
      if (!order || !may_be_done(*order, own)) {
        return Exit::usage;
      }
      Order(transport, *std::move(order), own.authority, answers).run();
      answers.send(end_frame());
      continue;
    }
    const auto count = frames.is_broken() ? 0 : ::read(socket, bytes.data(), bytes.size());
    if (count <= 0) {
      return Exit::done;
    }
    frames.take({bytes.data(), static_cast<std::size_t>(count)});
  }
}

}  // namespace myoflag::ehr
