// A cpprestsdk listener that parses every body with nlohmann/json and answers with an empty list of
// cards: what a plain service costs before it has looked at anything. Loopback, for
// tests/bench/cards.py alone; cpprestsdk listens on no other socket.
// usage: parse_peer PORT   (prints it when it listens)

#include <cpprest/http_listener.h>
#include <cstdlib>
#include <iostream>
#include <pplx/threadpool.h>
#include <string>
#include <string_view>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace {

namespace http = web::http;

void answer(http::http_request request) {
  request.extract_utf8string(true).then([request](const std::string& body) mutable {
    const bool is_object = nlohmann::json::parse(body, nullptr, false).is_object();
    return request.reply(is_object ? http::status_codes::OK : http::status_codes::BadRequest,
                         std::string(R"({"cards":[]})"), "application/json");
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: parse_peer PORT\n";
    return 2;
  }
  crossplat::threadpool::initialize_with_threads(2);
  http::experimental::listener::http_listener listener("http://127.0.0.1:" + std::string(argv[1]));
  listener.support(http::methods::POST, answer);
  listener.open().wait();
  std::cout << argv[1] << std::endl;
  pause();
}
