#include "plugin/poll/poll.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "fhir/client/verdict.h"
#include "fhir/datetime.h"
#include "fhir/json.h"
#include "fhir/primitives.h"
#include "plugin/cds/prefetch.h"
#include "plugin/mapping/identifiers.h"
#include "plugin/mapping/patient_identity.h"

namespace myoflag::poll {

namespace {

using fhir::Json;
using fhir::client::Client;
using fhir::client::Next;
using fhir::client::Reply;
using fhir::client::World;
using std::chrono::seconds;
using std::chrono::sys_seconds;
using store::Done;
using store::FoundState;
using store::Inbox;
using store::NewFound;
using store::Result;

constexpr std::string_view kResponse = "QuestionnaireResponse";
constexpr int kRecordPages = 10;  // of one search

// Why a round ends early.
struct Trouble {
  std::string why;              // without patient data
  std::optional<seconds> wait;  // asked for
};

std::string next_page(const Json& bundle) {
  for (const Json& link : bundle.array_of("link")) {
    if (link.string_of("relation") == "next") {
      return std::string(link.string_of("url"));
    }
  }
  return {};
}

std::string_view form_of(const Json& response) {
  const std::string_view canonical = response.string_of("questionnaire");
  return canonical.substr(0, canonical.find('|'));
}

std::string_view meta_of(const Json& response, std::string_view name) {
  const Json* meta = response.find("meta");
  return meta == nullptr ? "" : meta->string_of(name);
}

// What says that nothing could be had.
Json not_fetched() { return Json::object({{"resourceType", "OperationOutcome"}}); }

class Round {
 public:
  Round(Inbox& inbox, Client& client, const PollOptions& options, const World& world,
        const Tell& tell, const std::atomic<bool>& stop)
      : inbox_(inbox),
        client_(client),
        options_(options),
        world_(world),
        tell_(tell),
        stop_(stop),
        base_(client.endpoint().base) {
    for (const std::string& form : options.forms) {
      forms_.insert(form.substr(0, form.find('|')));
    }
  }

  Result<Polled> run() {
    const auto begun = inbox_.begin(world_.now());
    const auto before = inbox_.polling();
    if (!begun || !before) {
      return tl::unexpected(begun ? before.error() : begun.error());
    }
    if (world_.now() < before->not_before) {
      tell_(fmt::format("asked again {}, as the last answer wants",
                        fhir::instant_text(before->not_before)));
      return polled_;
    }
    since_ = before->bookmark.value_or(fhir::instant_text(*begun));
    if (auto looked = look(); !looked) {
      return tl::unexpected(looked.error());
    }
    if (!trouble_) {
      if (auto fetched = fetch_records(); !fetched) {
        return tl::unexpected(fetched.error());
      }
    }
    return trouble_ ? ended_early(before->failures + 1) : polled_;
  }

 private:
  Result<Polled> ended_early(int failures) {
    const auto own = std::chrono::ceil<seconds>(fhir::client::back_off(failures, world_.chance()));
    const auto wait = std::max(trouble_->wait.value_or(seconds(0)), own);
    if (auto noted = inbox_.failed(world_.now() + wait, trouble_->why); !noted) {
      return tl::unexpected(noted.error());
    }
    return tl::unexpected(Failure{Exit::outside, trouble_->why});
  }

  // False: it is not done, and `trouble_` says why.
  bool is_done(const Reply& reply) {
    if (reply.next == Next::done) {
      return true;
    }
    trouble_ = Trouble{
        fmt::format("MF-3170: the EHR was not asked to the end: {}: {}", reply.code, reply.text),
        reply.wait};
    return false;
  }

  void broken(std::string_view why) {
    trouble_ = Trouble{fmt::format("MF-3171: {}", why), std::nullopt};
  }

  // ---- what is new

