#pragma once
// One request of a patient, from the first look at it to its answer: what the handlers of service.h
// share, and the handlers, one file for each part of the way. For .cpp files of the intake only.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "plugin/browser/form.h"
#include "plugin/cds/service.h"
#include "plugin/intake/fields.h"
#include "plugin/intake/flow.h"
#include "plugin/intake/service.h"
#include "rules/languages.h"

namespace myoflag::intake {

// Ends a request with a page; goes no further than the table of routes.
struct Ended {
  http::Response response;
};

// Something outside failed; goes no further either.
struct Broken {
  std::string why;
};

template <typename T>
T needed(store::Result<T> result) {
  if (!result) {
    throw Broken{result.error().text};
  }
  if constexpr (!std::is_void_v<T>) {
    return *std::move(result);
  }
}

inline constexpr std::string_view kCookie = "__Host-mf";
inline constexpr std::string_view kDeviceCookie = "__Host-mf-device";  // of a device of the clinic

std::string question_address(const rules::Item& item);

// Those of service.h, for these parts.
std::vector<std::string> offered_languages(const Parts& parts, const rules::Knowledge& knowledge);
// The one that was chosen, else the one that the browser asks for, else English.
std::string language_for(const Parts& parts, const rules::Knowledge& knowledge,
                         std::string_view chosen, const http::Fields& head);

// How pages look: where their style and script are.
Look look_of(const Parts& parts, std::string_view language);
// With the other languages that are offered.
Look look_of(const Parts& parts, std::string_view language, const rules::Knowledge& knowledge,
             LanguageSwitch others);

// A page for whom nothing is known about.
http::Response message_of(const Parts& parts, std::string_view language, int status,
                          std::string_view name);

class Handling {
 public:
  Handling(const Parts& parts, const http::Request& request)
      : parts_(parts), request_(request), now_(parts.now()), assessor_(parts.assessor()) {
    choose_language();
  }

  http::Response start();
  http::Response speak_before();  // another language, by the link
  http::Response speak();         // and by a visit
  http::Response begin();
  http::Response ask_identity();
  http::Response identify();
  http::Response question();
  http::Response answer();
  http::Response stop();
  http::Response stop_read();
  http::Response review();
  http::Response submit();
  http::Response done();
  http::Response copy();
  http::Response finish();
  http::Response over();

  http::Response failed();

 private:
  enum class Need { visit, known, known_or_late };

  const rules::Knowledge& knowledge() const { return *assessor_->knowledge(); }
  Look look() const;
  Look with_languages(LanguageSwitch others) const;
  Look form_look() const { return with_languages({}); }  // a form that keeps what was typed
  Look link_look() const;
  Look visit_look(std::string_view page) const;  // chosen there, back on this page
  Look any_look() const;                         // as much of it as is known
  std::string words(std::string_view key) const { return say(look(), key); }
  http::Response message(int status, std::string_view name) const;
  http::Response locked() const;
  http::Response refused() const;
  void check_not_over() const;

  void choose_language();
  void change_language(std::string_view tag);
  bool is_offered(std::string_view tag) const;
  const std::string& said(const std::string& english) const {
    return rules::in_language(catalogue_, english);
  }
  const std::string& said(const std::string& english, const rules::Item& item) const {
    return rules::in_language(catalogue_, english, item.link_id);
  }

  void find_link();
  void take_link();
  void find_visit();
  void take_seat(Need need);
  browser::Fields take_fields() const;
  void take_draft();
  void reload();

  std::vector<Trigger> triggers() const;
  std::vector<Trigger> unread() const;
  std::string resume_address() const;
  bool is_unchecked() const;  // a translation that nobody has reviewed
  IdentityView identity_view() const;
  int item_of_page() const;
  const rules::Item& item_at(int index) const {
    return knowledge().items[static_cast<std::size_t>(index)];
  }

  std::optional<rules::Assessment> judged(const Draft& draft, const Form& form) const;
  Assessed assess(const fhir::Json& response, rules::Outlook outlook) const;
  // Beside the record that is kept, where there is one.
  cds::FetchedJudged judge(const fhir::Json& response) const;
  std::optional<cds::FetchedJudged> judge_with_record(const fhir::Json& response) const;
  const Informant* informant(const Draft& draft) const;
  fhir::Json response_now(const Draft& draft, const Form& form, bool is_finished) const;
  store::Submission submission(const cds::FetchedJudged& judged) const;

  QuestionView question_view(int index, bool to_review) const;
  void suggest_informant(QuestionView& view) const;
  void suggest_from_record(int index, QuestionView& view) const;
  http::Response late() const;
  std::string slip_text(const rules::Item& item, Slip slip) const;
  http::Response question_again(int index, const Given& given, int status, bool changed,
                                bool to_review) const;
  http::Response question_in(std::string_view tag, int index, const Given& given,
                             const browser::Fields& fields);
  http::Response save(int index, const Given& given, bool to_review);
  std::string address_after(int index, const Form& form, const Draft& draft, bool to_review) const;
  http::Response go_on(int index, bool to_review) const;
  std::vector<std::string> told(const std::vector<Trigger>& triggers) const;
  ReviewView review_view(bool can_change) const;

  const Parts& parts_;
  const http::Request& request_;
  const rules::Instant now_;
  const std::shared_ptr<const Assessor> assessor_;
  std::string language_;                        // of the pages
  const rules::Language* catalogue_ = nullptr;  // null: English
  Invitation invitation_;                       // once taken
  Visit visit_;
  bool is_late_ = false;  // away for too long: what was posted is kept, nothing is shown
  Draft draft_;
  Form form_;
};

}  // namespace myoflag::intake
