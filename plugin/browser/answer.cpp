#include "plugin/browser/answer.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "plugin/browser/accept_language.h"
#include "plugin/gzip.h"
#include "rules/digest.h"

namespace myoflag::browser {

namespace {

using http::Request;
using http::Response;

constexpr std::size_t kHashLength = 12;
constexpr int kPageEffort = 6;   // of 9; for each answer anew
constexpr int kAssetEffort = 9;  // once
constexpr std::string_view kPolicy =
    "default-src 'none';script-src 'self';style-src 'self';img-src 'self';connect-src 'self';"
    "form-action 'self';base-uri 'none';require-trusted-types-for 'script';trusted-types 'none';"
    "frame-ancestors ";

Asset asset(std::string_view name, std::string_view extension, std::string_view type,
            std::string_view content) {
  const auto hash = rules::hex(rules::sha256(content)).substr(0, kHashLength);
  return {fmt::format("/assets/{}.{}.{}", name, hash, extension),
          fmt::format("{}; charset=utf-8", type), content};
}

std::string_view attributes_of(CookieUse use) {
  return use == CookieUse::frame ? "Path=/; Secure; HttpOnly; SameSite=None; Partitioned"
                                 : "Path=/; Secure; HttpOnly; SameSite=Lax";
}

// The field is written as that of languages is.
bool takes_gzip(const Request& request) {
  static const std::array<std::string, 1> gzip{"gzip"};
  const auto accepted = http::field_of(request.fields, "accept-encoding");
  return !preferred_language(accepted, gzip).empty();
}

Response as_gzip(Response response, std::string content) {
  response.body = std::move(content);
  response.fields.push_back({"Content-Encoding", "gzip"});
  return response;
}

}  // namespace

Response page(int status, std::string html, std::string_view frames) {
  return {status,
          "text/html; charset=utf-8",
          std::move(html),
          {{"Content-Security-Policy", fmt::format("{}{}", kPolicy, frames)},
           {"Cache-Control", "no-store"},
           {"Referrer-Policy", "no-referrer"},
           {"X-Content-Type-Options", "nosniff"},
           {"Cross-Origin-Opener-Policy", "same-origin"}}};
}

Response go_to(std::string address) { return {303, "", "", {{"Location", std::move(address)}}}; }

Response compressed(const Request& request, Response response) {
  if (response.body.empty() || !takes_gzip(request)) {
    return response;
  }
  auto content = gzip_of(response.body, kPageEffort);
  return as_gzip(std::move(response), std::move(content));
}

void set_cookie(Response& response, std::string_view name, std::string_view value, CookieUse use) {
  response.fields.push_back(
      {"Set-Cookie", fmt::format("{}={}; {}", name, value, attributes_of(use))});
}

void drop_cookie(Response& response, std::string_view name, CookieUse use) {
  response.fields.push_back(
      {"Set-Cookie", fmt::format("{}=; Max-Age=0; {}", name, attributes_of(use))});
}

// Sec-Fetch-Dest: www.w3.org/TR/fetch-metadata.
CookieUse cookie_use(const Request& request, bool otherwise_framed) {
  const auto target = http::field_of(request.fields, "sec-fetch-dest");
  const bool is_framed = target.empty() ? otherwise_framed : target != "document";
  return is_framed ? CookieUse::frame : CookieUse::own_window;
}

std::string_view cookie_of(const Request& request, std::string_view name) {
  for (const auto& field : request.fields) {
    std::string_view rest = field.name == "cookie" ? field.value : std::string_view();
    while (!rest.empty()) {
      const auto end = rest.find(';');
      auto pair = rest.substr(0, end);
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
      pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
      if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) {
        return pair.substr(name.size() + 1);
      }
    }
  }
  return {};
}

// Without a referrer the origin is "null" even from our own pages.
bool is_from_us(const Request& request) {
  const auto site = http::field_of(request.fields, "sec-fetch-site");
  if (!site.empty()) {
    return site == "same-origin" || site == "none";
  }
  const auto origin = http::field_of(request.fields, "origin");
  if (origin.empty() || origin == "null") {
    return true;
  }
  const auto host = origin.find("://");
  return host != std::string_view::npos &&
         origin.substr(host + 3) == http::field_of(request.fields, "host");
}

Asset style(std::string_view name, std::string_view content) {
  return asset(name, "css", "text/css", content);
}

Asset script(std::string_view name, std::string_view content) {
  return asset(name, "js", "text/javascript", content);
}

void add_asset(http::Router& router, const Asset& asset, const http::Fields& more) {
  http::Fields fields{{"Cache-Control", "public, max-age=31536000, immutable"},
                      {"Vary", "Accept-Encoding"},
                      {"X-Content-Type-Options", "nosniff"}};
  fields.insert(fields.end(), more.begin(), more.end());
  router.add(
      {"GET",
       asset.path,
       "a file of the pages",
       [response = Response{200, asset.content_type, std::string(asset.content), std::move(fields)},
        small = gzip_of(asset.content, kAssetEffort)](const Request& request) {
         return takes_gzip(request) ? as_gzip(response, small) : response;
       },
       {},
       0,
       {},
       nullptr,
       nullptr});
}

}  // namespace myoflag::browser