  std::string first_page() const {
    const auto since = fhir::parse_instant(since_);
    const auto from = since ? *fhir::to_sys_seconds(*since) - options_.overlap : sys_seconds();
    return fmt::format("{}/{}?{}", base_, kResponse,
                       fhir::client::query_of(
                           {{"questionnaire", fmt::format("{}", fmt::join(options_.forms, ","))},
                            {"_lastUpdated", "gt" + fhir::instant_text(from)},
                            {"_sort", "_lastUpdated"},
                            {"_count", "50"}}));
  }

  Done look() {
    std::set<std::string> seen;
    std::string url = first_page();
    while (!url.empty() && !stop_) {
      if (!seen.insert(url).second || seen.size() > options_.most_pages) {
        broken("a search has more pages than a round takes, or goes in a circle");
        return keep_up_to_here();
      }
      const Reply reply = client_.read_page(url);
      if (reply.code == "MF-1514") {
        return one_by_one();
      }
      if (!is_done(reply)) {
        return {};
      }
      if (reply.resource.string_of("resourceType") != "Bundle") {
        broken("the answer to a search is no Bundle");
        return {};
      }
      url = next_page(reply.resource);
      const auto page = page_of(reply.resource);
      if (!page) {
        return tl::unexpected(page.error());
      }
      if (auto kept = keep(*page, url.empty()); !kept) {
        return kept;
      }
    }
    return {};
  }

  Done keep(const std::vector<NewFound>& page, bool is_last) {
    const auto taken = is_last ? inbox_.take_last(page, bookmark(), world_.now())
                               : inbox_.take(page, world_.now());
    return taken.map([this](int count) { polled_.taken += count; });
  }

  // What came in order need not be looked at again, even if more is behind it.
  Done keep_up_to_here() {
    if (!is_sorted_ || !newest_) {
      return {};
    }
    return inbox_.take_last({}, bookmark(), world_.now()).map([](int) {});
  }

  // Never ahead of our clock: what comes later there must not lie before it.
  std::string bookmark() const {
    const auto since = fhir::parse_instant(since_);
    const auto before = since ? *fhir::to_sys_seconds(*since) : sys_seconds();
    return fhir::instant_text(std::min(std::max(newest_.value_or(before), before), world_.now()));
  }

  void note_time(const Json& response) {
    const auto at = fhir::parse_instant(meta_of(response, "lastUpdated"));
    if (!at) {
      is_sorted_ = false;
      return;
    }
    const auto moment = *fhir::to_sys_seconds(*at);
    is_sorted_ = is_sorted_ && (!newest_ || moment >= *newest_);
    newest_ = std::max(newest_.value_or(moment), moment);
  }

  Result<std::vector<NewFound>> page_of(const Json& bundle) {
    std::vector<NewFound> page;
    for (const Json& entry : bundle.array_of("entry")) {
      const Json* resource = entry.find("resource");
      if (resource == nullptr || resource->string_of("resourceType") != kResponse ||
          !forms_.contains(form_of(*resource))) {
        continue;  // a server may not know our parameters, and may add what was not asked for
      }
      note_time(*resource);
      auto found = found_of(*resource);
      if (!found) {
        return tl::unexpected(found.error());
      }
      page.push_back(*std::move(found));
    }
    return page;
  }

  Result<NewFound> found_of(const Json& response) {
    NewFound found;
    const std::string digest = mapping::content_digest(response);
    // Some servers count no versions.
    found.version = fmt::format("{}/{}", meta_of(response, "versionId"), digest.substr(0, 16));
    found.response = fhir::write_json(response);
    const std::string_view id = response.string_of("id");
    found.source = fmt::format("{}/{}", kResponse, fhir::is_id(id) ? id : "?");
    if (!fhir::is_id(id)) {
      found.code = "MF-3172";
      found.reason = "it has no id that could be named";
      return found;
    }
    return is_ours(found.source, response, digest).map([&](bool ours) {
      found.state = ours ? FoundState::ours : FoundState::found;
      return found;
    });
  }

