#include "plugin/http/server.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <exception>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>  // before Boost.Asio 1.74, which forgets it
#include <vector>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "fhir/uuid.h"
#include "plugin/http/head.h"
#include "plugin/http/problem.h"
#include "plugin/http/workers.h"
#include "plugin/random_uuid.h"

namespace myoflag::http {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using boost::system::error_code;
using net::ip::tcp;
using Strand = net::strand<net::io_context::executor_type>;
using Socket = net::basic_stream_socket<tcp, Strand>;
using Acceptor = net::basic_socket_acceptor<tcp, Strand>;
using Timer = net::basic_waitable_timer<Clock, net::wait_traits<Clock>, Strand>;

// Pipelined requests wait here and in the kernel. Larger than any head.
constexpr std::size_t buffer_bytes = 80u << 10;
constexpr std::size_t head_read_bytes = 4u << 10;  // every idle connection has room for so much
constexpr std::size_t body_read_bytes = 16u << 10;
// After the last answer, what the client still sends is read and dropped: else the system resets
// the connection, and the client may never see the answer.
constexpr std::size_t linger_bytes = 256u << 10;
constexpr std::chrono::milliseconds linger_time{1'000};
constexpr std::chrono::milliseconds full_pause{20};    // at the cap of connections
constexpr std::size_t most_giving_way = 64;            // at once
constexpr std::chrono::milliseconds least_idle{200};   // a new client needs a moment to speak
constexpr std::chrono::milliseconds failed_pause{50};  // no file left, for example
constexpr std::string_view end_of_head = "\r\n\r\n";

constexpr Refusal not_found{404, "MF-4209", "There is nothing at this path."};
constexpr Refusal wrong_method{405, "MF-4210", "This path does not know the method."};
constexpr Refusal wrong_type{415, "MF-4211", "A body of this media type is not read here."};
constexpr Refusal too_large{413, "MF-4207", "The body is too large."};
constexpr Refusal broken_body{400, "MF-4215", "The body does not come as its head says."};
constexpr Refusal broken_head{400, "MF-4200", "The head is no head of HTTP/1.1."};
constexpr Refusal too_slow{408, "MF-4208", "The request did not arrive in time."};
constexpr Refusal too_busy{503, "MF-4212", "Too many requests wait already."};
constexpr Refusal too_late{503, "MF-4213", "The answer was not ready in time."};
constexpr Refusal failed{500, "MF-4214", "The request met a fault of this program."};

// Bytes to and from one client, as they are or within TLS.
class Stream {
 public:
  using executor_type = Socket::executor_type;
  using TlsStream = net::ssl::stream<Socket&>;

  // A new certificate later changes nothing for who is connected: the session holds its context.
  Stream(Socket socket, const std::shared_ptr<const Tls>& tls) : socket_(std::move(socket)) {
    if (tls != nullptr) {
      SSL_CTX_up_ref(tls->context());
      net::ssl::context context(tls->context());  // gives the reference back
      tls_.emplace(socket_, context);
    }
  }

  executor_type get_executor() { return socket_.get_executor(); }
  Socket& socket() { return socket_; }
  TlsStream* tls() { return tls_ ? &*tls_ : nullptr; }

  template <typename Buffers, typename Then>
  void async_read_some(const Buffers& buffers, Then&& then) {
    if (tls_) {
      tls_->async_read_some(buffers, std::forward<Then>(then));
    } else {
      socket_.async_read_some(buffers, std::forward<Then>(then));
    }
  }

  template <typename Buffers, typename Then>
  void async_write_some(const Buffers& buffers, Then&& then) {
    if (tls_) {
      tls_->async_write_some(buffers, std::forward<Then>(then));
    } else {
      socket_.async_write_some(buffers, std::forward<Then>(then));
    }
  }

 private:
  Socket socket_;
  std::optional<TlsStream> tls_;
};

class Connection;

// Who is connected; the only state that connections share.
class Registry {
 public:
  bool add(const std::string& address, std::weak_ptr<Connection> connection, const void* key,
           std::size_t most) {
    const std::lock_guard lock(mutex_);
    if (by_address_[address] >= most) {
      return false;
    }
    ++by_address_[address];
    open_.emplace(key, Entry{std::move(connection), std::nullopt});
    return true;
  }

  void remove(const std::string& address, const void* key) {
    const std::lock_guard lock(mutex_);
    if (open_.erase(key) == 0) {
      return;
    }
    if (--by_address_[address] == 0) {
      by_address_.erase(address);
    }
    if (open_.empty()) {
      empty_.notify_all();
    }
  }

  // Idle: between two requests, or before the first.
  void set_idle(const void* key, bool idle) {
    const std::lock_guard lock(mutex_);
    if (const auto found = open_.find(key); found != open_.end()) {
      found->second.idle_since = idle ? std::optional(Clock::now()) : std::nullopt;
    }
  }

  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return open_.size();
  }

  std::vector<std::shared_ptr<Connection>> all() const {
    std::vector<std::shared_ptr<Connection>> connections;
    const std::lock_guard lock(mutex_);
    for (const auto& [key, entry] : open_) {
      if (auto alive = entry.connection.lock()) {
        connections.push_back(std::move(alive));
      }
    }
    return connections;
  }

  // At most so many of those that have been idle longest.
  std::vector<std::shared_ptr<Connection>> longest_idle(std::size_t most) const {
    // Outlives the lock: the last owner of a connection that has just ended may be this list.
    std::vector<std::pair<Clock::time_point, std::shared_ptr<Connection>>> idle;
    const auto latest = Clock::now() - least_idle;
    const std::lock_guard lock(mutex_);
    for (const auto& [key, entry] : open_) {
      const bool waits = entry.idle_since && *entry.idle_since < latest;
      auto alive = waits ? entry.connection.lock() : nullptr;
      if (alive != nullptr) {
        idle.emplace_back(*entry.idle_since, std::move(alive));
      }
    }
    std::sort(idle.begin(), idle.end());
    std::vector<std::shared_ptr<Connection>> connections;
    for (std::size_t i = 0; i < std::min(most, idle.size()); ++i) {
      connections.push_back(idle[i].second);
    }
    return connections;
  }

  bool wait_until_empty(Clock::time_point latest) {
    std::unique_lock lock(mutex_);
    return empty_.wait_until(lock, latest, [this] { return open_.empty(); });
  }

 private:
  struct Entry {
    std::weak_ptr<Connection> connection;
    std::optional<Clock::time_point> idle_since;
  };

  mutable std::mutex mutex_;
  std::condition_variable empty_;
  std::map<std::string, std::size_t> by_address_;  // guarded by mutex_
  std::map<const void*, Entry> open_;              // guarded by mutex_
};

// The certificate for the next connection.
class TlsSlot {
 public:
  explicit TlsSlot(std::shared_ptr<const Tls> tls) : tls_(std::move(tls)) {}

