// The intake over requests, without sockets: a patient, and somebody who is none.

#include <filesystem>
#include <map>
#include <memory>
#include <thread>
#include <unistd.h>
#include <zstd.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fhir/base64.h"
#include "plugin/gzip.h"
#include "plugin/intake/prefill.h"
#include "plugin/intake/service.h"
#include "plugin/review/desk.h"
#include "rules/digest.h"
#include "tests/intake/support.h"

namespace myoflag::intake {
namespace {

using http::Request;
using http::Response;
using std::chrono::hours;
using std::chrono::minutes;
using ::testing::HasSubstr;
using ::testing::Not;

const rules::Instant kStart = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + hours(9);
constexpr const char* kBorn = "d=27&m=2&y=1980";

std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += fmt::format("%{:02x}", static_cast<unsigned char>(c));
  }
  return out;
}

// The program, with a clock that the test turns.
struct Clinic {
  // `store`: a file; empty: one that only this process has.
  explicit Clinic(Order order = Order::whole, std::string store = {})
      : path(std::move(store)),
        invitations(Invitations::open(path).value()),
        assessor(std::make_shared<const Assessor>(testing::shared_knowledge())) {
    Settings settings;
    settings.site = {"Example Clinic", "020 7946 0123", "112"};
    settings.urgency = delivery::load_sites("").value().urgency;
    settings.order = order;
    Parts parts{invitations,
                [this] { return assessor; },
                [this] { return now; },
                [this](const std::string&, std::string_view why) {
                  log += why;
                  log += '\n';
                },
                settings,
                embedded_texts().value(),
                embedded_presentation().value()};
    parts.open_record = [this](const Invitation& invitation) {
      if (open_record) {
        open_record(invitation);
      }
    };
    add_routes(router, parts);
  }

  // What became of the answers last.
  fhir::Json newest() const {
    auto desk = review::Desk::open(path).value();
    std::vector<review::Row> rows = desk.forms(kStart - hours(1), 100).value();
    const auto last = std::max_element(
        rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.item < b.item; });
    return fhir::read_json(desk.form(last->outcome).value().value().input).value();
  }

  std::string invite() {
    return invitations.invite({"Patient/1", "1980-02-27", "en", kStart + hours(48)}, now)
        .value()
        .token;
  }

  Response ask(Request request) const {
    const auto query = request.path.find('?');
    if (query != std::string::npos) {
      request.query = request.path.substr(query + 1);
      request.path.resize(query);
    }
    const auto match = router.match(request.method, request.path);
    if (match.route == nullptr) {
      return {404, "", "", {}};
    }
    request.parameters = match.parameters;
    return match.route->handler(request);
  }

  rules::Instant now = kStart;
  std::string path;
  Invitations invitations;
  std::shared_ptr<const Assessor> assessor;
  http::Router router;
  std::string log;
  std::function<void(const Invitation&)> open_record;  // null: there is no record
};

// One browser: keeps its cookie, and sends what the form at hand holds.
class Browser {
 public:
  explicit Browser(Clinic& clinic) : clinic_(clinic) {}

  Response get(const std::string& path) { return take(send("GET", path, "")); }
  Response post(const std::string& path, const std::string& body) {
    return take(send("POST", path, body));
  }
  // With the hidden fields of the page that was seen last.
  Response fill(const std::string& path, const std::string& body) {
    std::string all = fmt::format("csrf={}", hidden("csrf"));
    for (const auto* name : {"rev", "back"}) {
      if (page.find(fmt::format("name=\"{}\"", name)) != std::string::npos) {
        all += fmt::format("&{}={}", name, hidden(name));
      }
    }
    return post(path, all + (body.empty() ? "" : "&" + body));
  }
  // As `fill`, and goes where it leads.
  Response go(const std::string& path, const std::string& body) {
    auto response = fill(path, body);
    while (response.status == 303) {
      response = get(std::string(location(response)));
    }
    return response;
  }

  void come(const std::string& token) {
    post("/p/" + token + "/start", "");
    get("/p/id");
    go("/p/id", kBorn);
  }
  // The question that is shown.
  std::string at() const {
    const auto begin = page.find("action=\"/p/q/");
    return begin == std::string::npos
               ? ""
               : page.substr(begin + 13, page.find('"', begin + 13) - begin - 13);
  }
  Response answer(const std::string& values) {
    const auto link = at();
    std::string body = values.empty() ? "skip=1" : "";
    for (std::size_t begin = 0; begin < values.size();) {
      const auto end = std::min(values.find(',', begin), values.size());
      body += (body.empty() ? "" : "&") + link + "=" + values.substr(begin, end - begin);
      begin = end + 1;
    }
    return go("/p/q/" + link, body);
  }
  // The button at the foot of a page that has no fields of its own.
  Response choose(const std::string& language, const std::string& back_to) {
    return post("/p/lang",
                fmt::format("csrf={}&lang={}&page={}", hidden("csrf"), language, back_to));
  }
  // What the untroubled answer to the question that is shown.
  std::string usual() const {
    const int item = testing::item(at());
    const auto given = testing::benign().at(item);
    std::string values = given.text;
    const auto& options = testing::knowledge().items[static_cast<std::size_t>(item)].options;
    for (std::size_t i = 0; i < options.size(); ++i) {
      if ((given.chosen >> i & 1U) != 0) {
        values += (values.empty() ? "" : ",") + options[i].code;
      }
    }
    return values;
  }
  // Up to the review, as they do.
  void walk() {
    for (int steps = 0; !at().empty() && steps < 80; ++steps) {
      answer(usual());
    }
  }

  static std::string_view location(const Response& response) {
    return http::field_of(response.fields, "Location");
  }
  std::string hidden(const std::string& name) const {
    const auto start = page.find(fmt::format("name=\"{}\" value=\"", name));
    const auto begin = start == std::string::npos ? start : start + name.size() + 15;
    return begin == std::string::npos ? "" : page.substr(begin, page.find('"', begin) - begin);
  }

  std::string page;    // seen last
  std::string cookie;  // "__Host-mf=..."
  http::Fields extra;  // fields of every request

 private:
  Response send(const std::string& method, const std::string& path, const std::string& body) {
    Request request;
    request.method = method;
    request.path = path;
    request.body = body;
    request.fields = extra;
    if (!cookie.empty()) {
      request.fields.push_back({"cookie", "other=1; " + cookie});
    }
    return clinic_.ask(request);
  }
  Response take(Response response) {
    const auto set = http::field_of(response.fields, "Set-Cookie");
    if (!set.empty()) {
      cookie = set.substr(0, set.find(';'));
    }
    if (response.status != 303) {
      page = response.body;
    }
    return response;
  }

  Clinic& clinic_;
};

class ServiceTest : public ::testing::Test {
 protected:
  explicit ServiceTest(std::string store = {}) : clinic(Order::whole, std::move(store)) {}
  Invitation invitation() { return clinic.invitations.by_token(token).value().value(); }

  Clinic clinic;
  std::string token = clinic.invite();
  Browser browser{clinic};
};

TEST_F(ServiceTest, ALinkThatIsOpenedChangesNothing) {
  for (int i = 0; i < 3; ++i) {
    const auto response = browser.get("/p/" + token);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(http::field_of(response.fields, "Set-Cookie"), "");
    EXPECT_THAT(http::field_of(response.fields, "Content-Security-Policy"),
                HasSubstr("default-src 'none'"));
    EXPECT_EQ(http::field_of(response.fields, "Cache-Control"), "no-store");
    EXPECT_THAT(response.body, Not(HasSubstr("Patient/1")));
    EXPECT_THAT(response.body, Not(HasSubstr("twitch")));
  }
  EXPECT_FALSE(invitation().begun);
}