  // We wrote it, and it says what we wrote.
  Result<bool> is_ours(const std::string& source, const Json& response, const std::string& digest) {
    const Json* identifier = response.find("identifier");
    const auto search =
        identifier == nullptr ? "" : mapping::identifier_search("identifier", *identifier);
    const auto bundles = inbox_.delivered(source, search);
    if (!bundles) {
      return tl::unexpected(bundles.error());
    }
    fhir::Limits limits;  // our own text
    limits.bytes = limits.string_bytes = limits.nodes = 1u << 30U;
    for (const std::string& text : *bundles) {
      const auto bundle = fhir::read_json(text, limits);
      for (const Json& entry : bundle ? bundle->array_of("entry") : Json::Array()) {
        const Json* written = entry.find("resource");
        if (written != nullptr && written->string_of("resourceType") == kResponse &&
            mapping::content_digest(*written) == digest) {
          return true;
        }
      }
    }
    return false;
  }

  // A page that cannot be read hides which response is broken: each is read by itself.
  Done one_by_one() {
    const auto since = fhir::parse_instant(since_);
    const auto from = since ? *fhir::to_sys_seconds(*since) - options_.overlap : sys_seconds();
    const auto all = client_.search(
        kResponse, {{"questionnaire", fmt::format("{}", fmt::join(options_.forms, ","))},
                    {"_lastUpdated", "gt" + fhir::instant_text(from)},
                    {"_sort", "_lastUpdated"},
                    {"_elements", "id,meta,questionnaire"}});
    if (!all.is_whole) {
      is_done(all.last);
      if (!trouble_) {
        broken("a page cannot be read, and the list of its responses neither");
      }
      return {};
    }
    std::vector<NewFound> page;
    for (const Json& listed : all.resources) {
      if (stop_) {
        return {};
      }
      auto found = read_one(listed);
      if (!found) {
        return tl::unexpected(found.error());
      }
      if (trouble_) {
        return {};
      }
      if (*found) {
        page.push_back(**std::move(found));
      }
    }
    return keep(page, true);
  }

  // Nothing: it is no answer to our forms, or there is trouble.
  Result<std::optional<NewFound>> read_one(const Json& listed) {
    const std::string_view id = listed.string_of("id");
    const bool is_other = !form_of(listed).empty() && !forms_.contains(form_of(listed));
    if (listed.string_of("resourceType") != kResponse || !fhir::is_id(id) || is_other) {
      return std::nullopt;
    }
    note_time(listed);
    NewFound found;
    found.source = fmt::format("{}/{}", kResponse, id);
    const Reply reply = client_.read(found.source);
    const bool is_unreadable = reply.code == "MF-1514" || reply.code == "MF-1504";
    if (is_unreadable) {
      found.version = fmt::format("{}/unread", meta_of(listed, "versionId"));
      found.code = "MF-3172";
      found.reason = "it cannot be read: " + reply.text;
      return found;
    }
    if (reply.status == 404 || reply.status == 410) {
      return std::nullopt;
    }
    if (!is_done(reply)) {
      return std::nullopt;
    }
    return forms_.contains(form_of(reply.resource))
               ? found_of(reply.resource).map([](NewFound&& one) { return std::optional(one); })
               : Result<std::optional<NewFound>>(std::nullopt);
  }

  // ---- what the record knows

  Done fetch_records() {
    while (!stop_ && !trouble_) {
      const auto one = inbox_.next(FoundState::found);
      if (!one) {
        return tl::unexpected(one.error());
      }
      if (!*one) {
        break;
      }
      if (auto done = fetch_record(**one); !done) {
        return done;
      }
    }
    return {};
  }