  std::shared_ptr<const Tls> get() const {
    const std::lock_guard lock(mutex_);
    return tls_;
  }
  void set(std::shared_ptr<const Tls> tls) {
    const std::lock_guard lock(mutex_);
    tls_ = std::move(tls);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Tls> tls_;  // guarded by mutex_; null: plain HTTP
};

// What every connection uses, and what outlives them all.
struct Shared {
  explicit Shared(ServerOptions given)
      : limits(given.limits),
        log(std::move(given.log)),
        origins(given.cors_origins.begin(), given.cors_origins.end()),
        tls(std::move(given.tls)),
        workers(limits.workers, limits.waiting_requests) {}

  Router router;  // complete before anybody is accepted
  const Limits limits;
  const std::function<void(const Access&)> log;
  const std::set<std::string, std::less<>> origins;  // of pages that may call; empty: none
  std::atomic<bool> draining{false};
  Registry registry;
  TlsSlot tls;
  Workers workers;
};

std::string date_now() {
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(std::time(nullptr)));
}

// A value that could end its line would begin another field.
bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// One request and what becomes of it. A worker and the connection hold it.
struct Exchange {
  Request request;
  const Route* route = nullptr;
  bool as_outcome = false;
  Framing framing;
  std::atomic<bool> abandoned{false};  // nobody waits any more
};

// What a worker does for a request. An answer ends it.
using Work = std::optional<Response> (*)(const Exchange&);

std::optional<Response> admit(const Exchange& exchange) {
  return exchange.route->admission(exchange.request);
}

std::optional<Response> handle(const Exchange& exchange) {
  return exchange.route->handler(exchange.request);
}

// `route` null: none was found yet.
Response answer_to(const Refusal& refusal, const Route* route, const Fields& head,
                   bool as_outcome) {
  auto page =
      route != nullptr && route->refusal ? route->refusal(refusal.status, head) : std::nullopt;
  return page ? *std::move(page) : problem(refusal, as_outcome);
}

std::optional<Response> guarded(Work work, const Exchange& exchange) {
  try {
    return work(exchange);
  } catch (...) {
    // What it says may quote the request.
    return answer_to(failed, exchange.route, exchange.request.fields, exchange.as_outcome);
  }
}

// One client. Every function runs on the connection's strand, but start, drain and abort, which go
// there. At any time it waits for one thing: bytes, a worker, or its answer to be taken; `timer_`
// bounds that.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Socket socket, std::string address, Shared& shared)
      : stream_(std::move(socket), shared.tls.get()),
        timer_(stream_.get_executor()),
        address_(std::move(address)),
        shared_(shared) {}
  ~Connection() { shared_.registry.remove(address_, this); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start() { on_strand(&Connection::greet); }
  // Closes now when no request has begun; else its answer is the last.
  void drain() { on_strand(&Connection::close_if_idle); }
  void abort() { on_strand(&Connection::close); }

 private:
  enum class Wait { nothing, greeting, request, head, body, answer, write, linger };

  void on_strand(void (Connection::*function)()) {
    net::dispatch(stream_.get_executor(),
                  [self = shared_from_this(), function] { (self.get()->*function)(); });
  }

  // ---- time

  void wait_for(Wait what, Clock::duration time) {
    wait_ = what;
    timer_.expires_after(time);
    timer_.async_wait([self = shared_from_this(), turn = ++turn_](error_code) {
      // A later wait has cancelled this one, or would have, had it not been done already.
      if (turn == self->turn_) {
        self->on_time_over();
      }
    });
  }

  void wait_no_more() {
    wait_ = Wait::nothing;
    ++turn_;
    timer_.cancel();
  }

  void on_time_over() {
    switch (wait_) {
      case Wait::head:
      case Wait::body: {
        time_over_ = true;  // the read ends, and answers
        error_code ignored;
        stream_.socket().cancel(ignored);
        return;
      }
      case Wait::answer:
        exchange_->abandoned = true;
        exchange_.reset();
        refuse(too_late);
        return;
      default:
        close();
    }
  }

  // ---- TLS

  void greet() {
    auto* tls = stream_.tls();
    if (tls == nullptr) {
      await_request();
      return;
    }
    wait_for(Wait::greeting, shared_.limits.head_time);
    tls->async_handshake(net::ssl::stream_base::server,
                         [self = shared_from_this()](error_code error) {
                           error || self->closed_ ? self->close() : self->await_request();
                         });
  }

  // ---- the head

  std::string_view buffered() const {
    const auto bytes = buffer_.cdata();
    return {static_cast<const char*>(bytes.data()), bytes.size()};
  }

  template <typename Then>
  void read_some(Then then, std::size_t most = head_read_bytes) {
    stream_.async_read_some(buffer_.prepare(most),
                            [self = shared_from_this(), then](error_code error, std::size_t size) {
                              self->buffer_.commit(size);
                              (self.get()->*then)(error);
                            });
  }

  void await_request() {
    access_ = {};
    access_.method = access_.route = "-";
    origin_.clear();
    as_outcome_ = head_only_ = keeps_alive_ = body_is_unread_ = false;
    languages_.clear();
    route_ = nullptr;
    if (buffer_.size() > 0) {
      begin_head();
      return;
    }
    if (shared_.draining) {
      close();
      return;
    }
    wait_for(Wait::request, shared_.limits.idle_time);
    shared_.registry.set_idle(this, true);
    read_some(&Connection::on_first_bytes);
  }

  void on_first_bytes(error_code error) {
    if (error || closed_) {
      close();
      return;
    }
    begin_head();
  }

  void begin_head() {
    shared_.registry.set_idle(this, false);
    began_ = Clock::now();
    time_over_ = false;
    wait_for(Wait::head, shared_.limits.head_time);
    go_on_with_head();
  }

  void go_on_with_head() {
    const auto text = buffered();
    const auto end = text.find(end_of_head);
    if (end != std::string_view::npos) {
      take_head(end + end_of_head.size());
    } else if (text.size() > shared_.limits.head_bytes) {
      refuse(too_long(text, shared_.limits));
    } else {
      read_some(&Connection::on_more_of_head);
    }
  }

  void on_more_of_head(error_code error) {
    if (closed_ || (error && !time_over_)) {
      close();
    } else if (time_over_) {
      refuse(too_slow);
    } else {
      go_on_with_head();
    }
  }

  void take_head(std::size_t size) {
    began_ = Clock::now();
    const std::string text(buffered().substr(0, size));
    buffer_.consume(size);
    if (const auto refusal = screen(text, shared_.limits)) {
      refuse(*refusal);
      return;
    }
    error_code error;
    head_parser_.emplace();
    head_parser_->header_limit(static_cast<std::uint32_t>(buffer_bytes));
    // judge_body limits it. No number at all would refuse every length in Boost 1.74.
    head_parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
    head_parser_->put(net::buffer(text), error);
    if (error || !head_parser_->is_header_done()) {
      refuse(broken_head);
      return;
    }
    keeps_alive_ = head_parser_->keep_alive();
    judge_head(head_of(head_parser_->get()));
  }

  static Head head_of(const bhttp::request<bhttp::empty_body>& message) {
    Head head;
    head.method = std::string(message.method_string());
    head.target = std::string(message.target());
    head.version = message.version();
    for (const auto& field : message) {
      std::string name(field.name_string());
      for (auto& c : name) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
      }
      head.fields.push_back({std::move(name), std::string(field.value())});
    }
    return head;
  }

