#include "fhir/client/cpprest_transport.h"

#include <algorithm>
#include <cpprest/filestream.h>
#include <cpprest/http_client.h>
#include <cpprest/rawptrstream.h>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <semaphore>
#include <stdexcept>
#include <utility>

namespace myoflag::fhir::client {

namespace {

namespace http = web::http;
using Answer = tl::expected<Response, TransportFailure>;
using Clock = std::chrono::steady_clock;

// How long a cancelled exchange may take to end; what then still runs keeps its own memory.
constexpr std::chrono::seconds grace{5};
constexpr std::chrono::milliseconds look_every{500};
// Between two steps of one exchange; the deadline of the whole is ours.
constexpr std::chrono::seconds most_silence{60};

TransportFailure not_sent(std::string code, std::string text) {
  return {std::move(code), std::move(text), Arrival::not_sent};
}

TransportFailure too_late() {
  return {"MF-1503", "The server did not answer in time.", Arrival::unknown};
}

TransportFailure too_long() {
  return {"MF-1504", "The answer is longer than allowed.", Arrival::unknown};
}

bool is_token(std::string_view name) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           marks.find(c) != std::string_view::npos;
  });
}

// cpprestsdk writes CR and LF of a value as they are: one header would become two.
bool is_sound(const Header& header) {
  return is_token(header.name) && std::all_of(header.value.begin(), header.value.end(),
                                              [](char c) { return c >= ' ' && c <= '~'; });
}

http::method method_of(Method method) {
  switch (method) {
    case Method::get:
      return http::methods::GET;
    case Method::post:
      return http::methods::POST;
    case Method::put:
      return http::methods::PUT;
    case Method::remove:
      return http::methods::DEL;
  }
  throw std::logic_error("every method has a name");
}

// Where the body of an answer goes. Kept until the last callback, which may come after we stopped
// waiting.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual concurrency::streams::ostream stream() = 0;
  virtual std::size_t written() const = 0;
  virtual bool has_end() const = 0;  // the library stops there by itself
  virtual std::string body() = 0;    // after the last byte
};

// At most so many bytes: the library stops at the end of the room.
class MemorySink final : public Sink {
 public:
  explicit MemorySink(std::size_t most)
      : bytes_(std::make_unique_for_overwrite<std::uint8_t[]>(std::max<std::size_t>(most, 1))),
        buffer_(bytes_.get(), most, std::ios::out) {}

  concurrency::streams::ostream stream() override { return buffer_.create_ostream(); }
  std::size_t written() const override {
    return static_cast<std::size_t>(std::streamoff(buffer_.getpos(std::ios::out)));
  }
  bool has_end() const override { return true; }
  std::string body() override { return {bytes_.get(), bytes_.get() + written()}; }

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
  concurrency::streams::rawptr_buffer<std::uint8_t> buffer_;
};

class FileSink final : public Sink {
 public:
  // Throws what the library throws when the file cannot be made.
  explicit FileSink(std::string file)
      : file_(std::move(file)),
        stream_(concurrency::streams::fstream::open_ostream(file_, std::ios::out | std::ios::trunc)
                    .get()) {}

  concurrency::streams::ostream stream() override { return stream_; }
  std::size_t written() const override {
    std::error_code ignored;
    const auto size = std::filesystem::file_size(file_, ignored);
    return ignored ? 0 : static_cast<std::size_t>(size);
  }
  bool has_end() const override { return false; }
  std::string body() override {
    stream_.close().get();
    return {};
  }

 private:
  std::string file_;
  concurrency::streams::ostream stream_;
};

struct Exchange {
  Exchange(std::unique_ptr<Sink> to, std::size_t allowed) : sink(std::move(to)), most(allowed) {}

  std::unique_ptr<Sink> sink;
  std::size_t most;
  std::promise<Answer> answer;
};

Response response_of(const http::http_response& given, Exchange& exchange) {
  Response response;
  response.status = given.status_code();
  for (const auto& [name, value] : given.headers()) {
    response.headers.push_back({name, value});
  }
  response.body = exchange.sink->body();
  return response;
}

// cpprestsdk's name for a connection that was refused, or was gone before the head was written.
bool never_left(const std::error_code& code) {
  return code.value() == static_cast<int>(std::errc::host_unreachable);
}

TransportFailure failure_of(const std::exception_ptr& thrown, const Exchange& exchange) {
  if (exchange.sink->written() >= exchange.most) {
    return too_long();
  }
  try {
    std::rethrow_exception(thrown);
  } catch (const pplx::task_canceled&) {
    return too_late();
  } catch (const http::http_exception& failure) {
    if (never_left(failure.error_code())) {
      return not_sent("MF-1502", "The server cannot be reached.");
    }
  } catch (const std::exception&) {
    // What cpprestsdk says may quote the address.
  }
  return {"MF-1505", "The connection to the server failed.", Arrival::unknown};
}

std::string path_of(const std::string& url) {
  const std::size_t begin = url.find_first_of("/?", url.find("://") + 3);
  const std::string path = begin == std::string::npos ? "/" : url.substr(begin);
  return path.front() == '/' ? path : "/" + path;
}

http::http_request request_of(const Request& request, Exchange& exchange) {
  http::http_request out(method_of(request.method));
  out.set_request_uri(path_of(request.url));
  if (request.method == Method::post || request.method == Method::put) {
    out.set_body(request.body, std::string(value_of(request.headers, "Content-Type")));
  }
  for (const Header& header : request.headers) {
    if (value_of({{header.name, "is one"}}, "Content-Type").empty()) {
      out.headers().add(header.name, header.value);
    }
  }
  out.set_response_stream(exchange.sink->stream());
  return out;
}

