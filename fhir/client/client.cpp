#include "fhir/client/client.h"

#include <algorithm>
#include <random>
#include <set>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>
#include <openssl/rand.h>

namespace myoflag::fhir::client {

namespace {

constexpr std::string_view fhir_json = "application/fhir+json";

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string random_uuid() {
  std::array<unsigned char, 16> bytes{};
  if (::RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw std::runtime_error("the cryptographic library has no random numbers");
  }
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    out += i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
    fmt::format_to(std::back_inserter(out), "{:02x}", bytes[i]);
  }
  return out;
}

double random_share() {
  thread_local std::mt19937_64 engine{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

// "Observation/123" and "2" of "https://ehr/fhir/Observation/123/_history/2".
void take_location(std::string_view location, std::string_view base, Reply& reply) {
  if (location.starts_with(base)) {
    location.remove_prefix(base.size());
  }
  while (location.starts_with('/')) {
    location.remove_prefix(1);
  }
  const std::size_t history = location.find("/_history/");
  const std::string_view id = location.substr(0, history);
  if (std::count(id.begin(), id.end(), '/') != 1) {
    return;
  }
  reply.id = id;
  if (history != std::string_view::npos) {
    reply.version = location.substr(history + std::string_view("/_history/").size());
  }
}

// "3" of W/"3".
std::string version_of(std::string_view etag) {
  const std::size_t begin = etag.find('"');
  const std::size_t end = etag.rfind('"');
  return begin == end ? std::string() : std::string(etag.substr(begin + 1, end - begin - 1));
}

std::string_view name_of(Next next) {
  switch (next) {
    case Next::done:
      return "done";
    case Next::retry:
      return "it may be asked again";
    case Next::look:
      return "whether it happened has to be looked up";
    case Next::authorise:
      return "it wants another access token";
    case Next::final:
      return "it will not change";
  }
  return "";
}

// The first issue's code of an OperationOutcome: a word of the standard. Never its text.
std::string issue_of(const Json& outcome) {
  const Json::Array& issues = outcome.array_of("issue");
  const std::string_view code = issues.empty() ? "" : issues.front().string_of("code");
  const bool is_word = !code.empty() && code.size() <= 30 &&
                       std::all_of(code.begin(), code.end(),
                                   [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
  return is_word ? fmt::format(", issue {}", code) : "";
}

std::string next_page(const Json& bundle) {
  for (const Json& link : bundle.array_of("link")) {
    if (link.string_of("relation") == "next") {
      return std::string(link.string_of("url"));
    }
  }
  return {};
}

Reply not_a_page(Reply reply, std::string code, std::string text) {
  reply.next = Next::final;
  reply.code = std::move(code);
  reply.text = std::move(text);
  return reply;
}

Reply elsewhere(Reply reply) {
  return not_a_page(std::move(reply), "MF-1511",
                    "The next page of the search is on another server.");
}

}  // namespace

World real_world() {
  return {[] { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); },
          [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }, random_share,
          random_uuid};
}

std::string query_of(const Parameters& parameters) {
  std::string query;
  for (const auto& [name, value] : parameters) {
    query += (query.empty() ? "" : "&") + percent_encoded(name) + "=" + percent_encoded(value);
  }
  return query;
}

Client::Client(Transport& transport, Endpoint endpoint, Authority* authority, World world)
    : transport_(transport),
      endpoint_(std::move(endpoint)),
      authority_(authority),
      world_(std::move(world)) {
  while (endpoint_.base.ends_with('/')) {
    endpoint_.base.pop_back();
  }
  if (!may_be_called(endpoint_.base) || endpoint_.base.find('?') != std::string::npos) {
    throw std::invalid_argument("MF-1500 the base of a FHIR endpoint is an https address");
  }
}

Request Client::request_for(Method method, std::string url, const Json* body) const {
  Request request{method, std::move(url), {}, {}, endpoint_.deadline, endpoint_.most_bytes};
  request.headers = {{"Accept", std::string(fhir_json)}, {"X-Request-Id", world_.uuid()}};
  if (body != nullptr) {
    request.headers.push_back({"Content-Type", std::string(fhir_json) + "; charset=utf-8"});
    request.body = write_json(*body);
  }
  return request;
}

Reply Client::read(std::string_view path) {
  return read_url(fmt::format("{}/{}", endpoint_.base, path));
}

Reply Client::read_page(const std::string& url) {
  if (origin_of(url) != origin_of(endpoint_.base)) {
    return elsewhere({});
  }
  return read_url(url);
}

Reply Client::read_url(const std::string& url) {
  Reply reply;
  for (int tries = 1;; ++tries) {
    reply = attempt(request_for(Method::get, url, nullptr), true);
    if (reply.next != Next::retry || tries >= endpoint_.most_tries) {
      return reply;
    }
    const std::chrono::milliseconds least = reply.wait.value_or(std::chrono::seconds(0));
    world_.wait(std::max(least, back_off(tries, world_.chance())));
  }
}

Found Client::search(std::string_view type, const Parameters& parameters) {
  Found found;
  std::set<std::string> names, pages;
  std::string url = fmt::format("{}/{}?{}", endpoint_.base, type, query_of(parameters));
  while (!url.empty()) {
    if (origin_of(url) != origin_of(endpoint_.base)) {
      found.last = elsewhere(std::move(found.last));
      return found;
    }
    if (!pages.insert(url).second || pages.size() > endpoint_.most_pages) {
      found.last = not_a_page(std::move(found.last), "MF-1512",
                              "The search has more pages than allowed, or goes in a circle.");
      return found;
    }
    found.last = read_url(url);
    if (found.last.next != Next::done) {
      return found;
    }
    if (found.last.resource.string_of("resourceType") != "Bundle") {
      found.last =
          not_a_page(std::move(found.last), "MF-1513", "The answer to a search is no Bundle.");
      return found;
    }
    for (const Json& entry : found.last.resource.array_of("entry")) {
      const Json* resource = entry.find("resource");
      if (resource == nullptr) {
        continue;
      }
      // A page may repeat what an earlier one had.
      const std::string_view id = resource->string_of("id");
      const auto name = fmt::format("{}/{}", resource->string_of("resourceType"), id);
      if (!id.empty() && !names.insert(name).second) {
        continue;
      }
      if (found.resources.size() >= endpoint_.most_resources) {
        found.last =
            not_a_page(std::move(found.last), "MF-1512", "The search finds more than allowed.");
        return found;
      }
      found.resources.push_back(*resource);
    }
    url = next_page(found.last.resource);
  }
  found.is_whole = true;
  return found;
}

Reply Client::create(const Json& resource, const Parameters& if_none_exist) {
  auto request = request_for(
      Method::post, fmt::format("{}/{}", endpoint_.base, resource.string_of("resourceType")),
      &resource);
  if (!if_none_exist.empty()) {
    request.headers.push_back({"If-None-Exist", query_of(if_none_exist)});
  }
  return attempt(std::move(request), !if_none_exist.empty());
}

Reply Client::update(const Json& resource, std::string_view if_match) {
  auto request =
      request_for(Method::put,
                  fmt::format("{}/{}/{}", endpoint_.base, resource.string_of("resourceType"),
                              resource.string_of("id")),
                  &resource);
  if (!if_match.empty()) {
    request.headers.push_back({"If-Match", fmt::format("W/\"{}\"", if_match)});
  }
  return attempt(std::move(request), true);
}

Reply Client::transaction(const Json& bundle) {
  return attempt(request_for(Method::post, endpoint_.base, &bundle), true);
}

Reply Client::attempt(Request request, bool repeatable) {
  Reply reply = exchange(request, repeatable, false);
  if (reply.next == Next::authorise && authority_ != nullptr) {
    reply = exchange(std::move(request), repeatable, true);
  }
  if (reply.next == Next::authorise) {
    reply.next = Next::final;
  }
  return reply;
}

Reply Client::exchange(Request request, bool repeatable, bool anew) {
  Reply reply;
  const auto failed = [&](const TransportFailure& failure) {
    reply.next = next_of(failure, repeatable);
    reply.code = failure.code;
    reply.text = failure.text;
    return reply;
  };
  if (authority_ != nullptr) {
    auto header = authority_->header(anew);
    if (!header) {
      return failed(header.error());
    }
    request.headers.push_back({"Authorization", std::move(*header)});
  }
  const auto response = transport_.send(request);
  if (!response) {
    return failed(response.error());
  }
  reply.status = response->status;
  Limits limits;
  limits.bytes = endpoint_.most_bytes;
  if (auto body = read_json(response->body, limits); body && body->is_object()) {
    reply.resource = std::move(*body);
  }
  reply.next = next_of(reply.status, reply.resource, repeatable);
  reply.wait = retry_after(value_of(response->headers, "Retry-After"), world_.now());
  reply.version = version_of(value_of(response->headers, "ETag"));
  take_location(value_of(response->headers, "Location"), endpoint_.base, reply);
  if (reply.next != Next::done) {
    reply.code = "MF-1510";
    reply.text = fmt::format("The server answered {}{}: {}.", reply.status,
                             issue_of(reply.resource), name_of(reply.next));
  } else if (request.method == Method::get && reply.resource.is_null()) {
    // A page of a proxy, or an answer that was cut off: not what was asked for.
    reply = not_a_page(std::move(reply), "MF-1514", "The answer is no FHIR JSON.");
  }
  return reply;
}

}  // namespace myoflag::fhir::client