  // ---- what is asked for

  void judge_head(Head head) {
    const std::string_view target = head.target;
    const auto question = target.find('?');
    const auto path = target.substr(0, question);
    as_outcome_ = shared_.router.wants_outcome(path);
    head_only_ = head.method == "HEAD";
    if (const auto origin = field_of(head.fields, "origin"); shared_.origins.contains(origin)) {
      origin_ = origin;
    }
    const auto framed = framing(head);
    if (!framed) {
      refuse(framed.error());
      return;
    }
    body_is_unread_ = framed->has_body();
    auto match = shared_.router.match(head.method, path);
    if (match.route == nullptr) {
      answer_without_route(head, match.allow);
      return;
    }
    exchange_ = std::make_shared<Exchange>();
    exchange_->route = route_ = match.route;
    exchange_->as_outcome = as_outcome_;
    auto& request = exchange_->request;
    request.address = address_;
    request.method = match.route->method;
    request.path = path;
    request.query = question == std::string_view::npos ? "" : target.substr(question + 1);
    request.parameters = std::move(match.parameters);
    request.fields = std::move(head.fields);
    request.id = request_id(request.fields);
    languages_ = {{"accept-language", std::string(field_of(request.fields, "accept-language"))}};
    access_.request = request.id;
    access_.method = head_only_ ? "HEAD" : std::string_view(match.route->method);
    access_.route = match.route->pattern;
    exchange_->framing = *framed;
    judge_body();
  }