http::client::http_client_config config_of(const TransportOptions& options) {
  http::client::http_client_config config;
  config.set_timeout(most_silence);
  config.set_max_redirects(0);  // it would send Authorization along to another host
  if (!options.proxy.empty()) {
    config.set_proxy(web::web_proxy(web::uri(options.proxy)));
  }
  if (!options.ca_file.empty() || !options.certificate_file.empty()) {
    config.set_ssl_context_callback([options](boost::asio::ssl::context& context) {
      context.set_default_verify_paths();
      if (!options.ca_file.empty()) {
        context.load_verify_file(options.ca_file);
      }
      if (!options.certificate_file.empty()) {
        context.use_certificate_chain_file(options.certificate_file);
        context.use_private_key_file(options.key_file, boost::asio::ssl::context::pem);
      }
    });
  }
  return config;
}

// The files are read now, so that a wrong one is told before the first exchange.
void try_out(const TransportOptions& options) {
  if (options.certificate_file.empty() != options.key_file.empty()) {
    throw std::runtime_error("MF-1506 a certificate needs its key, and a key its certificate");
  }
  try {
    boost::asio::ssl::context context(boost::asio::ssl::context::tls_client);
    if (!options.ca_file.empty()) {
      context.load_verify_file(options.ca_file);
    }
    if (!options.certificate_file.empty()) {
      context.use_certificate_chain_file(options.certificate_file);
      context.use_private_key_file(options.key_file, boost::asio::ssl::context::pem);
    }
  } catch (const boost::system::system_error& error) {
    throw std::runtime_error("MF-1506 a certificate or key file cannot be used: " +
                             std::string(error.code().message()));
  }
}

class CpprestTransport final : public Transport {
 public:
  explicit CpprestTransport(const TransportOptions& options)
      : config_(config_of(options)), places_(options.most_at_once) {}

  Answer send(const Request& request) override {
    return checked(request, [&] { return std::make_unique<MemorySink>(request.most_bytes); });
  }

  Answer download(const Request& request, const std::string& file) override {
    return checked(request, [&] { return std::make_unique<FileSink>(file); });
  }

 private:
  Answer checked(const Request& request, const std::function<std::unique_ptr<Sink>()>& sink) {
    const auto until = Clock::now() + request.deadline;
    if (!may_be_called(request.url)) {
      return tl::unexpected(not_sent("MF-1500", "The address is no https address."));
    }
    if (!std::all_of(request.headers.begin(), request.headers.end(), is_sound)) {
      return tl::unexpected(
          not_sent("MF-1501", "A header has a name or value that is not allowed."));
    }
    if (!places_.try_acquire_until(until)) {
      return tl::unexpected(not_sent("MF-1507", "Too many exchanges with the server at once."));
    }
    Answer answer = exchange(request, until, sink);
    places_.release();
    return answer;
  }

  // Connections are used again only inside one client; where the server then closes one instead of
  // answering, the library sends the request again, whatever it is. So reading has a client for
  // each origin, and every write its own, with a new connection.
  std::shared_ptr<http::client::http_client> client_of(const Request& request) {
    const std::string origin = origin_of(request.url);
    const auto make = [&] {
      return std::make_shared<http::client::http_client>(web::uri(origin), config_);
    };
    if (request.method != Method::get) {
      return make();
    }
    const std::lock_guard lock(mutex_);
    auto& client = clients_[origin];
    if (!client) {
      client = make();
    }
    return client;
  }

  Answer exchange(const Request& request, Clock::time_point until,
                  const std::function<std::unique_ptr<Sink>()>& sink) {
    std::shared_ptr<Exchange> exchange;
    try {
      exchange = std::make_shared<Exchange>(sink(), request.most_bytes);
    } catch (const std::exception&) {
      return tl::unexpected(not_sent("MF-1508", "The file for the answer cannot be written."));
    }
    try {
      return exchange_into(exchange, request, until);
    } catch (const std::exception&) {
      return tl::unexpected(not_sent("MF-1500", "The address cannot be used."));
    }
  }

  Answer exchange_into(const std::shared_ptr<Exchange>& exchange, const Request& request,
                       Clock::time_point until) {
    const auto client = client_of(request);
    pplx::cancellation_token_source cancel;
    std::future<Answer> answer = exchange->answer.get_future();
    client->request(request_of(request, *exchange), cancel.get_token())
        .then([](const http::http_response& response) { return response.content_ready(); })
        .then([exchange, client](const pplx::task<http::http_response>& done) {
          try {
            exchange->answer.set_value(response_of(done.get(), *exchange));
          } catch (...) {
            exchange->answer.set_value(
                tl::unexpected(failure_of(std::current_exception(), *exchange)));
          }
        });
    // A file has no end of its own.
    while (answer.wait_until(std::min(until, Clock::now() + look_every)) !=
           std::future_status::ready) {
      const bool is_too_long =
          !exchange->sink->has_end() && exchange->sink->written() > request.most_bytes;
      const bool is_stopped = request.stop != nullptr && *request.stop;
      if (is_too_long || is_stopped || Clock::now() >= until) {
        cancel.cancel();
        answer.wait_for(grace);
        return tl::unexpected(is_too_long ? too_long() : too_late());
      }
    }
    Answer got = answer.get();
    if (got && exchange->sink->written() > request.most_bytes) {
      return tl::unexpected(too_long());
    }
    return got;
  }

  const http::client::http_client_config config_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<http::client::http_client>> clients_;
  std::counting_semaphore<> places_;
};

}  // namespace

std::unique_ptr<Transport> cpprest_transport(const TransportOptions& options) {
  try_out(options);
  return std::make_unique<CpprestTransport>(options);
}

}  // namespace myoflag::fhir::client
