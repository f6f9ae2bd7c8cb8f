// A device of the clinic: staff open a form on it, and afterwards nothing leads back to it.
#include "plugin/browser/answer.h"
#include "plugin/intake/handling.h"

namespace myoflag::intake {

using browser::go_to;
using browser::page;
using http::Response;

store::Result<std::optional<std::string>> hand_over(
    Invitations& invitations, const rules::Knowledge& knowledge, const Presentation& presentation,
    const Invitation& invitation, const Informant& informant, std::string_view opened_by,
    rules::Instant now) {
  auto draft = read_draft(knowledge, invitation.draft);
  if (!draft) {
    return tl::unexpected(Failure{Exit::outside, "a draft is damaged"});
  }
  draft->erase(knowledge.item(presentation.informant_question));
  return invitations.hand_over({invitation.id, invitation.revision, draft_text(knowledge, *draft),
                                informant.name, std::string(opened_by)},
                               now);
}

Response seated(const std::string& session) {
  auto response = go_to("/p/id");
  browser::set_cookie(response, kCookie, session);
  share(response);
  forget_pages(response);
  return response;
}

void share(Response& response) { browser::set_cookie(response, kDeviceCookie, "1"); }

bool is_shared(const http::Request& request) {
  return !browser::cookie_of(request, kDeviceCookie).empty();
}

void forget_pages(Response& response) {
  response.fields.push_back({"Clear-Site-Data", "\"cache\", \"storage\""});
}

Response Handling::finish() {
  find_visit();
  const auto fields = take_fields();
  if (!fields.only({"csrf"}) || !visit_.at_clinic) {
    return refused();
  }
  needed(parts_.invitations.end_visit(browser::cookie_of(request_, kCookie)));
  auto response = go_to("/p/over");
  browser::drop_cookie(response, kCookie, browser::CookieUse::own_window);
  forget_pages(response);
  return response;
}

// Says the same whether or not a form was open before it.
Response Handling::over() {
  constexpr std::string_view for_staff = "/c/worklist";
  return page(200, over_page(look(), for_staff));
}

}  // namespace myoflag::intake