  void answer_without_route(const Head& head, const std::string& allow) {
    if (allow.empty()) {
      refuse(not_found);
    } else if (head.method == "OPTIONS") {
      write({204, "", "", options_fields(head, allow)});
    } else {
      auto response = problem(wrong_method, as_outcome_);
      response.fields.push_back({"Allow", allow});
      write(std::move(response));
    }
  }

  // A browser asks so before it sends another site's page's call.
  Fields options_fields(const Head& head, const std::string& allow) const {
    Fields fields{{"Allow", allow}};
    if (!origin_.empty() && !field_of(head.fields, "access-control-request-method").empty()) {
      fields.push_back({"Access-Control-Allow-Methods", "GET, POST, OPTIONS"});
      fields.push_back({"Access-Control-Allow-Headers", "authorization, content-type"});
    }
    return fields;
  }

  // The client's own name for the request, when it is one that can say nothing about a patient.
  static std::string request_id(const Fields& fields) {
    const auto given = field_of(fields, "x-request-id");
    return fhir::parse_uuid(given) ? std::string(given) : random_uuid();
  }

  // What costs nothing to refuse is refused first, then who is not admitted; then the body is read.
  void judge_body() {
    const auto& route = *exchange_->route;
    const auto& framed = exchange_->framing;
    if (framed.has_body() && (route.media_types.empty() || framed.length > most_bytes(route))) {
      refuse(too_large);
    } else if (framed.has_body() &&
               !is_readable(route, field_of(exchange_->request.fields, "content-type"))) {
      refuse(wrong_type);
    } else if (route.admission) {
      hand_over(admit, &Connection::on_admission);
    } else {
      take_request();
    }
  }

