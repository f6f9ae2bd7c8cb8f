#pragma once
// UUIDs by name (version 5, RFC 4122): the same name in the same namespace gives the same id, so
// that sending twice changes nothing. No random ids here.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace myoflag::fhir {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  friend bool operator==(const Uuid&, const Uuid&) = default;
};

// RFC 4122, appendix C.
inline constexpr Uuid uuid_namespace_dns{{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80,
                                          0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}};
inline constexpr Uuid uuid_namespace_url{{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80,
                                          0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}};

// Throws std::logic_error when the cryptographic library has no SHA-1, which is a fault of the
// installation.
Uuid uuid_v5(const Uuid& name_space, std::string_view name);

// Names that begin alike: what they share is worked through once. Same errors.
class UuidNames {
 public:
  explicit UuidNames(const Uuid& name_space);
  void add(std::string_view part);         // behind what was added before
  Uuid name(std::string_view rest) const;  // uuid_v5 of all that was added and the rest

 private:
  alignas(8) std::array<unsigned char, 128> state_;
};

void write_text(const Uuid& uuid, char* to);  // 36 characters, as to_string
std::string to_string(const Uuid& uuid);      // lower case, 36 characters
std::string to_urn(const Uuid& uuid);         // "urn:uuid:" before it

// Only the lower-case form that FHIR allows, without "urn:uuid:".
std::optional<Uuid> parse_uuid(std::string_view text);
bool is_uuid_urn(std::string_view text);

}  // namespace myoflag::fhir
