#include "plugin/ehr/own_key.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "plugin/safe_text.h"

namespace myoflag::ehr {

namespace {

using fhir::client::SigningKey;

tl::unexpected<Failure> wrong(std::string text) {
  return tl::unexpected(Failure{Exit::usage, std::move(text)});
}

}  // namespace

tl::expected<SigningKey, Failure> read_key(const std::string& file, const std::string& id) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::perms rights = fs::status(file, error).permissions();
  constexpr fs::perms others = fs::perms::group_all | fs::perms::others_all;
  if (!error && (rights & others) != fs::perms::none) {
    return wrong(fmt::format("MF-4131: {} may be read by others; chmod 600 it", safe_name(file)));
  }
  std::ifstream in(file, std::ios::binary);
  const std::string pem(std::istreambuf_iterator<char>(in), {});
  if (!in || error) {
    return wrong(fmt::format("MF-4131: {} cannot be read", safe_name(file)));
  }
  auto key = fhir::client::signing_key(pem, id);
  if (!key) {
    return wrong(fmt::format("{}: {}: {}", key.error().code, safe_name(file), key.error().text));
  }
  return std::move(*key);
}

}  // namespace myoflag::ehr