  void on_admission(std::optional<Response> refused) {
    refused ? write(*std::move(refused)) : take_request();
  }

  void take_request() {
    const auto& framed = exchange_->framing;
    if (!framed.has_body()) {
      hand_over(handle, &Connection::on_answer);
      return;
    }
    body_parser_.emplace(std::move(*head_parser_));
    body_parser_->body_limit(most_bytes(*exchange_->route));
    framed.expects_continue&& buffer_.size() == 0 ? ask_for_body() : read_body();
  }

  std::size_t most_bytes(const Route& route) const {
    return route.body_bytes > 0 ? route.body_bytes : shared_.limits.body_bytes;
  }

  static bool is_readable(const Route& route, std::string_view content_type) {
    const auto& types = route.media_types;
    return std::find(types.begin(), types.end(), media_type(content_type)) != types.end();
  }

  // ---- the body

  void ask_for_body() {
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    wait_for(Wait::write, shared_.limits.write_time);
    net::async_write(stream_, net::buffer(go_on.data(), go_on.size()),
                     [self = shared_from_this()](error_code error, std::size_t) {
                       error || self->closed_ ? self->close() : self->read_body();
                     });
  }

  void read_body() {
    time_over_ = false;
    wait_for(Wait::body, shared_.limits.body_time);
    body_parser_->eager(true);
    go_on_with_body();
  }

  // Piece by piece, so that the time is looked at after each of them: cancelling a read does
  // nothing to one that has its bytes already, as all of them have in a burst.
  void go_on_with_body() {
    error_code error;
    if (buffer_.size() > 0) {
      buffer_.consume(body_parser_->put(buffer_.data(), error));
    }
    if (error == bhttp::error::body_limit) {
      refuse(too_large);
    } else if (error && error != bhttp::error::need_more) {
      refuse(broken_body);
    } else if (body_parser_->is_done()) {
      take_body();
    } else if (buffer_.size() + body_read_bytes > buffer_bytes) {
      refuse(broken_body);  // the line of a chunk has no end
    } else {
      read_some(&Connection::on_more_of_body, body_read_bytes);
    }
  }