TEST_F(ServiceTest, TheWholeWayIsKeptOnceAndToldAsTheRulesAllow) {
  browser.come(token);
  EXPECT_EQ(browser.at(), "em-now");
  EXPECT_THAT(browser.page, HasSubstr("is a good answer")) << "the help text of the form";
  browser.walk();
  EXPECT_THAT(browser.page, HasSubstr("Check your answers"));
  const auto review = browser.page;
  EXPECT_EQ(Browser::location(browser.fill("/p/submit", "")), "/p/done");
  EXPECT_TRUE(invitation().submitted);
  // The same again, as an impatient finger sends it.
  browser.page = review;
  EXPECT_EQ(Browser::location(browser.fill("/p/submit", "")), "/p/done");
  const auto done = browser.get("/p/done");
  EXPECT_THAT(done.body, HasSubstr("Here is some advice you can follow yourself"));
  EXPECT_THAT(done.body, HasSubstr("not a diagnosis"));
  EXPECT_THAT(browser.get("/p/copy").body, HasSubstr("22 November 2026"));
  EXPECT_EQ(Browser::location(browser.get("/p/q/em-now")), "/p/done");
  EXPECT_EQ(clinic.log, "");
}

TEST_F(ServiceTest, WithoutTheDateOfBirthNothingIsShown) {
  for (const auto* path : {"/p/q/em-now", "/p/review", "/p/done", "/p/copy", "/p/stop"}) {
    EXPECT_EQ(browser.get(path).status, 403) << path;
  }
  browser.post("/p/" + token + "/start", "");
  browser.get("/p/id");
  for (const auto* path : {"/p/q/em-now", "/p/review", "/p/done", "/p/copy", "/p/stop"}) {
    EXPECT_EQ(Browser::location(browser.get(path)), "/p/id") << path;
  }
  for (const auto* path : {"/p/q/em-now", "/p/submit", "/p/stop"}) {
    EXPECT_EQ(Browser::location(browser.fill(path, "em-now=none")), "/p/id") << path;
  }
  EXPECT_EQ(invitation().revision, 0);
}

TEST_F(ServiceTest, DatesOfBirthAreGuessedFiveTimes) {
  browser.post("/p/" + token + "/start", "");
  browser.get("/p/id");
  EXPECT_EQ(browser.fill("/p/id", "d=27&m=2&y=").status, 422);
  EXPECT_EQ(browser.fill("/p/id", "d=30&m=2&y=1980").status, 422) << "no such day: no try";
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(browser.fill("/p/id", "d=28&m=2&y=1980").status, 422);
  }
  EXPECT_THAT(browser.page, HasSubstr("value=\"28\"")) << "what was typed is kept";
  EXPECT_EQ(browser.fill("/p/id", "d=28&m=2&y=1980").status, 403);
  EXPECT_THAT(browser.page, HasSubstr("60 minutes"));
  Browser other(clinic);
  EXPECT_EQ(other.post("/p/" + token + "/start", "").status, 403);
  clinic.now += hours(1);
  other.come(token);
  EXPECT_EQ(other.at(), "em-now");
}

TEST_F(ServiceTest, LinksThatLeadNowhereSayWhy) {
  EXPECT_EQ(browser.get("/p/" + std::string(32, '0')).status, 404);
  EXPECT_EQ(browser.post("/p/x/start", "").status, 404);
  browser.come(token);
  const auto id = invitation().id;
  ASSERT_TRUE(clinic.invitations.withdraw(id, clinic.now));
  EXPECT_EQ(browser.get("/p/" + token).status, 410);
  EXPECT_EQ(browser.get("/p/q/em-now").status, 403) << "the visit is over";
  token = clinic.invite();
  browser.come(token);
  clinic.now += hours(49);
  EXPECT_THAT(browser.get("/p/" + token).body, HasSubstr("too old"));
  EXPECT_EQ(browser.post("/p/" + token + "/start", "").status, 410);
}

TEST_F(ServiceTest, WhatNoFormOfOursSendsIsRefusedAndChangesNothing) {
  browser.come(token);
  const auto csrf = browser.hidden("csrf");
  const std::string good = "csrf=" + csrf + "&rev=0";
  for (const std::string& body : std::vector<std::string>{
           "em-now=none", "csrf=&rev=0&em-now=none", "csrf=0&rev=0&em-now=none",
           good + "&em-now=invented", good + "&em-now=none&em-sudden=none", good + "&skip=1",
           good + "&em-now=none&rev=0", good + "&em-now=%ff", good + "&em-now=none&admin=1"}) {
    EXPECT_EQ(browser.post("/p/q/em-now", body).status, 403) << body;
  }
  EXPECT_EQ(invitation().revision, 0);
  browser.extra = {{"sec-fetch-site", "cross-site"}};
  EXPECT_EQ(browser.post("/p/q/em-now", good + "&em-now=none").status, 403);
  browser.extra = {{"origin", "https://evil.example"}, {"host", "cds.example"}};
  EXPECT_EQ(browser.post("/p/q/em-now", good + "&em-now=none").status, 403);
  browser.extra = {{"origin", "https://cds.example"}, {"host", "cds.example"}};
  EXPECT_EQ(browser.post("/p/q/em-now", good + "&em-now=none").status, 303);
}

TEST_F(ServiceTest, AnotherPatientsSessionIsAnotherForm) {
  browser.come(token);
  Browser other(clinic);
  const auto theirs = clinic.invite();
  other.come(theirs);
  const auto csrf = browser.hidden("csrf");
  EXPECT_EQ(other.post("/p/q/em-now", "csrf=" + csrf + "&rev=0&em-now=none").status, 403);
  browser.answer("none");
  EXPECT_EQ(clinic.invitations.by_token(theirs).value()->revision, 0);
}

TEST_F(ServiceTest, AnswersToQuestionsThatDoNotApplyAreNotTaken) {
  browser.come(token);
  for (const auto* link : {"recreational-drugs", "g-about", "em-stop", "invented", "a%2Fb"}) {
    const auto response =
        browser.fill(fmt::format("/p/q/{}", link), fmt::format("{}=cannabis", link));
    EXPECT_EQ(Browser::location(response), "/p/q/em-now") << link;
    EXPECT_EQ(Browser::location(browser.get(fmt::format("/p/q/{}", link))), "/p/q/em-now");
  }
  EXPECT_EQ(invitation().draft, "");
}

TEST_F(ServiceTest, ReplayedPostsChangeNothingAndOldPagesSaySo) {
  browser.come(token);
  const auto old_page = browser.page;
  browser.answer("none");
  EXPECT_EQ(browser.at(), "em-sudden");
  browser.page = old_page;
  EXPECT_EQ(Browser::location(browser.fill("/p/q/em-now", "em-now=none")), "/p/q/em-sudden");
  EXPECT_EQ(invitation().revision, 1);
  // Another answer from a page that is out of date.
  browser.page = old_page;
  const auto refused = browser.fill("/p/q/em-now", "em-now=breathless-flat");
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.body, HasSubstr("value=\"breathless-flat\" checked"));
  EXPECT_EQ(invitation().revision, 1);
  EXPECT_EQ(Browser::location(browser.fill("/p/q/em-now", "em-now=breathless-flat")), "/p/stop")
      << "now it is known what is changed";
}

