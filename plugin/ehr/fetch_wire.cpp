#include "plugin/ehr/fetch_wire.h"

#include <charconv>

#include "fhir/json.h"

namespace myoflag::ehr {

using fhir::Json;

namespace {

Json json_of(const WebRequest& request) {
  return Json::object({{"url", request.url},
                       {"form", request.form},
                       {"client", request.sign.client_id},
                       {"key", request.sign.key_file},
                       {"keyId", request.sign.key_id},
                       {"authorization", request.authorization}});
}

WebRequest request_of(const Json& json) {
  const auto text = [&](std::string_view name) { return std::string(json.string_of(name)); };
  return {text("url"),
          text("form"),
          {text("client"), text("key"), text("keyId")},
          text("authorization")};
}

int number_of(const Json& json, std::string_view name) {
  const auto* number = json.find(name);
  int value = 0;
  if (number != nullptr && number->is_number()) {
    const auto& digits = number->as_number()->text;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
  }
  return value;
}

}  // namespace

std::string web_answer_text(const WebAnswer& answer) {
  return fhir::write_json(
      Json::object({{"status", answer.status}, {"body", answer.body}, {"code", answer.code}}));
}

// Bytes that are no text of JSON were no answer.
WebAnswer read_web_answer(std::string_view text) {
  constexpr fhir::Limits gate{.bytes = 6 * kMostOfTheWeb + 1'000,
                              .depth = 2,
                              .string_bytes = kMostOfTheWeb + 1,
                              .nodes = 10};
  const auto json = fhir::read_json(text, gate);
  if (!json || !json->is_object()) {
    return {};
  }
  return {number_of(*json, "status"), std::string(json->string_of("body")),
          std::string(json->string_of("code"))};
}

std::string frame_of(std::string_view content) {
  std::string frame;
  for (const int shift : {24, 16, 8, 0}) {
    frame += static_cast<char>((content.size() >> shift) & 0xffU);
  }
  return frame.append(content);
}

std::string order_frame(const FetchOrder& order) {
  Json queries = Json::array();
  for (const auto& query : order.queries) {
    queries.push(query);
  }
  Json requests = Json::array();
  for (const auto& request : order.requests) {
    requests.push(json_of(request));
  }
  return frame_of(fhir::write_json(
      Json::object({{"base", order.base},
                    {"token", order.token},
                    {"milliseconds", Json(static_cast<std::int64_t>(order.time.count()))},
                    {"queries", std::move(queries)},
                    {"requests", std::move(requests)}})));
}

std::string answer_frame(const FetchAnswer& answer) {
  return frame_of(static_cast<char>(answer.query) + answer.json);
}

std::optional<FetchOrder> read_order(std::string_view content) {
  const auto json = fhir::read_json(content);
  const auto* time = json && json->is_object() ? json->find("milliseconds") : nullptr;
  if (time == nullptr || !time->is_number()) {
    return std::nullopt;
  }
  FetchOrder order{
      std::string(json->string_of("base")), std::string(json->string_of("token")), {}, {}, {}};
  const auto& digits = time->as_number()->text;
  std::chrono::milliseconds::rep count = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), count);
  order.time = std::chrono::milliseconds(count);
  for (const auto& query : json->array_of("queries")) {
    order.queries.push_back(query.is_string() ? *query.as_string() : "");
  }
  for (const auto& request : json->array_of("requests")) {
    order.requests.push_back(request_of(request));
  }
  const bool has_queries = !order.base.empty() && !order.queries.empty() &&
                           order.queries.size() <= kMostQueries && order.requests.empty();
  const bool has_requests =
      order.queries.empty() && !order.requests.empty() && order.requests.size() <= kMostQueries;
  return (has_queries || has_requests) && count > 0 ? std::optional(std::move(order))
                                                    : std::nullopt;
}

std::optional<FetchAnswer> read_answer(std::string_view content) {
  if (content.empty()) {
    return std::nullopt;
  }
  return FetchAnswer{static_cast<unsigned char>(content.front()), std::string(content.substr(1))};
}

std::optional<std::string> FrameReader::next() {
  constexpr std::size_t head = 4;
  if (is_broken_ || bytes_.size() < head) {
    return std::nullopt;
  }
  std::size_t length = 0;
  for (std::size_t i = 0; i < head; ++i) {
    length = length << 8U | static_cast<unsigned char>(bytes_[i]);
  }
  if (length > most_) {
    is_broken_ = true;
    return std::nullopt;
  }
  if (bytes_.size() - head < length) {
    return std::nullopt;
  }
  std::string content = bytes_.substr(head, length);
  bytes_.erase(0, head + length);
  return content;
}

}  // namespace myoflag::ehr