  void on_more_of_body(error_code error) {
    if (closed_) {
      return;
    }
    if (time_over_) {
      refuse(too_slow);
    } else if (error == net::error::eof) {
      refuse(broken_body);
    } else if (error) {
      close();
    } else {
      go_on_with_body();
    }
  }

  void take_body() {
    body_is_unread_ = false;
    exchange_->request.body = std::move(body_parser_->get().body());
    access_.bytes_in = exchange_->request.body.size();
    body_parser_.reset();
    hand_over(handle, &Connection::on_answer);
  }

  // ---- the answer

  // To a worker; `then` gets what comes of it, unless nobody waits for that any more.
  void hand_over(Work work, void (Connection::*then)(std::optional<Response>)) {
    const auto own = exchange_->route->answer_time;
    const auto time = own.count() > 0 ? own : shared_.limits.answer_time;
    exchange_->request.deadline = Clock::now() + time;
    wait_for(Wait::answer, time);
    const bool offered = shared_.workers.offer(
        [self = shared_from_this(), exchange = exchange_, work, then]() mutable {
          if (exchange->abandoned) {
            return;
          }
          auto response = guarded(work, *exchange);
          auto& connection = *self;
          net::post(connection.stream_.get_executor(),
                    [self = std::move(self), exchange = std::move(exchange),
                     response = std::move(response), then]() mutable {
                      if (exchange == self->exchange_ && !self->closed_) {
                        (self.get()->*then)(std::move(response));
                      }
                    });
        });
    if (!offered) {
      refuse(too_busy);
    }
  }

  void on_answer(std::optional<Response> response) { write(*std::move(response)); }

  // An answer that ends the connection, unless the request was read whole and understood.
  void refuse(const Refusal& refusal) {
    const bool harmless = refusal.status == 404 && !body_is_unread_;
    must_close_ = must_close_ || !harmless;
    auto response = answer_to(refusal, route_, languages_, as_outcome_);
    if (refusal.status == 503) {
      response.fields.push_back({"Retry-After", "1"});
    }
    write(std::move(response));
  }

  void write(Response given) {
    if (access_.request.empty()) {
      access_.request = random_uuid();
    }
    for (const auto& field : given.fields) {
      if (!is_field_value(field.value)) {
        given = problem(failed, as_outcome_);
        break;
      }
    }
    build(std::move(given));
    wait_for(Wait::write, shared_.limits.write_time);
    bhttp::async_write(
        stream_, *answer_,
        [self = shared_from_this()](error_code error, std::size_t) { self->on_written(error); });
  }

  void build(Response given) {
    ++requests_;
    must_close_ = must_close_ || !keeps_alive_ || body_is_unread_ || shared_.draining ||
                  requests_ >= shared_.limits.requests_per_connection;
    access_.status = given.status;
    access_.bytes_out = head_only_ ? 0 : given.body.size();
    auto& answer = answer_.emplace();
    answer.version(11);
    answer.result(static_cast<unsigned>(given.status));
    answer.set(bhttp::field::date, date_now());
    answer.set("X-Request-Id", access_.request);
    if (!given.body.empty()) {
      answer.set("X-Content-Type-Options", "nosniff");
    }
    // Nobody may keep these unless they are told to: RFC 9110, 15.4.4 (303), 9.3.3 (POST). What a
    // GET gives may be kept by rule of thumb, 204 as well: 15.1.
    const bool is_read = access_.method == "GET" || access_.method == "HEAD";
    if (given.status != 303 && (given.status != 204 || is_read)) {
      answer.set(bhttp::field::cache_control, "no-store");
    }
    if (!given.content_type.empty()) {
      answer.set(bhttp::field::content_type, given.content_type);
    }
    for (const auto& field : given.fields) {
      if (field.name == "Set-Cookie") {  // the only one that may stand there several times
        answer.insert(field.name, field.value);
        continue;
      }
      answer.set(field.name, field.value);
    }
    if (!shared_.origins.empty()) {
      answer.insert(bhttp::field::vary, "Origin");  // beside what else it depends on
    }
    if (!origin_.empty()) {
      answer.set(bhttp::field::access_control_allow_origin, origin_);
    }
    if (given.status != 204) {
      answer.content_length(given.body.size());
    }
    answer.keep_alive(!must_close_);
    if (!head_only_) {
      answer.body() = std::move(given.body);
    }
  }