TEST_F(ServiceTest, AnEmergencyIsStoredEscalatedAndCannotBePassedBy) {
  browser.come(token);
  browser.answer("none");
  const auto response = browser.answer("face-droop");
  EXPECT_THAT(response.body, HasSubstr("Call 112 now"));
  EXPECT_THAT(response.body, HasSubstr("One side of my face dropped"));
  EXPECT_EQ(invitation().interruptions, 1);
  for (const auto* path : {"/p/q/em-spreading", "/p/q/em-now", "/p/review", "/p/id"}) {
    EXPECT_EQ(Browser::location(browser.get(path)), "/p/stop") << path;
  }
  EXPECT_EQ(browser.get("/p/q/em-sudden").status, 200) << "what was ticked can be changed";
  browser.get("/p/stop");
  EXPECT_EQ(Browser::location(browser.fill("/p/submit", "")), "/p/stop");
  browser.get("/p/stop");
  browser.go("/p/stop", "");
  EXPECT_EQ(browser.at(), "em-spreading");
  // Once for each reason; another one interrupts again.
  browser.get("/p/q/em-sudden");
  EXPECT_EQ(Browser::location(browser.fill("/p/q/em-sudden", "em-sudden=face-droop")),
            "/p/q/em-spreading");
  browser.get("/p/q/em-sudden");
  EXPECT_EQ(Browser::location(
                browser.fill("/p/q/em-sudden", "em-sudden=face-droop&em-sudden=vision-sudden")),
            "/p/stop");
}

// What another window added was not on the page that was read.
TEST_F(ServiceTest, OnlyWhatWasShownWasRead) {
  browser.come(token);
  browser.answer("breathless-flat");
  EXPECT_THAT(browser.page, HasSubstr("Call the clinic today"));
  const auto shown = browser.page;
  browser.get("/p/q/em-now");
  browser.fill("/p/q/em-now", "em-now=breathless-flat&em-now=seizure");
  browser.page = shown;
  EXPECT_EQ(Browser::location(browser.fill("/p/stop", "")), "/p/stop");
  EXPECT_THAT(browser.get("/p/stop").body, HasSubstr("Call 112 now"));
}

