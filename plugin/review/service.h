#pragma once
// The clinic's pages as HTTP: the worklist, the summary of a form, and what a person does there.
// Nobody signs in: all of it is answered to who is on this machine only (browser::is_local), and a
// page says so to everybody else. A GET changes nothing. Errors: pages in words, statuses for
// programs (403, 404, 422), a line without patient data for the log.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/assess.h"
#include "plugin/browser/texts.h"
#include "plugin/cds/service.h"
#include "plugin/feedback/request.h"
#include "plugin/http/router.h"
#include "plugin/intake/invitations.h"
#include "plugin/review/desk.h"

namespace myoflag::review {

inline constexpr int kMostRows = 200;  // of each list of the worklist
inline constexpr int kShownDays = 30;

struct Parts {
  Desk& desk;
  intake::Invitations& invitations;
  std::function<std::shared_ptr<const Assessor>()> assessor;  // of now: knowledge can be replaced
  std::function<rules::Instant()> now;
  std::function<void(const std::string& request, std::string_view why)> log;
  browser::Texts texts;
  // Figures of what is followed and what is set aside; null: none are kept.
  std::function<void(cds::ShownCard shown)> show = nullptr;
  std::function<bool(const feedback::Feedback& feedback)> keep = nullptr;  // false: not on disk
};

// `parts` is copied; what it refers to outlives the router.
void add_routes(http::Router& router, const Parts& parts);

}  // namespace myoflag::review