  void on_written(error_code error) {
    log(error ? 0 : access_.status);
    exchange_.reset();
    if (error || closed_) {
      close();
    } else if (must_close_) {
      linger();
    } else {
      answer_.reset();
      await_request();
    }
  }

  void log(int status) {
    if (access_.request.empty() || !shared_.log) {
      return;
    }
    access_.status = status;
    access_.time = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began_);
    shared_.log(access_);
    access_.request.clear();
  }

  // ---- the end

  void linger() {
    wait_for(Wait::linger, linger_time);
    buffer_.clear();
    if (auto* tls = stream_.tls()) {
      // Says that this was all. What still comes is not for us, so how it ends does not matter.
      tls->async_shutdown([self = shared_from_this()](error_code) { self->drop_rest(); });
    } else {
      drop_rest();
    }
  }

  void drop_rest() {
    if (closed_) {
      return;
    }
    error_code ignored;
    stream_.socket().shutdown(Socket::shutdown_send, ignored);
    drop_more();
  }

  // Past TLS: nobody reads it.
  void drop_more() {
    stream_.socket().async_read_some(
        buffer_.prepare(head_read_bytes),
        [self = shared_from_this()](error_code error, std::size_t size) {
          self->dropped_ += size;
          error || self->dropped_ > linger_bytes ? self->close() : self->drop_more();
        });
  }

  void close_if_idle() {
    if (wait_ == Wait::request || wait_ == Wait::greeting) {
      close();
    }
  }

  void close() {
    if (closed_) {
      return;
    }
    closed_ = true;
    if (exchange_ != nullptr) {
      exchange_->abandoned = true;
      log(0);
    }
    wait_no_more();
    error_code ignored;
    stream_.socket().close(ignored);
    shared_.registry.remove(address_, this);
  }

  Stream stream_;
  Timer timer_;
  std::uint64_t turn_ = 0;  // of the timer: an older one's end means nothing
  Wait wait_ = Wait::nothing;
  bool time_over_ = false;

  const std::string address_;
  Shared& shared_;
  beast::flat_buffer buffer_{buffer_bytes};
  std::optional<bhttp::request_parser<bhttp::empty_body>> head_parser_;
  std::optional<bhttp::request_parser<bhttp::string_body>> body_parser_;
  std::optional<bhttp::response<bhttp::string_body>> answer_;
  std::shared_ptr<Exchange> exchange_;
  std::string origin_;  // of the page that calls, where it may
  Access access_;
  Clock::time_point began_{};
  std::size_t requests_ = 0;
  std::size_t dropped_ = 0;
  const Route* route_ = nullptr;  // of the request at hand
  bool as_outcome_ = false;
  Fields languages_;  // which the client asks for; kept for pages of a refusal
  bool head_only_ = false;
  bool keeps_alive_ = false;
  bool body_is_unread_ = false;
  bool must_close_ = false;
  bool closed_ = false;
};

}  // namespace

struct Server::Parts {
  explicit Parts(ServerOptions options)
      : shared(std::move(options)),
        io(static_cast<int>(shared.limits.io_threads)),
        acceptor(net::make_strand(io)),
        pause(acceptor.get_executor()) {}

  ~Parts() {
    shared.workers.stop();  // what they hand back goes to `io`
    io.stop();
    for (auto& thread : threads) {
      thread.join();
    }
  }

