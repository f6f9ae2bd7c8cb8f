// Which handler answers which request, and what of a request is refused before that.
#include "plugin/intake/service.h"

#include <typeinfo>
#include <utility>

#include <fmt/format.h>

#include "plugin/browser/address_limit.h"
#include "plugin/browser/answer.h"
#include "plugin/intake/embedded.h"
#include "plugin/intake/handling.h"
#include "plugin/intake/web_files.h"

namespace myoflag::intake {

namespace {

using http::Request;
using http::Response;

constexpr std::size_t kMostBytes = 64u << 10;
// A text that is too long comes back with a sentence, and is not cut off without one.
constexpr std::size_t kMostAnswerBytes = 512u << 10;

using Handler = Response (Handling::*)();

// A page whatever happens, and nothing half done: what was saved was saved whole.
Response guarded(const Parts& parts, const Request& request, Response (Handling::*handler)()) {
  Handling handling(parts, request);
  try {
    return (handling.*handler)();
  } catch (Ended& ended) {
    return std::move(ended.response);
  } catch (const Broken& broken) {
    parts.log(request.id, broken.why);
  } catch (const std::exception& error) {
    // Not what it says: that may quote the input.
    parts.log(request.id, typeid(error).name());
  }
  return handling.failed();
}

// A script tells our answers by it from those of a proxy.
Response marked(Response response) {
  response.fields.push_back({"Mf-Intake", "1"});
  return response;
}

// Where a form leads, as a script can read it: it fetches the page by itself.
Response for_sender(const Request& request, Response response) {
  if (response.status == 303 && !http::field_of(request.fields, "mf-fetch").empty()) {
    response.status = 204;
    for (auto& field : response.fields) {
      field.name = field.name == "Location" ? "Mf-To" : field.name;
    }
  }
  return marked(std::move(response));
}

// The routes of one service: all of them count for the limit of their sender.
struct Service {
  explicit Service(const Parts& all) : parts(all), limit(all.settings.requests_per_minute) {}

  std::optional<Response> admit(const Request& request) {
    const auto sender = browser::sender_of(request, parts.settings.proxy_field);
    if (limit.take(sender, browser::AddressLimit::Clock::now())) {
      return std::nullopt;
    }
    auto response = message_of(parts, language_of(request.fields), 429, "too-many");
    response.fields.push_back({"Retry-After", "30"});
    return marked(std::move(response));
  }

  std::optional<Response> refusal(int status, const http::Fields& head) const {
    return marked(
        message_of(parts, language_of(head), status, status == 413 ? "too-much" : "failed"));
  }

  std::string language_of(const http::Fields& head) const {
    return language_for(parts, *parts.assessor()->knowledge(), {}, head);
  }

  const Parts parts;
  browser::AddressLimit limit;
};

class Table {
 public:
  Table(http::Router& router, const Parts& parts)
      : router_(router), service_(std::make_shared<Service>(parts)) {}

  void get(std::string pattern, std::string summary, Handler handler) {
    add("GET", std::move(pattern), std::move(summary), handler, {}, 0);
  }
  void post(std::string pattern, std::string summary, Handler handler,
            std::size_t most = kMostBytes) {
    add("POST", std::move(pattern), std::move(summary), handler, {std::string(browser::kForm)},
        most);
  }

 private:
  void add(const char* method, std::string pattern, std::string summary, Handler handler,
           std::vector<std::string> media_types, std::size_t most) {
    router_.add({method,
                 std::move(pattern),
                 std::move(summary),
                 [service = service_, handler](const Request& request) {
                   auto response = for_sender(request, guarded(service->parts, request, handler));
                   return browser::compressed(request, std::move(response));
                 },
                 std::move(media_types),
                 most,
                 {},
                 [service = service_](const Request& request) { return service->admit(request); },
                 [service = service_](int status, const http::Fields& head) {
                   return service->refusal(status, head);
                 }});
  }

  http::Router& router_;
  std::shared_ptr<Service> service_;
};

}  // namespace

const browser::Asset& style_file() {
  static const auto file = browser::style("mf", kStyle);
  return file;
}

const browser::Asset& script_file() {
  static const auto file = browser::script("mf", kScript);
  return file;
}

const browser::Asset& keep_script_file() {
  static const auto file = browser::script("keep", kKeepScript);
  return file;
}

std::string path_of(std::string_view token) { return fmt::format("/p/{}", token); }

void add_routes(http::Router& router, const Parts& parts) {
  Table table(router, parts);
  table.get("/p/id", "asks for the date of birth", &Handling::ask_identity);
  table.post("/p/id", "the date of birth", &Handling::identify);
  table.get("/p/q/{page}", "a question", &Handling::question);
  table.post("/p/q/{page}", "an answer", &Handling::answer, kMostAnswerBytes);
  table.get("/p/stop", "what cannot wait", &Handling::stop);
  table.post("/p/stop", "it was read", &Handling::stop_read);
  table.get("/p/review", "all answers", &Handling::review);
  table.post("/p/submit", "sends the form", &Handling::submit);
  table.get("/p/done", "what to do now", &Handling::done);
  table.get("/p/copy", "the answers that were sent", &Handling::copy);
  table.post("/p/lang", "another language", &Handling::speak);
  table.post("/p/finish", "a device of the clinic is given back", &Handling::finish);
  table.get("/p/over", "a device of the clinic without a form", &Handling::over);
  table.get("/p/{token}", "where an invitation leads", &Handling::start);
  table.post("/p/{token}/start", "begins a visit", &Handling::begin);
  table.post("/p/{token}/language", "another language before the visit", &Handling::speak_before);
  browser::add_asset(router, style_file());
  browser::add_asset(router, script_file());
  browser::add_asset(router, keep_script_file());
  router.add({"GET",
              "/favicon.ico",
              "no picture",
              [](const Request& /*request*/) {
                return marked({204, "", "", {{"Cache-Control", "max-age=86400"}}});
              },
              {},
              0,
              {},
              nullptr,
              nullptr});
}

}  // namespace myoflag::intake
