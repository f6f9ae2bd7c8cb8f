#include "plugin/browser/dictionary.h"

#include <array>
#include <memory>
#include <utility>
#include <zstd.h>

#include <fmt/format.h>

#include "fhir/base64.h"
#include "plugin/browser/accept_language.h"
#include "plugin/browser/answer.h"
#include "rules/digest.h"

namespace myoflag::browser {

namespace {

using http::Request;
using http::Response;

constexpr int kEffort = 12;  // of 22; for each answer anew
constexpr std::size_t kHashLength = 12;
// A skippable frame of 32 bytes, the digest, comes before the frame itself.
constexpr std::string_view kMagic("\x5e\x2a\x4d\x18\x20\x00\x00\x00", 8);

// The field is written as that of languages is.
bool takes_it(const Request& request) {
  static const std::array<std::string, 1> coding{"dcz"};
  return !preferred_language(http::field_of(request.fields, "accept-encoding"), coding).empty();
}

// Empty when there is no memory.
std::string zstd_of(std::string_view text, std::string_view dictionary) {
  const std::unique_ptr<ZSTD_CCtx, decltype(&::ZSTD_freeCCtx)> context(::ZSTD_createCCtx(),
                                                                       &::ZSTD_freeCCtx);
  if (context == nullptr) {
    return {};
  }
  ::ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kEffort);
  ::ZSTD_CCtx_refPrefix(context.get(), dictionary.data(), dictionary.size());
  std::string out(::ZSTD_compressBound(text.size()), '\0');
  const auto size =
      ::ZSTD_compress2(context.get(), out.data(), out.size(), text.data(), text.size());
  out.resize(::ZSTD_isError(size) != 0U ? 0 : size);
  return out;
}

}  // namespace

Dictionary::Dictionary(std::string_view name, std::string text, std::string_view match)
    : text_(std::move(text)), match_(match) {
  const auto digest = rules::sha256(text_);
  digest_.assign(digest.begin(), digest.end());
  path_ = fmt::format("/assets/{}.{}.txt", name, rules::hex(digest).substr(0, kHashLength));
  name_ = fmt::format(":{}:", fhir::base64(digest_));
}

std::optional<Response> Dictionary::compressed(const Request& request,
                                               const Response& response) const {
  if (response.body.empty() || http::field_of(request.fields, "available-dictionary") != name_ ||
      !takes_it(request)) {
    return std::nullopt;
  }
  const auto small = zstd_of(response.body, text_);
  if (small.empty()) {
    return std::nullopt;
  }
  Response out = response;
  out.body = std::string(kMagic) + digest_ + small;
  out.fields.push_back({"Content-Encoding", "dcz"});
  return out;
}

void Dictionary::add_to(http::Router& router) const {
  add_asset(router, {path_, "text/plain; charset=utf-8", text_},
            {{"Use-As-Dictionary", fmt::format("match=\"{}\"", match_)}});
}

}  // namespace myoflag::browser
