#include "plugin/ehr/fetch_keys.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "plugin/safe_text.h"
#include "plugin/trust/gate.h"
#include "plugin/write_all.h"

namespace myoflag::ehr {

namespace {

constexpr std::size_t most_bytes = 1u << 20;

tl::unexpected<Failure> failed(std::string text) {
  return tl::unexpected(Failure{Exit::outside, "MF-4247: " + std::move(text)});
}

tl::expected<void, Failure> replace(const std::string& path, const std::string& bytes) {
  if (!replace_file(path, bytes, 0644)) {
    return failed(fmt::format("{}: {}", safe_name(path), std::strerror(errno)));
  }
  return {};
}

}  // namespace

tl::expected<void, Failure> fetch_keys(fhir::client::Transport& transport, const std::string& url,
                                       const std::string& file) {
  if (!fhir::client::may_be_called(url)) {
    return tl::unexpected(Failure{
        Exit::usage, "MF-4132: the address of a key set is https, or http on this machine"});
  }
  fhir::client::Request request;
  request.url = url;
  request.headers = {{"Accept", "application/jwk-set+json, application/json"}};
  request.most_bytes = most_bytes;
  const auto answer = transport.send(request);
  if (!answer) {
    return tl::unexpected(
        Failure{Exit::outside, fmt::format("{}: {}", answer.error().code, answer.error().text)});
  }
  constexpr int ok = 200;
  if (answer->status != ok) {
    return failed(fmt::format("the address of the key set answered with {}", answer->status));
  }
  if (const auto keys = trust::read_keys(answer->body); !keys) {
    return failed(fmt::format("the key set cannot be used: {}", keys.error()));
  }
  return replace(file, answer->body);
}

}  // namespace myoflag::ehr
