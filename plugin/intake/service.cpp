// Which handler answers which request, and what of a request is refused before that.
#include "plugin/intake/service.h"

#include <map>
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

// Answers that several questions have, the most common last.
std::vector<OptionView> common_options(const rules::Knowledge& knowledge,
                                       const rules::Language* language) {
  constexpr int kSeveral = 4;
  std::map<std::pair<std::string, std::string>, int> counts;
  for (const auto& item : knowledge.items) {
    for (const auto& option : item.options) {
      ++counts[{option.code, rules::in_language(language, option.text, item.link_id)}];
    }
  }
  std::multimap<int, OptionView> sorted;
  for (const auto& [option, count] : counts) {
    if (count >= kSeveral) {
      sorted.emplace(count, OptionView{option.first, option.second, false, false});
    }
  }
  std::vector<OptionView> out;
  for (auto& [count, option] : sorted) {
    out.push_back(std::move(option));
  }
  return out;
}

std::vector<std::string> section_titles(const rules::Knowledge& knowledge,
                                        const rules::Language* language) {
  std::vector<std::string> out;
  for (const auto& item : knowledge.items) {
    if (item.type == rules::ItemType::group) {
      out.push_back(rules::in_language(language, item.text, item.link_id));
    }
  }
  return out;
}

std::shared_ptr<const Dictionaries> dictionaries_of(const Parts& parts) {
  const auto knowledge = parts.assessor()->knowledge();
  Dictionaries out;
  for (const auto& tag : offered_languages(parts, *knowledge)) {
    const auto* const language = rules::language_of(*knowledge, tag);
    const auto name = "mf-" + tag;
    auto look = look_of(parts, tag, *knowledge, {});
    look.dictionary = fmt::format("/assets/{}.-.txt", name);  // as its address begins and ends
    out.try_emplace(tag, name,
                    common_text(look, common_options(*knowledge, language),
                                section_titles(*knowledge, language)),
                    "/p/*");
  }
  return std::make_shared<const Dictionaries>(std::move(out));
}

Parts with_dictionaries(Parts parts) {
  parts.dictionaries = dictionaries_of(parts);
  return parts;
}

// By what the browser has of us, or as gzip.
Response made_small(const Parts& parts, const Request& request, Response response) {
  for (const auto& [tag, dictionary] : *parts.dictionaries) {
    if (auto small = dictionary.compressed(request, response)) {
      return *std::move(small);
    }
  }
  return browser::compressed(request, std::move(response));
}

// The routes of one service: all of them count for the limit of their sender.
struct Service {
  explicit Service(const Parts& all)
      : parts(with_dictionaries(all)), limit(all.settings.requests_per_minute) {}

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
      : router_(router), service_(std::make_shared<Service>(parts)) {
    for (const auto& [tag, dictionary] : *service_->parts.dictionaries) {
      dictionary.add_to(router_);
    }
  }

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
                   return made_small(service->parts, request, std::move(response));
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