  Done fetch_record(const store::FoundContent& found) {
    const auto response = fhir::read_json(found.response);
    const auto patient = response ? patient_of(*response) : std::string();
    if (patient.empty()) {
      return inbox_.park(found.id, "MF-3173", "it names no patient of this server");
    }
    is_down_ = true;
    Json record = Json::object({});
    for (const auto& asked : cds::kTemplates) {
      record.set(asked.key, asked.type == "Patient" ? read_patient(patient)
                                                    : search_all(query_of(asked, patient)));
      if (stop_) {
        return {};
      }
    }
    // A server that gives nothing at all is down: a little later it may not be. Not for long: what
    // was answered may be urgent by itself.
    if (is_down_ && world_.now() - found.since < options_.patience) {
      trouble_ = Trouble{"MF-3170: the EHR gives nothing of a record: " + last_failure_, {}};
      return {};
    }
    ++polled_.fetched;
    return inbox_.fetched(found.id, fhir::write_json(record));
  }

  std::string patient_of(const Json& response) const {
    const Json* subject = response.find("subject");
    const auto key =
        mapping::reference_key(subject == nullptr ? "" : subject->string_of("reference"));
    const auto here = mapping::reference_key(base_ + "/" + key.tail).base;
    if (key.type() != "Patient" || !(key.base.empty() || key.base == here)) {
      return {};
    }
    const std::string id = key.tail.substr(key.tail.find('/') + 1);
    return fhir::is_id(id) ? id : std::string();
  }

  static std::string query_of(const cds::Template& asked, const std::string& patient) {
    constexpr std::string_view token = "{{context.patientId}}";
    std::string query(asked.query);
    return query.replace(query.find(token), token.size(), patient);
  }

  bool is_fetched(const Reply& reply) {
    if (reply.next == Next::done && reply.resource.is_object()) {
      is_down_ = false;
      return true;
    }
    const bool may_pass = reply.status == 0 || reply.status == 429 || reply.status >= 500;
    is_down_ = is_down_ && may_pass;
    last_failure_ = fmt::format("{}: {}", reply.code, reply.text);
    return false;
  }

  Json read_patient(const std::string& patient) {
    Reply reply = client_.read("Patient/" + patient);
    return is_fetched(reply) ? std::move(reply.resource) : not_fetched();
  }

  // One Bundle of all pages. Where a later one cannot be had, it says that there is more.
  Json search_all(const std::string& query) {
    Json all;
    std::set<std::string> seen;
    std::string url = base_ + "/" + query;
    for (int page = 0; page < kRecordPages && !url.empty() && seen.insert(url).second; ++page) {
      const Reply reply = client_.read_page(url);
      if (!is_fetched(reply)) {
        return all.is_null() ? not_fetched() : all;
      }
      if (all.is_null() || reply.resource.string_of("resourceType") != "Bundle") {
        all = reply.resource;
      } else {
        append(all, reply.resource);
      }
      url = next_page(reply.resource);
    }
    return all;
  }

  static void append(Json& all, const Json& page) {
    Json entries = Json::array();
    for (const Json* from : {std::as_const(all).find("entry"), page.find("entry")}) {
      for (const Json& entry :
           from == nullptr || from->as_array() == nullptr ? Json::Array() : *from->as_array()) {
        entries.push(entry);
      }
    }
    all.set_if("entry", std::move(entries));
    all.erase("link");
    if (const Json* link = page.find("link")) {
      all.set("link", *link);
    }
  }

  Inbox& inbox_;
  Client& client_;
  const PollOptions& options_;
  const World& world_;
  const Tell& tell_;
  const std::atomic<bool>& stop_;
  const std::string base_;
  std::set<std::string, std::less<>> forms_;
  std::string since_;
  std::optional<sys_seconds> newest_;
  bool is_sorted_ = true;
  bool is_down_ = false;  // of one record: nothing came, and nobody said no
  std::string last_failure_;
  std::optional<Trouble> trouble_;
  Polled polled_;
};

}  // namespace

tl::expected<Polled, Failure> poll_once(Inbox& inbox, Client& client, const PollOptions& options,
                                        const World& world, const Tell& tell,
                                        const std::atomic<bool>& stop) {
  return Round(inbox, client, options, world, tell, stop).run();
}

}  // namespace myoflag::poll