  error_code listen(const std::string& host, std::uint16_t port) {
    error_code error;
    const auto address = net::ip::make_address(host, error);
    const tcp::endpoint endpoint(address, port);
    const auto then = [&error](auto&& step) {
      if (!error) {
        step();
      }
    };
    then([&] { acceptor.open(endpoint.protocol(), error); });
    then([&] { acceptor.set_option(net::socket_base::reuse_address(true), error); });
    then([&] { acceptor.bind(endpoint, error); });
    then([&] { acceptor.listen(net::socket_base::max_listen_connections, error); });
    then([&] { bound = acceptor.local_endpoint(error).port(); });
    return error;
  }

  void run() {
    net::post(acceptor.get_executor(), [this] { accept(); });
    for (unsigned i = 0; i < shared.limits.io_threads; ++i) {
      threads.emplace_back([this] { run_thread(); });
    }
  }

  // What a handler of the library throws, for want of memory, ends its connection and no more.
  void run_thread() {
    while (true) {
      try {
        io.run();
        return;
      } catch (const std::exception&) {
      }
    }
  }

  void accept() {
    if (shared.draining) {
      return;
    }
    if (shared.registry.size() >= shared.limits.connections) {
      // Who keeps a connection for later gives way to who wants something now.
      for (const auto& connection : shared.registry.longest_idle(most_giving_way)) {
        connection->drain();
      }
      accept_after(full_pause);
      return;
    }
    acceptor.async_accept(net::make_strand(io), [this](error_code error, Socket socket) {
      if (error && !shared.draining) {
        accept_after(failed_pause);
      } else if (!error) {
        admit(std::move(socket));
        accept();
      }
    });
  }

  void accept_after(Clock::duration time) {
    pause.expires_after(time);
    pause.async_wait([this](error_code) { accept(); });
  }

  void admit(Socket socket) {
    error_code error;
    socket.set_option(tcp::no_delay(true), error);
    const auto peer = socket.remote_endpoint(error);
    if (error) {
      return;
    }
    auto address = peer.address().to_string();
    auto connection = std::make_shared<Connection>(std::move(socket), address, shared);
    if (shared.registry.add(address, connection, connection.get(),
                            shared.limits.connections_per_address)) {
      connection->start();
    }
  }

  bool stop() {
    const auto latest = Clock::now() + shared.limits.drain_time;
    shared.draining = true;
    net::post(acceptor.get_executor(), [this] {
      error_code ignored;
      acceptor.close(ignored);
      pause.cancel();
    });
    for (const auto& connection : shared.registry.all()) {
      connection->drain();
    }
    bool ended = shared.registry.wait_until_empty(latest);
    for (const auto& connection : shared.registry.all()) {
      connection->abort();
    }
    ended = shared.registry.wait_until_empty(Clock::now() + linger_time) && ended;
    return shared.workers.wait_until_idle(std::max(latest, Clock::now())) && ended;
  }

  Shared shared;  // before `io`, whose connections use it to their end
  net::io_context io;
  Acceptor acceptor;
  Timer pause;
  std::uint16_t bound = 0;
  std::vector<std::thread> threads;
};

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() = default;

tl::expected<std::unique_ptr<Server>, Failure> Server::start(const Routes& routes,
                                                             ServerOptions options) {
  const auto host = options.host;
  const auto port = options.port;
  auto parts = std::make_unique<Parts>(std::move(options));
  if (const auto error = parts->listen(host, port)) {
    return tl::unexpected(Failure{
        Exit::outside,
        fmt::format("MF-4218: cannot listen on {} port {}: {}", host, port, error.message())});
  }
  parts->shared.router = routes(parts->bound);
  parts->run();
  return std::make_unique<Server>(std::move(parts));
}

std::uint16_t Server::port() const { return parts_->bound; }
std::size_t Server::connections() const { return parts_->shared.registry.size(); }
void Server::use(std::shared_ptr<const Tls> tls) { parts_->shared.tls.set(std::move(tls)); }
bool Server::stop() { return parts_->stop(); }

}  // namespace myoflag::http
