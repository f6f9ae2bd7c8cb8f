#pragma once
// The intake as HTTP: which page answers which request, and what a request may change. Handlers
// keep no state but the store's, so that any of several processes can answer. A GET changes nothing
// of the form: scanners of messages open links. Errors: pages in words for the patient, statuses
// for programs (403, 404, 409, 410, 413, 422, 429), a line without patient data for the log.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/assess.h"
#include "plugin/browser/dictionary.h"
#include "plugin/delivery/site.h"
#include "plugin/http/router.h"
#include "plugin/intake/flow.h"
#include "plugin/intake/invitations.h"
#include "plugin/intake/pages.h"
#include "plugin/intake/presentation.h"
#include "plugin/intake/texts.h"

namespace myoflag::intake {

struct Settings {
  Site site;
  Patience patience;
  Order order = Order::whole;
  std::chrono::seconds idle{3'600};         // then the date of birth is asked again
  std::chrono::seconds device_idle{300};    // then a device of the clinic shows nothing any more
  std::string tenant;                       // of mapping::BundleOptions
  bool communication = false;               // an urgent result also writes a Communication
  delivery::Urgency urgency;                // what makes a finished form urgent
  int requests_per_minute = 1'200;          // from one address; beyond them: 429
  std::string proxy_field;                  // of browser::sender_of
  std::chrono::seconds record_age{86'400};  // older when a patient comes: not as of now
  std::vector<std::string> languages = {};  // that are offered, the usual one first; empty: all
};

using Dictionaries = std::map<std::string, browser::Dictionary, std::less<>>;  // by language

struct Parts {
  Invitations& invitations;
  std::function<std::shared_ptr<const Assessor>()> assessor;  // of now: knowledge can be replaced
  std::function<rules::Instant()> now;
  std::function<void(const std::string& request, std::string_view why)> log;
  Settings settings;
  Languages languages;  // "en" is among them
  Presentation presentation;
  std::shared_ptr<const Dictionaries> dictionaries = nullptr;  // null: add_routes makes them
  // The date of birth was right: has the record fetched where it has to be, and is back in a time
  // that nobody minds. Null: nothing is suggested from a record.
  std::function<void(const Invitation&)> open_record = nullptr;
};

// `parts` is copied; what it refers to outlives the router.
void add_routes(http::Router& router, const Parts& parts);

// What the patient is told at the end, as Invitations keeps it.
std::string told_text(const rules::Assessment& assessment);

// The languages of which both the words of the pages and those of the knowledge are there, and of
// these the chosen ones in their order. Without a choice English is the first.
std::vector<std::string> offered_languages(const Languages& texts,
                                           const std::vector<std::string>& chosen,
                                           const rules::Knowledge& knowledge);

// A form that staff open on a device of the clinic: who answered is asked there again, with what
// they chose suggested. The session of its visit; nothing: the invitation is over, or was answered
// elsewhere meanwhile.
store::Result<std::optional<std::string>> hand_over(Invitations& invitations,
                                                    const rules::Knowledge& knowledge,
                                                    const Presentation& presentation,
                                                    const Invitation& invitation,
                                                    const Informant& informant,
                                                    std::string_view opened_by, rules::Instant now);
// The browser is there from now on, and is marked as one that many people use.
http::Response seated(const std::string& session);
// Whether it is marked so: nobody's session of another site is to let people in from there.
bool is_shared(const http::Request& request);
void share(http::Response& response);  // from now on
// Of a page that ends something: no page before it is kept for the Back button.
void forget_pages(http::Response& response);

// Where an invitation leads: "/p/<token>".
std::string path_of(std::string_view token);

}  // namespace myoflag::intake
