#include <string>

#include <gtest/gtest.h>

#include "fhir/uuid.h"

namespace myoflag::fhir {
namespace {

TEST(Uuid, MatchesPublishedVersion5Values) {
  EXPECT_EQ(to_string(uuid_v5(uuid_namespace_dns, "www.example.com")),
            "2ed6657d-e927-568b-95e1-2665a8aea6a2");
  EXPECT_EQ(to_string(uuid_v5(uuid_namespace_dns, "python.org")),
            "886313e1-3b8a-5372-9b90-0c9aee199e5d");
  EXPECT_EQ(to_string(uuid_v5(uuid_namespace_url, "http://python.org/")),
            "4c565f0d-3f5a-5890-b41b-20cf47701c5e");
}

TEST(Uuid, HasVersion5AndVariantWhateverTheName) {
  for (int i = 0; i < 200; ++i) {
    const auto text =
        to_string(uuid_v5(uuid_namespace_url, std::string(static_cast<std::size_t>(i), 'x')));
    EXPECT_EQ(text[14], '5');
    EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos);
  }
}

TEST(Uuid, TextAndBytesAgree) {
  const auto uuid = uuid_v5(uuid_namespace_url, "a");
  EXPECT_EQ(parse_uuid(to_string(uuid)), uuid);
  EXPECT_EQ(to_urn(uuid), "urn:uuid:" + to_string(uuid));
  EXPECT_TRUE(is_uuid_urn(to_urn(uuid)));
  EXPECT_EQ(to_string(uuid_namespace_dns), "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
}

TEST(Uuid, OnlyTheLowerCaseFormIsValid) {
  for (const auto* text :
       {"", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", "6ba7b8109dad11d180b400c04fd430c8",
        "6ba7b810-9dad-11d1-80b4-00c04fd430c", "6ba7b810-9dad-11d1-80b4-00c04fd430c88",
        "6ba7b810-9dad-11d1-80b4_00c04fd430c8", "6ba7b81--9dad-11d1-80b4-00c04fd430c8",
        "{ba7b810-9dad-11d1-80b4-00c04fd430c8}"}) {
    EXPECT_FALSE(parse_uuid(text)) << text;
  }
  EXPECT_FALSE(is_uuid_urn("6ba7b810-9dad-11d1-80b4-00c04fd430c8"));
}

}  // namespace
}  // namespace myoflag::fhir