TEST_F(ServiceTest, TheSameAnswerSentManyTimesAtOnceIsKeptOnce) {
  browser.come(token);
  std::vector<int> statuses(8);
  std::vector<std::thread> threads;
  for (auto& status : statuses) {
    threads.emplace_back([&status, copy = browser]() mutable {
      status = copy.fill("/p/q/em-now", "em-now=none").status;
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_THAT(statuses, ::testing::Each(303));
  EXPECT_EQ(invitation().revision, 1);
}

TEST_F(ServiceTest, AMistakeTakenBackDoesNotStandInTheWayAndStaysKnown) {
  browser.come(token);
  browser.answer("seizure");
  browser.get("/p/q/em-now");
  browser.go("/p/q/em-now", "em-now=none");
  EXPECT_EQ(browser.at(), "em-sudden");
  EXPECT_EQ(invitation().interruptions, 1);
}

TEST_F(ServiceTest, NothingCalmerIsSaidAfterAnEmergency) {
  browser.come(token);
  browser.answer("seizure");
  browser.go("/p/stop", "");
  browser.walk();
  EXPECT_THAT(browser.page, HasSubstr("Check your answers"));
  EXPECT_THAT(browser.page, Not(HasSubstr("Contact us sooner")));
  browser.go("/p/submit", "");
  EXPECT_THAT(browser.page, HasSubstr("Call the emergency number now"));
  EXPECT_THAT(browser.page, Not(HasSubstr("harmless")));
}

TEST_F(ServiceTest, ScriptInFreeTextIsShownAndNotRun) {
  browser.come(token);
  while (browser.at() != "anything-else" && !browser.at().empty()) {
    const auto before = browser.at();
    browser.walk();
  }
  browser.get("/p/q/anything-else?back=review");
  const auto response = browser.go("/p/q/anything-else",
                                   "anything-else=" + encoded("<script>alert(1)</script>\n\"'&"));
  EXPECT_THAT(response.body, HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;"));
  EXPECT_THAT(response.body, Not(HasSubstr("<script>alert")));
  browser.get("/p/q/anything-else");
  const auto long_text =
      browser.fill("/p/q/anything-else", "anything-else=" + std::string(400'000, 'x'));
  EXPECT_EQ(long_text.status, 422);
  EXPECT_THAT(long_text.body, HasSubstr(std::string(400'000, 'x'))) << "nothing typed is lost";
}

TEST_F(ServiceTest, SlipsSayWhatToDo) {
  browser.come(token);
  EXPECT_THAT(browser.fill("/p/q/em-now", "").body, HasSubstr("<title>Error: "));
  EXPECT_EQ(browser.fill("/p/q/em-now", "em-now=none&em-now=seizure").status, 422);
  EXPECT_THAT(browser.page, HasSubstr("None of these"));
  EXPECT_THAT(browser.page, HasSubstr("value=\"seizure\" checked"));
  EXPECT_EQ(invitation().revision, 0);
}

TEST_F(ServiceTest, ALongPauseAsksAgainWhoItIsAndKeepsWhatWasSent) {
  browser.come(token);
  clinic.now += minutes(61);
  EXPECT_EQ(Browser::location(browser.fill("/p/q/em-now", "em-now=none")), "/p/id");
  EXPECT_EQ(invitation().revision, 1) << "what was sent is kept";
  browser.get("/p/id");
  browser.go("/p/id", kBorn);
  EXPECT_EQ(browser.at(), "em-sudden");
  clinic.now += minutes(61);
  EXPECT_EQ(Browser::location(browser.get("/p/q/em-sudden")), "/p/id");
  EXPECT_EQ(Browser::location(browser.get("/p/review")), "/p/id") << "and stays so";
  clinic.now += hours(13);
  EXPECT_THAT(browser.get("/p/id").body, HasSubstr("open your link again"));
  Browser again(clinic);
  again.come(token);
  EXPECT_EQ(again.at(), "em-sudden") << "nothing is lost";
}

// ---- a device of the clinic

class DeviceTest : public ServiceTest {
 protected:
  DeviceTest()
      : ServiceTest((std::filesystem::temp_directory_path() / fmt::format("device-{}", ::getpid()))
                        .string()) {}
  ~DeviceTest() override {
    for (const auto* end : {"", "-wal", "-shm"}) {
      std::filesystem::remove(clinic.path + end);
    }
  }

  void open(std::string_view informant) {
    const auto presentation = embedded_presentation().value();
    const auto& all = presentation.informants;
    const auto chosen = std::find_if(all.begin(), all.end(),
                                     [&](const auto& one) { return one.name == informant; });
    ASSERT_NE(chosen, all.end());
    const auto session = hand_over(clinic.invitations, testing::knowledge(), presentation,
                                   invitation(), *chosen, "Ana Ruiz (aruiz)", clinic.now)
                             .value();
    ASSERT_TRUE(session);
    device.cookie = fmt::format("__Host-mf={}; __Host-mf-device=1", *session);
    device.get("/p/id");
  }
  // The cookie of the device stays when the session gets another one.
  void identify() {
    const auto response = device.fill("/p/id", kBorn);
    device.cookie += "; __Host-mf-device=1";
    device.get(std::string(Browser::location(response)));
  }
  Browser device{clinic};
};

TEST_F(DeviceTest, EveryPageHasTheWayOutAndNoTitleOfItsOwn) {
  open("patient");
  EXPECT_THAT(device.page, HasSubstr("Are you very unwell now?")) << "no page came before it";
  for (int steps = 0; steps < 80 && device.page.find("Check your answers") == std::string::npos;
       ++steps) {
    EXPECT_THAT(device.page, HasSubstr("<title>Questions before your appointment</title>"));
    EXPECT_THAT(device.page, HasSubstr("action=\"/p/finish\""));
    EXPECT_THAT(device.page, HasSubstr("content=\"301;url=/p/over\""));
    if (device.at().empty()) {
      identify();
    } else {
      device.answer(device.usual());
    }
  }
  for (const auto* path : {"/p/review", "/p/done", "/p/copy"}) {
    if (std::string_view(path) == "/p/done") {
      device.get("/p/review");
      device.fill("/p/submit", "");
    }
    EXPECT_THAT(device.get(path).body, HasSubstr("action=\"/p/finish\"")) << path;
    EXPECT_THAT(device.page, HasSubstr("<title>Questions before your appointment</title>")) << path;
  }
}

TEST_F(DeviceTest, APatientsOwnLinkThereClosesInTheSameWay) {
  device.cookie = "__Host-mf-device=1";
  device.come(token);
  device.cookie += "; __Host-mf-device=1";
  device.get("/p/q/em-now");
  EXPECT_THAT(device.page, HasSubstr("action=\"/p/finish\""));
  clinic.now += minutes(7);
  EXPECT_EQ(Browser::location(device.get("/p/q/em-now")), "/p/over");
}

TEST_F(DeviceTest, NothingLeadsBackOnceItIsGivenBack) {
  open("patient");
  identify();
  device.answer("none");
  const auto seen = device.page;
  const auto session = device.cookie;
  const auto over = device.post("/p/finish", "csrf=" + device.hidden("csrf"));
  EXPECT_EQ(over.status, 303);
  EXPECT_EQ(Browser::location(over), "/p/over");
  EXPECT_THAT(http::field_of(over.fields, "Set-Cookie"), HasSubstr("Max-Age=0"));
  EXPECT_THAT(http::field_of(over.fields, "Clear-Site-Data"), HasSubstr("cache"));
  // Also for who kept the cookie and the page.
  device.cookie = session;
  device.page = seen;
  for (const auto* path :
       {"/p/q/em-now", "/p/q/em-sudden", "/p/review", "/p/done", "/p/copy", "/p/stop", "/p/id"}) {
    EXPECT_EQ(Browser::location(device.get(path)), "/p/over") << path;
  }
  for (const auto* path : {"/p/q/em-sudden", "/p/submit", "/p/finish", "/p/lang", "/p/id"}) {
    device.cookie = session;
    device.page = seen;
    EXPECT_EQ(Browser::location(device.fill(path, "")), "/p/over") << path;
  }
  const auto neutral = device.get("/p/over");
  EXPECT_EQ(neutral.status, 200);
  EXPECT_THAT(neutral.body, HasSubstr("ready for the next form"));
  EXPECT_THAT(neutral.body, Not(HasSubstr("csrf")));
  EXPECT_EQ(invitation().revision, 2) << "what was answered is kept";
  // The patient goes on at home.
  browser.come(token);
  EXPECT_EQ(browser.at(), "em-sudden");
}

TEST_F(DeviceTest, NobodyForFiveMinutesAndTheGraceClosesItAndWhatComesThenIsNobodys) {
  open("patient");
  clinic.now += minutes(6);
  EXPECT_EQ(Browser::location(device.get("/p/id")), "/p/over") << "before the date of birth, too";
  open("patient");
  identify();
  for (int i = 0; i < 4; ++i) {
    clinic.now += minutes(4);
    EXPECT_EQ(device.get("/p/q/em-now").status, 200) << "each page counts";
  }
  const auto before = invitation().revision;
  clinic.now += minutes(6);
  EXPECT_EQ(Browser::location(device.fill("/p/q/em-now", "em-now=seizure")), "/p/over");
  EXPECT_EQ(invitation().revision, before) << "it may be the next person's";
  EXPECT_EQ(Browser::location(device.get("/p/q/em-sudden")), "/p/over");
  EXPECT_EQ(Browser::location(device.get("/p/id")), "/p/over") << "no date of birth is asked";
}

TEST_F(DeviceTest, FinishIsOfADeviceOfTheClinicAndOfItsOwnPage) {
  browser.come(token);
  EXPECT_EQ(browser.post("/p/finish", "csrf=" + browser.hidden("csrf")).status, 403);
  EXPECT_EQ(browser.get("/p/q/em-now").status, 200) << "another device is not closed";
  open("patient");
  identify();
  EXPECT_EQ(device.post("/p/finish", "csrf=0").status, 403);
  device.get("/p/q/em-now");
  const auto csrf = "csrf=" + device.hidden("csrf");
  EXPECT_EQ(device.post("/p/finish", csrf + "&more=1").status, 403);
  device.extra = {{"sec-fetch-site", "cross-site"}};
  EXPECT_EQ(device.post("/p/finish", csrf).status, 403);
  device.extra.clear();
  EXPECT_EQ(device.get("/p/q/em-now").status, 200) << "nothing of it closed the form";
}

TEST_F(DeviceTest, WhatStaffChoseIsSuggestedAndCountsOnceItIsConfirmed) {
  browser.come(token);
  browser.answer("none");
  browser.get("/p/q/who-answers");
  browser.answer("self");
  browser.get("/p/q/em-now");
  open("read-out-companion");
  identify();
  const auto who = testing::item("who-answers");
  EXPECT_FALSE(read_draft(testing::knowledge(), invitation().draft)->contains(who))
      << "it is another person's word by now";
  device.get("/p/q/who-answers");
  EXPECT_THAT(device.page, HasSubstr("value=\"carer\" checked"));
  EXPECT_THAT(device.page, Not(HasSubstr("value=\"self\" checked")));
  EXPECT_FALSE(read_draft(testing::knowledge(), invitation().draft)->contains(who));
  device.answer("carer");
  EXPECT_TRUE(read_draft(testing::knowledge(), invitation().draft)->contains(who));
}

TEST_F(DeviceTest, TheResponseSaysWhoseTheAnswersAreAndWhoEnteredThem) {
  struct Case {
    const char *informant, *answer, *source, *author;
  };
  constexpr const char* kPatient = R"({"reference":"Patient/1"})";
  constexpr const char* kCarer = R"({"type":"RelatedPerson","display":"A family member or carer"})";
  constexpr const char* kAna = R"--({"type":"Practitioner","display":"Ana Ruiz (aruiz)"})--";
  for (const auto& one :
       {Case{"patient", "self", kPatient, ""}, Case{"companion", "carer", kCarer, ""},
        Case{"interpreted", "interpreter", kPatient, ""}, Case{"read-out", "staff", kPatient, kAna},
        Case{"read-out-interpreted", "interpreter", kPatient, kAna},
        Case{"read-out-companion", "carer", kCarer, kAna}, Case{"read-out", "carer", kCarer, ""}}) {
    Draft draft = testing::benign();
    draft.insert_or_assign(testing::item("who-answers"),
                           testing::answer({"who-answers", one.answer}));
    token = clinic.invite();
    ASSERT_TRUE(
        clinic.invitations
            .save({invitation().id, 0, draft_text(testing::knowledge(), draft), {}, {}}, clinic.now)
            .value());
    open(one.informant);
    identify();
    device.get("/p/q/who-answers");
    device.answer(one.answer);
    device.get("/p/review");
    EXPECT_EQ(Browser::location(device.fill("/p/submit", "")), "/p/done");
    const auto response = clinic.newest();
    const auto text = [&](const char* name) {
      const auto* found = response.find(name);
      return found == nullptr ? std::string() : fhir::write_json(*found);
    };
    EXPECT_EQ(text("source"), one.source) << one.informant << one.answer;
    EXPECT_EQ(text("author"), one.author) << one.informant << one.answer;
  }
}

// The emergency comes before the form asks who answers: what staff chose counts until then.
TEST_F(DeviceTest, AnEmergencySaysWhoseWordItIs) {
  open("read-out-companion");
  identify();
  device.answer("seizure");
  EXPECT_THAT(device.page, HasSubstr("Call 112 now"));
  EXPECT_THAT(device.page, HasSubstr("Tell a member of staff at once"));
  const auto response = clinic.newest();
  EXPECT_EQ(response.find("source")->string_of("type"), "RelatedPerson");
  EXPECT_EQ(response.find("author")->string_of("display"), "Ana Ruiz (aruiz)");
}

TEST_F(ServiceTest, TheAgeThatIsKnownIsShownToBeCorrectedAndNotAssumed) {
  browser.come(token);
  browser.get("/p/q/age-years");
  EXPECT_THAT(browser.page, HasSubstr("value=\"46\""));
  EXPECT_EQ(invitation().draft, "");
}

// ---- what a record suggests

class RecordTest : public ServiceTest {
 protected:
  // A man who takes lithium and has epilepsy, as the record has it.
  RecordTest()
      : ServiceTest((std::filesystem::temp_directory_path() / fmt::format("record-{}", ::getpid()))
                        .string()) {
    clinic.open_record = [this](const Invitation& invitation) {
      ++opened;
      const auto found = [](fhir::Json resource) {
        auto entry = fhir::Json::object({{"resource", std::move(resource)}});
        return fhir::Json::object({{"resourceType", "Bundle"},
                                   {"type", "searchset"},
                                   {"entry", fhir::Json::array({std::move(entry)})}});
      };
      auto none = fhir::Json::object({{"resourceType", "Bundle"}, {"type", "searchset"}});
      auto patient = fhir::Json::object({{"reference", invitation.patient}});
      auto prefetch = fhir::Json::object(
          {{"patient", fhir::Json::object({{"resourceType", "Patient"},
                                           {"id", "1"},
                                           {"gender", "male"},
                                           {"birthDate", "1980-02-27"}})},
           {"meds", found(fhir::Json::object(
                        {{"resourceType", "MedicationRequest"},
                         {"id", "m1"},
                         {"status", "active"},
                         {"intent", "order"},
                         {"subject", std::move(patient)},
                         {"medicationCodeableConcept",
                          fhir::Json::object({{"text", "Lithium carbonate 400 mg"}})}}))}});
      for (const auto* key : {"flags", "labs", "orders"}) {
        prefetch.set(key, none);
      }
      prefetch.set("conditions",
                   found(fhir::Json::object(
                       {{"resourceType", "Condition"},
                        {"id", "c1"},
                        {"subject", fhir::Json::object({{"reference", invitation.patient}})},
                        {"code", fhir::Json::object({{"text", "Epilepsy"}})}})));
      if (clinic.invitations.may_fetch(invitation.id, {true, clinic.now - hours(24)}, clinic.now)
              .value()) {
        const auto made = prefill_of(*clinic.assessor, invitation, prefetch, clinic.now).value();
        ASSERT_TRUE(clinic.invitations.keep_record(invitation.id, {made.record, made.suggested},
                                                   clinic.now));
      }
    };
  }
  ~RecordTest() override {
    for (const auto* end : {"", "-wal", "-shm"}) {
      std::filesystem::remove(clinic.path + end);
    }
  }

  static bool is_ticked(const std::string& page, const std::string& id) {
    const auto at = page.find(fmt::format("id=\"{}\"", id));
    return at != std::string::npos &&
           page.substr(at, page.find('>', at) - at).find("checked") != std::string::npos;
  }
  rules::Assessment judged() {
    AssessOptions options;
    options.now = clinic.now;
    return clinic.assessor->assess(fhir::write_json(clinic.newest()), options).value().assessment;
  }
  static bool has_conflict(const rules::Assessment& assessment) {
    return std::any_of(assessment.notices.begin(), assessment.notices.end(),
                       [](const auto& one) { return one.kind == rules::Notice::Kind::conflict; });
  }
  // Of the answers alone, however they were judged.
  fhir::Json response() const {
    auto input = clinic.newest();
    if (input.string_of("resourceType") == "QuestionnaireResponse") {
      return input;
    }
    for (const auto& entry : input.array_of("entry")) {
      const auto* resource = entry.find("resource");
      if (resource->string_of("resourceType") == "QuestionnaireResponse") {
        return *resource;
      }
    }
    return {};
  }
  void send() { browser.fill("/p/submit", ""); }
  // Whatever the page has of these.
  std::string unsure_or_usual() const {
    const auto& item =
        testing::knowledge().items.at(static_cast<std::size_t>(testing::item(browser.at())));
    return testing::benign().contains(testing::item(browser.at())) ? browser.usual()
           : item.option("none") >= 0                              ? "none"
           : item.option("unsure") >= 0                            ? "unsure"
           : item.required                                         ? item.options.front().code
                                                                   : "";
  }

  int opened = 0;
};

TEST_F(RecordTest, NothingOfItIsShownBeforeTheDateOfBirthWasRight) {
  browser.post("/p/" + token + "/start", "");
  browser.get("/p/id");
  browser.go("/p/id", "d=1&m=2&y=1980");
  EXPECT_EQ(opened, 0);
  browser.get("/p/id");
  browser.go("/p/id", kBorn);
  EXPECT_EQ(opened, 1);
  browser.get("/p/q/medicine-classes");
  EXPECT_TRUE(is_ticked(browser.page, "medicine-classes-lithium"));
  clinic.now += hours(2);  // asked again who it is
  Browser late = browser;
  EXPECT_EQ(Browser::location(late.get("/p/q/medicine-classes")), "/p/id");
  const auto posted = browser.fill("/p/q/medicine-classes", "medicine-classes=none");
  EXPECT_EQ(Browser::location(posted), "/p/id");
  EXPECT_THAT(posted.body, Not(HasSubstr("record seems")));
}

TEST_F(RecordTest, WhatItSaysIsTickedAndCountsOnceItIsConfirmed) {
  browser.come(token);
  browser.get("/p/q/medicine-classes");
  EXPECT_TRUE(is_ticked(browser.page, "medicine-classes-lithium"));
  EXPECT_FALSE(is_ticked(browser.page, "medicine-classes-none"));
  EXPECT_FALSE(is_ticked(browser.page, "medicine-classes-statin"));
  EXPECT_THAT(browser.page, HasSubstr("Your record seems to say:"));
  EXPECT_THAT(browser.page, HasSubstr("<li>Lithium</li>"));
  EXPECT_THAT(browser.page, Not(HasSubstr("carbonate"))) << "the form's words, not the record's";
  EXPECT_EQ(invitation().draft, "") << "it was shown, not answered";
  browser.get("/p/q/sex-at-birth");
  EXPECT_TRUE(is_ticked(browser.page, "sex-at-birth-male"));
  EXPECT_THAT(browser.page, HasSubstr("choose another answer"));
  browser.get("/p/q/em-now");
  EXPECT_THAT(browser.page, Not(HasSubstr("Your record")));
}

// What an old record says counts; that it says nothing more does not.
TEST_F(RecordTest, OneThatIsTooOldWhenThePatientComesReassuresNobody) {
  const auto doubts = [this](hours later) {
    token = clinic.invite();
    browser.cookie.clear();
    browser.come(token);  // it is fetched
    clinic.open_record = [this](const Invitation& opened_now) {
      ++opened;  // and cannot be fetched again
      EXPECT_TRUE(
          clinic.invitations.may_fetch(opened_now.id, {true, clinic.now - hours(24)}, clinic.now)
              .has_value());
    };
    clinic.now += later;
    browser.cookie.clear();
    browser.come(token);
    browser.walk();
    send();
    EXPECT_TRUE(invitation().submitted);
    const auto assessment = judged();
    EXPECT_TRUE(has_conflict(assessment)) << "lithium still counts";
    return rules::is_doubtful(*assessment.input) || !assessment.input->record_problems.empty();
  };
  const auto fetching = clinic.open_record;
  EXPECT_FALSE(doubts(hours(1)));
  clinic.open_record = fetching;
  EXPECT_TRUE(doubts(hours(25)));
  EXPECT_EQ(clinic.log, "");
}

TEST_F(RecordTest, AChangedAnswerStaysChangedHereAndOnAnotherDevice) {
  Browser other(clinic);
  browser.come(token);
  other.come(token);
  other.get("/p/q/medicine-classes");
  browser.get("/p/q/medicine-classes");
  browser.answer("statin");
  for (auto* device : {&browser, &other}) {
    device->get("/p/q/medicine-classes");
    EXPECT_TRUE(is_ticked(device->page, "medicine-classes-statin"));
    EXPECT_FALSE(is_ticked(device->page, "medicine-classes-lithium"));
    EXPECT_THAT(device->page, Not(HasSubstr("Your record seems")));
  }
}

TEST_F(RecordTest, APageThatIsPassedOverOrNeverOpenedHoldsNoAnswer) {
  browser.come(token);
  while (!browser.at().empty() && browser.at() != "health-conditions") {
    browser.answer(browser.at() == "site-scope" ? "one-spot" : unsure_or_usual());
  }
  ASSERT_EQ(browser.at(), "health-conditions");
  EXPECT_TRUE(is_ticked(browser.page, "health-conditions-epilepsy"));
  browser.answer("");  // the button to skip
  const int item = testing::item("health-conditions");
  EXPECT_TRUE(read_draft(testing::knowledge(), invitation().draft).value().at(item).is_skipped());
  browser.get("/p/q/health-conditions");
  EXPECT_FALSE(is_ticked(browser.page, "health-conditions-epilepsy"));
  EXPECT_THAT(browser.page, Not(HasSubstr("Your record seems")));

  token = clinic.invite();
  browser.cookie.clear();
  browser.come(token);
  browser.walk();  // without that page
  send();
  ASSERT_TRUE(invitation().submitted);
  EXPECT_THAT(fhir::write_json(response()), Not(HasSubstr("health-conditions")));
}

TEST_F(RecordTest, WhatThePatientTakesAwayStaysAConflictThatIsShown) {
  browser.come(token);
  browser.walk();  // takes no medicines
  send();
  ASSERT_TRUE(invitation().submitted);
  const auto assessment = judged();
  EXPECT_TRUE(has_conflict(assessment));
  EXPECT_TRUE(assessment.input->facts.record.fetched);
  EXPECT_EQ(clinic.invitations.record(invitation().id).value().json, "") << "it is not kept longer";
  EXPECT_EQ(clinic.log, "");
}

// The same answers, whether they were suggested or found by hand.
TEST_F(RecordTest, WhatIsConfirmedIsWhatIsAnsweredByHand) {
  const auto walk = [this] {
    for (int steps = 0; !browser.at().empty() && steps < 80; ++steps) {
      const bool is_suggested =
          browser.at() == "medicine-classes" || browser.at() == "sex-at-birth";
      if (!is_suggested) {
        browser.answer(browser.at() == "medicine-change" ? "no-change"
                       : browser.at() == "medicine-list" ? ""
                                                         : browser.usual());
        continue;
      }
      std::string ticked;  // what the browser sends when nothing is touched
      const auto& item =
          testing::knowledge().items.at(static_cast<std::size_t>(testing::item(browser.at())));
      for (const auto& option : item.options) {
        if (is_ticked(browser.page, fmt::format("{}-{}", browser.at(), option.code))) {
          ticked += (ticked.empty() ? "" : ",") + option.code;
        }
      }
      browser.answer(!ticked.empty()                  ? ticked
                     : browser.at() == "sex-at-birth" ? "male"
                                                      : "lithium");
    }
    send();
  };
  browser.come(token);
  walk();
  ASSERT_TRUE(invitation().submitted) << browser.page;
  EXPECT_FALSE(has_conflict(judged()));
  auto confirmed = response();
  clinic.open_record = nullptr;
  clinic.now += minutes(1);
  token = clinic.invite();
  browser.cookie.clear();
  browser.come(token);
  walk();
  ASSERT_TRUE(invitation().submitted) << browser.page;
  auto by_hand = response();
  EXPECT_NE(confirmed.string_of("id"), by_hand.string_of("id"));
  for (auto* one : {&confirmed, &by_hand}) {
    one->erase("id");
    one->erase("authored");
  }
  EXPECT_EQ(fhir::write_json(confirmed), fhir::write_json(by_hand));
}

TEST_F(RecordTest, AnotherLanguageAndASlipKeepWhatThePatientTicked) {
  browser.come(token);
  browser.get("/p/q/medicine-classes");
  browser.fill("/p/q/medicine-classes", "lang=es&medicine-classes=statin");
  EXPECT_THAT(browser.page, HasSubstr("Su historial clínico parece decir:"));
  EXPECT_TRUE(is_ticked(browser.page, "medicine-classes-statin"));
  EXPECT_FALSE(is_ticked(browser.page, "medicine-classes-lithium"));
  browser.fill("/p/q/medicine-classes", "medicine-classes=none&medicine-classes=statin");
  EXPECT_TRUE(is_ticked(browser.page, "medicine-classes-none"));
  EXPECT_FALSE(is_ticked(browser.page, "medicine-classes-lithium"));
}

TEST_F(ServiceTest, ADraftThatIsDamagedGivesAPageAndALine) {
  browser.come(token);
  ASSERT_TRUE(clinic.invitations.save({invitation().id, 0, "{broken", {}, {}}, clinic.now).value());
  const auto response = browser.get("/p/q/em-now");
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.body, HasSubstr("Something went wrong"));
  EXPECT_EQ(clinic.log, "a draft is damaged\n");
}

TEST_F(ServiceTest, StyleAndScriptHaveTheirContentInTheirName) {
  const auto page = browser.get("/p/" + token).body;
  int found = 0;
  for (auto at = page.find("\"/assets/"); at != std::string::npos;
       at = page.find("\"/assets/", at + 1)) {
    const auto path = page.substr(at + 1, page.find('"', at + 1) - at - 1);
    const auto response = browser.get(path);
    EXPECT_EQ(response.status, 200) << path;
    EXPECT_THAT(http::field_of(response.fields, "Cache-Control"), HasSubstr("immutable"));
    EXPECT_LE(response.body.size(), 12u * 1024);
    ++found;
  }
  EXPECT_EQ(found, 2);
  EXPECT_EQ(browser.get("/assets/mf.css").status, 404);
}

// As a browser reads "dcz"; empty where it is none of that dictionary. Source: RFC 9842, section 5.
std::string from_dcz(std::string_view body, std::string_view dictionary) {
  const auto digest = rules::sha256(dictionary);
  const std::string head =
      std::string("\x5e\x2a\x4d\x18\x20\0\0\0", 8) + std::string(digest.begin(), digest.end());
  if (!body.starts_with(head)) {
    return {};
  }
  body.remove_prefix(head.size());
  const std::unique_ptr<ZSTD_DCtx, decltype(&::ZSTD_freeDCtx)> context(::ZSTD_createDCtx(),
                                                                       &::ZSTD_freeDCtx);
  ::ZSTD_DCtx_refPrefix(context.get(), dictionary.data(), dictionary.size());
  std::string out(1u << 20U, '\0');
  const auto size =
      ::ZSTD_decompressDCtx(context.get(), out.data(), out.size(), body.data(), body.size());
  out.resize(::ZSTD_isError(size) != 0U ? 0 : size);
  return out;
}

std::string dictionary_name(std::string_view text) {
  const auto digest = rules::sha256(text);
  return fmt::format(":{}:", fhir::base64(std::string(digest.begin(), digest.end())));
}

TEST_F(ServiceTest, WhatPagesHaveInCommonIsSentOnceWhereTheBrowserKeepsIt) {
  browser.come(token);
  const auto page = browser.get("/p/q/em-now").body;
  const std::string before = "rel=\"compression-dictionary\" href=\"";
  const auto at = page.find(before) + before.size();
  const auto path = page.substr(at, page.find('"', at) - at);
  EXPECT_THAT(path, ::testing::StartsWith("/assets/mf-en."));
  const auto csrf = browser.hidden("csrf");
  const auto given = browser.get(path);
  EXPECT_EQ(http::field_of(given.fields, "Use-As-Dictionary"), "match=\"/p/*\"");
  EXPECT_THAT(http::field_of(given.fields, "Cache-Control"), HasSubstr("immutable"));
  // The same for everybody.
  for (const auto& secret : {csrf, token}) {
    ASSERT_NE(secret, "");
    EXPECT_THAT(given.body, Not(HasSubstr(secret)));
  }
  browser.extra = {{"accept-encoding", "gzip"}};
  EXPECT_EQ(browser.get(path).body, gzip_of(given.body, 9)) << "made once, as small as it gets";
  struct Case {
    std::string coding, dictionary, answer;
  };
  const auto name = dictionary_name(given.body);
  for (const auto& one :
       {Case{"gzip, br, zstd, dcb, dcz", name, "dcz"}, Case{"dcz", name, "dcz"},
        Case{"gzip, br", name, "gzip"}, Case{"gzip, dcz;q=0", name, "gzip"},
        Case{"gzip, dcz", "", "gzip"}, Case{"gzip, dcz", dictionary_name("another"), "gzip"},
        Case{"gzip, dcz", name + ",", "gzip"}, Case{"", name, ""}}) {
    browser.extra = {{"accept-encoding", one.coding}, {"available-dictionary", one.dictionary}};
    const auto response = browser.get("/p/q/em-now");
    EXPECT_EQ(http::field_of(response.fields, "Content-Encoding"), one.answer) << one.coding;
    if (one.answer == "dcz") {
      EXPECT_EQ(from_dcz(response.body, given.body), page);
      EXPECT_LT(response.body.size() * 4, page.size());
      EXPECT_THAT(http::field_of(response.fields, "Content-Security-Policy"),
                  HasSubstr("default-src 'none'"));
    }
  }
}

// ---- languages

TEST_F(ServiceTest, AnotherLanguageKeepsWhatWasTypedAndSavesNothing) {
  browser.come(token);
  auto response = browser.fill("/p/q/em-now", "em-now=seizure&em-now=unsure&lang=es");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr("<html lang=\"es\" dir=\"ltr\">"));
  EXPECT_THAT(response.body, HasSubstr("value=\"seizure\" checked"));
  EXPECT_THAT(response.body, HasSubstr("value=\"unsure\" checked"));
  EXPECT_THAT(response.body, HasSubstr("Una convulsión (ataque)"));
  EXPECT_THAT(response.body, Not(HasSubstr("A fit (seizure)")));
  EXPECT_EQ(invitation().revision, 0);
  EXPECT_EQ(invitation().language, "es");
  browser.answer("none");
  browser.answer("none");
  browser.answer("none");
  browser.answer("none");
  browser.answer("self");
  response = browser.fill("/p/q/age-years", "age-years=forty&lang=ar");
  EXPECT_THAT(response.body, HasSubstr("dir=\"rtl\""));
  EXPECT_THAT(response.body, HasSubstr("value=\"forty\""));
  EXPECT_THAT(response.body, Not(HasSubstr("mf-errors"))) << "nobody pressed Continue";
  EXPECT_EQ(browser.fill("/p/q/age-years", "age-years=40&lang=xx").status, 403);
  EXPECT_EQ(browser.fill("/p/q/age-years", "age-years=40&lang=").status, 403);
}

TEST_F(ServiceTest, TheDateOfBirthIsKeptToo) {
  browser.post("/p/" + token + "/start", "");
  browser.get("/p/id");
  const auto response = browser.fill("/p/id", "d=27&m=2&y=&lang=zh");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr("value=\"27\""));
  EXPECT_THAT(response.body, HasSubstr("您的出生日期"));
  EXPECT_THAT(response.body, Not(HasSubstr("mf-errors")));
}

TEST_F(ServiceTest, APageOfAnotherLanguageIsStillTheOldOne) {
  browser.come(token);
  const std::string revision = browser.hidden("rev");
  Browser other(clinic);
  other.come(token);
  other.answer("none");
  browser.fill("/p/q/em-now", "em-now=unsure&lang=es");
  EXPECT_EQ(browser.hidden("rev"), revision);
  EXPECT_EQ(browser.fill("/p/q/em-now", "em-now=unsure").status, 409) << "nothing is overwritten";
}

TEST_F(ServiceTest, TheLanguageIsThatOfTheInvitationElseOfTheBrowser) {
  browser.extra = {{"accept-language", "ar-EG,ar;q=0.9"}};
  EXPECT_THAT(browser.get("/p/" + token).body, HasSubstr("<html lang=\"en\""));
  EXPECT_THAT(browser.get("/p/" + std::string(32, '0')).body, HasSubstr("<html lang=\"ar\""));
  const auto open =
      clinic.invitations.invite({"Patient/2", "1980-02-27", "", kStart + hours(48)}, clinic.now)
          .value()
          .token;
  EXPECT_THAT(browser.get("/p/" + open).body, HasSubstr("<html lang=\"ar\" dir=\"rtl\">"));
  EXPECT_EQ(clinic.invitations.by_token(open).value()->language, "") << "a GET changes nothing";
  browser.come(open);
  Browser elsewhere(clinic);
  elsewhere.come(open);
  EXPECT_THAT(elsewhere.page, HasSubstr("<html lang=\"ar\"")) << "goes on in it";
  elsewhere.extra = {{"accept-language", "fr"}};
  EXPECT_THAT(elsewhere.get("/p/" + std::string(32, '0')).body, HasSubstr("<html lang=\"en\""));
}

TEST_F(ServiceTest, BeforeTheVisitAndAtItsEndALanguageIsChosenByAForm) {
  browser.get("/p/" + token);
  EXPECT_THAT(browser.page, HasSubstr("action=\"/p/" + token + "/language\""));
  auto response = browser.post("/p/" + token + "/language", "lang=es");
  EXPECT_EQ(Browser::location(response), "/p/" + token);
  EXPECT_THAT(browser.get("/p/" + token).body, HasSubstr("Ningún profesional de la salud"));
  EXPECT_EQ(browser.post("/p/" + token + "/language", "lang=xx").status, 403);
  EXPECT_EQ(browser.post("/p/" + token + "/language", "lang=es&x=1").status, 403);
  browser.extra = {{"sec-fetch-site", "cross-site"}};
  EXPECT_EQ(browser.post("/p/" + token + "/language", "lang=zh").status, 403);
  browser.extra.clear();
  browser.come(token);
  EXPECT_EQ(browser.post("/p/lang", "lang=zh&page=review").status, 403) << "without a token";
  browser.get("/p/q/em-now");
  EXPECT_EQ(browser.choose("zh", "//elsewhere.example").status, 403);
  browser.get("/p/q/em-now");
  browser.answer("seizure");
  EXPECT_THAT(browser.page, HasSubstr("Llame ahora al 112"));
  EXPECT_THAT(browser.page, HasSubstr("Una convulsión (ataque)"));
  response = browser.choose("zh", "stop");
  EXPECT_EQ(Browser::location(response), "/p/stop");
  EXPECT_THAT(browser.get("/p/stop").body, HasSubstr("请立即拨打 112"));
}

TEST_F(ServiceTest, TheEndIsToldInEveryLanguageAndTheResponseSaysItsOwn) {
  browser.come(token);
  browser.fill("/p/q/em-now", "em-now=none&lang=es");
  browser.walk();
  EXPECT_THAT(browser.page, HasSubstr("Revise sus respuestas"));
  EXPECT_THAT(browser.page, HasSubstr("Solo un aleteo en el párpado"));
  EXPECT_THAT(browser.page, Not(HasSubstr("Just a flutter")));
  browser.go("/p/submit", "");
  EXPECT_THAT(browser.page, HasSubstr("El aleteo de un párpado es muy común"));
  EXPECT_THAT(invitation().told, HasSubstr("An eyelid flutter is very common"));
  EXPECT_THAT(browser.get("/p/copy").body, HasSubstr("22 de noviembre de 2026"));
  browser.get("/p/done");
  browser.choose("ar", "done");
  EXPECT_THAT(browser.get("/p/done").body, HasSubstr("رفرفة الجفن شائعة جداً"));
}

TEST_F(ServiceTest, AnInvitationThatIsOverSpeaksItsLanguages) {
  browser.come(token);
  clinic.now = kStart + hours(49);
  EXPECT_EQ(browser.get("/p/" + token).status, 410);
  EXPECT_EQ(Browser::location(browser.post("/p/" + token + "/language", "lang=es")), "/p/" + token);
  EXPECT_THAT(browser.get("/p/" + token).body, HasSubstr("Este enlace es demasiado antiguo"));
}

// ---- a network that drops

// The script asks where to go on, and fetches that page itself.
TEST_F(ServiceTest, AScriptIsToldWhereAFormLeads) {
  browser.come(token);
  browser.extra = {{"mf-fetch", "1"}};
  const auto response = browser.fill("/p/q/em-now", "em-now=none");
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(http::field_of(response.fields, "Mf-To"), "/p/q/em-sudden");
  EXPECT_EQ(Browser::location(response), "");
  EXPECT_EQ(http::field_of(response.fields, "Mf-Rev"), "1") << "for a page that stays";
  const auto refused = browser.fill("/p/q/em-sudden", "em-sudden=nonsense");
  EXPECT_EQ(refused.status, 403);
  // By it the script knows that no proxy answers in the place of the program.
  for (const auto& ours : {response, refused, browser.get("/p/q/em-sudden"), browser.get("/p/gone"),
                           browser.get("/favicon.ico")}) {
    EXPECT_EQ(http::field_of(ours.fields, "Mf-Intake"), "1") << ours.status;
  }
  const auto match = clinic.router.match("POST", "/p/q/em-sudden");
  EXPECT_EQ(http::field_of(match.route->refusal(413, {})->fields, "Mf-Intake"), "1");
}

// The answer arrived, what was said back did not: the same once more.
TEST_F(ServiceTest, WhatIsSentAgainBecauseTheReplyWasLostIsKeptOnce) {
  browser.come(token);
  const auto page = browser.page;
  for (const bool by_script : {true, false, true}) {
    browser.extra = by_script ? http::Fields{{"mf-fetch", "1"}} : http::Fields{};
    browser.page = page;
    const auto response = browser.fill("/p/q/em-now", "em-now=none");
    EXPECT_EQ(response.status, by_script ? 204 : 303);
    EXPECT_EQ(invitation().revision, 1);
  }
  // An emergency is escalated once, and a form is sent once.
  browser.extra = {};
  browser.get("/p/q/em-sudden");
  const auto sudden = browser.page;
  for (int i = 0; i < 3; ++i) {
    browser.page = sudden;
    EXPECT_EQ(Browser::location(browser.fill("/p/q/em-sudden", "em-sudden=face-droop")), "/p/stop");
  }
  EXPECT_EQ(invitation().revision, 2);
  EXPECT_EQ(clinic.invitations.interruptions(invitation().id).value().size(), 1u);
  EXPECT_EQ(clinic.log, "");
}

// ---- adaptive order

// Answers as the untroubled do, but very worried; up to this question.
void walk_worried(Browser& browser, std::string_view until) {
  for (int steps = 0; browser.at() != until && !browser.at().empty() && steps < 80; ++steps) {
    const int index = testing::item(browser.at());
    const auto& item = testing::knowledge().items[static_cast<std::size_t>(index)];
    const auto usual = testing::benign();
    const auto found = usual.find(index);
    const auto answer = found == usual.end() ? Answer{} : found->second;
    std::string values = item.link_id == "worry-level" ? "very" : answer.text;
    for (std::size_t i = 0; i < item.options.size() && item.link_id != "worry-level"; ++i) {
      values += (answer.chosen >> i & 1U) != 0 ? item.options[i].code : "";
    }
    browser.answer(values);
  }
}

TEST(AdaptiveServiceTest, WhatCanChangeNothingIsNotAskedAndTheReviewSaysSo) {
  Clinic clinic(Order::adaptive);
  Browser browser(clinic);
  browser.come(clinic.invite());
  walk_worried(browser, "worry-focus");
  ASSERT_EQ(browser.at(), "worry-focus");
  browser.answer("");
  EXPECT_EQ(browser.at(), "medicine-classes");
  EXPECT_EQ(Browser::location(browser.get("/p/q/gad2-nervous")), "/p/q/medicine-classes");
  walk_worried(browser, "");
  EXPECT_THAT(browser.page, HasSubstr("Some questions were left out"));
  EXPECT_THAT(browser.page, Not(HasSubstr("gad2-nervous")));
  EXPECT_EQ(Browser::location(browser.fill("/p/submit", "")), "/p/done");
  EXPECT_EQ(clinic.log, "");
}

TEST(AdaptiveServiceTest, AnAnswerFromAWindowThatStillAskedIsKept) {
  Clinic clinic(Order::adaptive);
  const auto token = clinic.invite();
  Browser browser(clinic);
  browser.come(token);
  walk_worried(browser, "worry-focus");
  const auto kept = browser.fill("/p/q/gad2-nervous", "gad2-nervous=not-at-all");
  EXPECT_EQ(kept.status, 303);
  EXPECT_THAT(clinic.invitations.by_token(token).value().value().draft, HasSubstr("gad2-nervous"));
}

TEST_F(ServiceTest, TheWholeFormLeavesNothingOut) {
  browser.come(token);
  browser.walk();
  EXPECT_THAT(browser.page, Not(HasSubstr("Some questions were left out")));
}

}  // namespace
}  // namespace myoflag::intake
