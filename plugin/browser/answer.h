#pragma once
// Pages as answers: their headers, where a form leads, the cookie of a session, and whether a
// request came from a page of ours. Sources: www.w3.org/TR/CSP3, RFC 6265, fetch.spec.whatwg.org
// (Sec-Fetch-Site).

#include <chrono>
#include <string>
#include <string_view>

#include "plugin/http/router.h"

namespace myoflag::browser {

inline constexpr std::string_view kForm = "application/x-www-form-urlencoded";

// `frames`: origins whose pages may show it in a frame, as Content-Security-Policy writes them.
http::Response page(int status, std::string html, std::string_view frames = "'none'");
http::Response go_to(std::string address);  // after a form: 303

// As gzip, where the browser takes it. For pages where nobody else chooses words beside a secret,
// of which the length would tell (BREACH): what is sent to ours comes back only with the token of
// its form. Sources: RFC 9110 section 12.5.3, RFC 1952.
http::Response compressed(const http::Request& request, http::Response response);

// Where a cookie goes along: with pages of ours and links to them, or also in a frame of another
// site, there only for frames within that site. Source: CHIPS (Partitioned), RFC 6265bis.
enum class CookieUse { own_window, frame };

// A cookie of the session, for this host only. Its name begins with "__Host-".
void set_cookie(http::Response& response, std::string_view name, std::string_view value,
                CookieUse use = CookieUse::own_window);
void drop_cookie(http::Response& response, std::string_view name, CookieUse use);
// Which of them the browser is to keep: whether it shows the page in a frame, where it says so.
CookieUse cookie_use(const http::Request& request, bool otherwise_framed);
std::string_view cookie_of(const http::Request& request, std::string_view name);  // "": none

// Whether a page of ours sent it, as far as the browser says.
bool is_from_us(const http::Request& request);

// A file that pages refer to. Its address changes with its content, so that browsers may keep it.
struct Asset {
  std::string path;  // "/assets/mf.0123456789ab.css"
  std::string content_type;
  std::string_view content;
};
Asset style(std::string_view name, std::string_view content);
Asset script(std::string_view name, std::string_view content);
// Made small once. `more`: fields beside those of all files.
void add_asset(http::Router& router, const Asset& asset, const http::Fields& more = {});

}  // namespace myoflag::browser
