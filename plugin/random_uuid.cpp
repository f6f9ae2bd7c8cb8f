#include "plugin/random_uuid.h"

#include <algorithm>
#include <stdexcept>
#include <sys/random.h>

#include "fhir/uuid.h"

namespace myoflag {

namespace {

fhir::Uuid random_bytes() {
  fhir::Uuid uuid;
  // Up to 256 bytes come whole or not at all.
  if (getrandom(uuid.bytes.data(), uuid.bytes.size(), 0) !=
      static_cast<ssize_t>(uuid.bytes.size())) {
    throw std::runtime_error("no randomness");
  }
  return uuid;
}

}  // namespace

std::string random_uuid() {
  fhir::Uuid uuid = random_bytes();
  uuid.bytes[6] = static_cast<std::uint8_t>((uuid.bytes[6] & 0x0f) | 0x40);
  uuid.bytes[8] = static_cast<std::uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);
  return fhir::to_string(uuid);
}

std::string random_token() {
  std::string text = fhir::to_string(random_bytes());
  text.erase(std::remove(text.begin(), text.end(), '-'), text.end());
  return text;
}

}  // namespace myoflag
